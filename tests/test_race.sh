#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Threads on the same pages, changing over wherever it can matter: no page comes
# out wrong, without signals and with them; and without any one part of the
# protocol some do. With --long: 5 million calls of each (about 15 minutes).
# LOF_TEST_SEED chooses another seed.
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
	parts="$parts moves"	# it takes a million calls to be missed
fi

for signals in '' --signals; do
	if ./race --ops $ops $signals; then
		ok "race $signals"
	else
		fail "race $signals"
	fi
done
# is_missed PART [--signals]: ten million calls go well without it. They are made
# by a hundred processes, since some parts matter in the first thousands only.
is_missed() {
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
	[ "$part" != left ] || signals=--signals	# handlers alone leave
	# shellcheck disable=SC2086
	if is_missed "$part" $signals; then
		fail "nobody misses $part"
	else
		ok "without $part some pages are wrong"
	fi
done
finish
