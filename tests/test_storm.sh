#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Threads, signal handlers and children make random calls, by the functions of
# the library, and by those of libc under the shim. All must make progress.
# Whenever no call is in flight, the ledger must agree with smaps. With --long:
# a minute of 4 threads, 10,000 forks under each policy, a million signals
# (about 20 minutes on two cores). LOF_TEST_SEED chooses another seed.
# shellcheck source=tests/check.sh
. "${srcdir:-.}/tests/check.sh"

[ -r /proc/self/smaps ] || skip '/proc/self/smaps cannot be read'
case $(readelf -d .libs/liblockonfault.so) in
*asan* | *ubsan*)
	skip 'sanitizers reserve terabytes, which mlockall would lock' ;;
esac

seconds=2 forks=200 signals=20000
if [ "${1-}" = --long ]; then
	seconds=60 forks=10000 signals=1000000
fi

# storm OPTION...: run both programs in parallel
storm() {
	./storm "$@" >"$work/api" 2>&1 &
	api=$!
	if [ -e "$shim" ]; then
		LD_PRELOAD=$shim ./storm_shim "$@" >"$work/shim" 2>&1 ||
			fail "storm $* under the shim"
		cat "$work/shim"
	fi
	wait $api || fail "storm $*"
	cat "$work/api"
	ok "storm $*"
}

shim=$builddir/.libs/liblockonfault-preload.so
storm --seconds $seconds
storm --forks $forks
storm --forks $forks --relock
storm --signals $signals
finish
