#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# The demo: its usage, and its figures, which must show that lock-on-fault makes
# only the written pages resident.
# shellcheck disable=SC2016
# shellcheck source=tests/check.sh
. "${srcdir:-.}/tests/check.sh"
# shellcheck source=tests/command.sh
. "${srcdir:-.}/tests/command.sh"

demo=$builddir/examples/demo/demo

# --- usage

exits 'demo --help' 0 "$demo" --help
says 'demo --help has a synopsis' out ' demo \[options\]'
silent 'demo --help leaves stderr alone'
same 'demo --help fits 80 columns' '' "$(awk 'length > 80' out)"
exits 'demo --version' 0 "$demo" --version
says 'demo --version' out 'demo from liblockonfault [0-9][0-9.]*'
exits 'demo --help on a full disk' 1 sh -c '"$@" >/dev/full' sh "$demo" --help
exits 'demo, an unknown option' 1 "$demo" --frobnicate
exits 'demo, an argument' 1 "$demo" 1G
for size in '' 1x -1 1KB G 1e3 99999999999999999999 20000000T; do
	exits "demo, size '$size'" 1 "$demo" --size="$size"
	says "demo, size '$size' is refused" err ".*invalid argument '$size' for --size.*"
done
exits 'demo, a bad --color' 1 "$demo" --color=sometimes

# --- the figures

# bytes NUMBER UNIT
bytes() {
	awk -v n="$1" -v unit="$2" 'BEGIN {
		power["B"] = 0; power["KiB"] = 1; power["MiB"] = 2
		printf "%d\n", n * 1024 ^ power[unit] }'
}

mkdir tmp
exits 'demo' 0 env TMPDIR="$work/tmp" "$demo" --size 4M
[ ! -e "$shim" ] || silent 'demo leaves stderr alone'
same 'demo fits 80 columns' '' "$(awk 'length > 80' out)"
says 'demo: locks are kept over mremap' out '.*VmFlags  *lo  *lo lf  *-'
says 'demo: a strip in ASCII, in full' out 'in full  *@@*'
says 'demo: a strip in ASCII, on fault' out 'on fault  *[.:=+*#%-]*'
says 'demo: the size was allowed, or that is said' out \
	'.* 4 MiB of anonymous .*\|RLIMIT_MEMLOCK .* allows no more.*'
# The second line of the form "  resident afterwards   4 MiB  0 B  0 B".
# shellcheck disable=SC2046
set -- $(sed -n 's/^  resident afterwards *//p' out | sed -n 2p)
check 'demo: on fault less is resident' test \
	"$(($(bytes "$3" "$4") * 10))" -lt "$(bytes "$1" "$2")"
same 'demo: on fault as without a lock' "$3 $4" "$5 $6"
# shellcheck disable=SC2046
set -- $(sed -n 's/^  resident and locked *//p' out)
check 'demo: and it is locked' test "$(bytes "$3" "$4")" -gt 0
same 'demo: without a lock it is not' '0 B' "$5 $6"
says 'demo: the gain comes last' out 'resident: .* on fault, .* in full: .* %'
same 'demo: its directory is gone' '' "$(ls tmp)"
says 'demo: memcached is measured, or why not' out \
	'resident then: .* on fault, .*\|memcached .*: not measured, .*'
same 'demo: no colors into a file' '' "$(grep "$(printf '\033')" out)"
"$demo" -s 1M --color=always >out
check 'demo --color=always' grep -q "$(printf '\033')" out
if [ "$(LC_ALL=C.UTF-8 locale charmap 2>/dev/null)" = UTF-8 ]; then
	LC_ALL=C.UTF-8 "$demo" -s 1M >out
	check 'demo: a strip in UTF-8' grep -q '^in full  *\(█\)*$' out
fi
# With this PATH libtool's wrapper prints errors of its own.
PATH=$work/tmp "$demo" -s 1M >out 2>/dev/null
says 'demo without memcached' out '.*not measured, it is not installed'
exits 'demo, too small' 1 "$demo" -s 1

if has prlimit && nobody_can "$demo" --version; then
	exits 'demo under a limit' 0 as_nobody prlimit --memlock=1048576 \
		"$demo"
	says 'demo under a limit says so' out 'RLIMIT_MEMLOCK (1 MiB) allows .*'
	says 'and does what it can' out '.*VmFlags  *lo  *lo lf  *-'
	exits 'demo that may lock nothing' 1 as_nobody prlimit --memlock=0 \
		"$demo"
fi

finish
