#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Run tests again with mlock2 and mlockall(MCL_ONFAULT) refused, with each errno
# that a sandbox or an old kernel gives: the public calls against the kernel,
# the shim, and random operations. With ENOSYS also the unit tests, failing
# system calls, threads, signals and forks. The tests skip the checks that need
# mlock2.
# shellcheck source=tests/check.sh
. "${srcdir:-.}/tests/check.sh"

[ -r /proc/self/smaps ] || skip '/proc/self/smaps cannot be read'
case $(readelf -d .libs/liblockonfault.so) in
*asan* | *tsan* | *ubsan*)
	skip 'sanitizers reserve terabytes, which mlockall would lock' ;;
esac
./nomlock2 ENOSYS true || skip 'no filter can be set here'

shim=$builddir/.libs/liblockonfault-preload.so
LOF_TEST_SEEDS=${LOF_TEST_SEEDS:-4}
LOF_TEST_OPS=${LOF_TEST_OPS:-2000}
export LOF_TEST_SEEDS LOF_TEST_OPS

# without ERR PROGRAM: run a test program of libcheck, and print its counts.
without() {
	if ./nomlock2 "$1" "./$2" >"$work/out" 2>&1; then
		ok "$2, $1"
	else
		fail "$2, $1"
	fi
	grep -E '^([0-9]+%|check_[a-z]+): |:[FE]:' "$work/out"
}

without ENOSYS check_unit
without ENOSYS check_faults
# LOF_TEST_PROGRAMS=no: the build by a second compiler needs only one errno.
ways='ENOSYS EPERM EINVAL'
[ "${LOF_TEST_PROGRAMS-}" != no ] || ways=ENOSYS
for err in $ways; do
	without "$err" check_kernel
	check "random operations, $err" ./nomlock2 "$err" ./random_ops
	[ -e "$shim" ] || continue
	without "$err" check_preload
	check "random operations under the shim, $err" ./nomlock2 "$err" \
		env LD_PRELOAD="$shim" ./random_ops_shim
	same "nothing is populated under the shim, $err" '0 0 0 ' \
		"$(./nomlock2 "$err" env LD_PRELOAD="$shim" ./grower)"
done
check 'race' ./nomlock2 ENOSYS ./race --ops 20000
check 'race with signals' ./nomlock2 ENOSYS ./race --ops 10000 --signals
for storm in '--seconds 2' '--forks 50' '--forks 50 --relock' '--signals 2000'; do
	# The options are to be split.
	# shellcheck disable=SC2086
	check "storm $storm" ./nomlock2 ENOSYS ./storm $storm
	[ -e "$shim" ] || continue
	# shellcheck disable=SC2086
	check "storm $storm under the shim" ./nomlock2 ENOSYS \
		env LD_PRELOAD="$shim" ./storm_shim $storm
done
same 'all of it is without' '32 32 64 ' "$(./grower)"
if [ -e "$shim" ]; then
	for fallback in full refuse; do
		same "all of it is by LOCKONFAULT_FALLBACK=$fallback" \
			'32 32 64 ' "$(./nomlock2 ENOSYS env LD_PRELOAD="$shim" \
				LOCKONFAULT_FALLBACK=$fallback ./grower)"
	done
fi
finish
