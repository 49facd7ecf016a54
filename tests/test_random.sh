#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Random operations, by the functions of the library, and by those of libc under
# the shim: after each lof_walk must agree with smaps. Two seeds of five mix
# every kind of memory in small arenas, the others lock and map in larger ones.
# Logs that once failed run first (corpus/random). With --long: a million
# operations of each, over 100 seeds, in parallel (about 6 minutes on two
# cores). LOF_TEST_SEED, LOF_TEST_SEEDS and LOF_TEST_OPS choose other values.
# shellcheck source=tests/check.sh
. "${srcdir:-.}/tests/check.sh"

[ -r /proc/self/smaps ] || skip '/proc/self/smaps cannot be read'
case $(readelf -d .libs/liblockonfault.so) in
*asan* | *tsan* | *ubsan*)
	skip 'sanitizers reserve terabytes, which mlockall would lock' ;;
esac

LOF_TEST_SEEDS=${LOF_TEST_SEEDS:-8}
LOF_TEST_OPS=${LOF_TEST_OPS:-3000}
if [ "${1-}" = --long ]; then
	LOF_TEST_SEEDS=100
	LOF_TEST_OPS=10000
fi
export LOF_TEST_SEEDS LOF_TEST_OPS
started=$(date +%s)
shim=$builddir/.libs/liblockonfault-preload.so

for log in "$srcdir"/tests/corpus/random/*; do
	check "${log##*/} by the library's names" ./random_ops --replay "$log" \
		--no-shrink
	[ -e "$shim" ] || continue
	check "${log##*/} under the shim" \
		env LD_PRELOAD="$shim" ./random_ops_shim --replay "$log" \
		--no-shrink
done

./random_ops --statistics >"$work/api" 2>&1 &
api=$!
if [ -e "$shim" ]; then
	if LD_PRELOAD=$shim ./random_ops_shim --statistics >"$work/shim" 2>&1; then
		cat "$work/shim"
		ok "$LOF_TEST_SEEDS seeds under the shim"
	else
		cat "$work/shim"
		failed=1
	fi
fi
if wait $api; then
	cat "$work/api"
	ok "$LOF_TEST_SEEDS seeds by the library's names"
else
	cat "$work/api"
	failed=1
fi
echo "$(($(date +%s) - started)) seconds"
finish
