#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Threads on the same pages, which yield at the seams of the protocol, without
# signals and with them: no page may be wrong. If any part of the protocol is
# left out, some page must be wrong. With --long: 5 million calls of each (about
# 15 minutes). LOF_TEST_SEED chooses another seed.
# shellcheck source=tests/check.sh
. "${srcdir:-.}/tests/check.sh"

[ -r /proc/self/smaps ] || skip '/proc/self/smaps cannot be read'
case $(readelf -d .libs/liblockonfault.so) in
*asan* | *tsan* | *ubsan*)
	skip 'sanitizers reserve terabytes, which mlockall would lock' ;;
esac

ops=200000
parts='log unplaced left blindness second-look'
if [ "${1-}" = --long ]; then
	ops=5000000
	parts="$parts moves"	# without it a million calls may be right
fi

for signals in '' --signals; do
	if ./race --ops $ops $signals; then
		ok "race $signals"
	else
		fail "race $signals"
	fi
done
# is_right_without PART [--signals]: no page is wrong after ten million calls. A
# hundred processes make them: some parts matter only in the first thousands.
is_right_without() {
	part=$1
	shift
	for process in $(seq 100); do
		./race --ops 100000 --without "$part" "$@" >"$work/race" 2>&1 ||
			{ cat "$work/race"; return 1; }
	done
	echo "without $part: nothing in $process times 100,000 calls"
}

for part in $parts; do
	signals=
	[ "$part" != left ] || signals=--signals	# only handlers leave
	# shellcheck disable=SC2086
	if is_right_without "$part" $signals; then
		fail "without $part no page is wrong"
	else
		ok "without $part some pages are wrong"
	fi
done
finish
