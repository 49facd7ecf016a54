#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# A program that calls mlockall(MCL_FUTURE) under a limit. Without the shim it
# fails. Under the shim it runs, and the bytes that are not locked are counted.
# shellcheck source=tests/check.sh
. "${srcdir:-.}/tests/check.sh"

shim=$builddir/.libs/liblockonfault-preload.so
[ -e "$shim" ] || skip 'the shim is not built'
as_nobody=
if [ "$(id -u)" = 0 ]; then
	has setpriv || skip 'there is no setpriv'
	as_nobody='setpriv --reuid 65534 --regid 65534 --clear-groups'
	as_nobody="$as_nobody --inh-caps=-all --bounding-set=-all"
fi
has prlimit || skip 'there is no prlimit'
limit=--memlock=8388608:8388608
prlimit $limit true 2>/dev/null || skip 'RLIMIT_MEMLOCK is below 8 MiB'

# Any user must be able to read the files.
chmod 755 "$work"
cp follower "$shim" .libs/liblockonfault.so.0 "$work/"
chmod 755 "$work"/*
limited() {
	# shellcheck disable=SC2086
	prlimit $limit $as_nobody "$@"
}
shimmed() {
	limited env LD_LIBRARY_PATH="$work" LD_PRELOAD="$work/${shim##*/}" "$@"
}

cd "$work" || exit 1
limited ./follower libm.so.6 >out 2>&1 &&
	fail 'without the shim it does not fail'
same 'without the shim it fails' 'pthread_create: ' \
	"$(grep -o '^pthread_create: ' out)"
check 'it runs under the shim' shimmed ./follower libm.so.6
sed 's/^/    /' check.out
same 'something is locked' yes \
	"$(awk '$1 == "locked" && $2 > 262144 { print "yes" }' check.out)"
at_most 'and no more than seven eighths of the limit, in KiB' 7168 \
	"$(awk '$1 == "locked" { print int($2 / 1024) }' check.out)"
same 'the stacks and the allocation are left out' yes \
	"$(awk '$1 == "left_out" && $2 > 1610612736 { print "yes" }' check.out)"
: >log
chmod 666 log
check 'and with a thread that catches up' shimmed \
	env LOCKONFAULT_SYNC_MS=1 LOCKONFAULT_LOG="$work/log" ./follower
same 'the log tells how much' yes \
	"$(awk '/: left out / && $6 > 500000000 { print "yes"; exit }' log)"
shimmed env LOCKONFAULT_FUTURE=kernel ./follower >out 2>&1 &&
	fail 'by LOCKONFAULT_FUTURE=kernel it does not fail'
same 'by LOCKONFAULT_FUTURE=kernel it fails too' 'pthread_create: ' \
	"$(grep -o '^pthread_create: ' out)"
finish
