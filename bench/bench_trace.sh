#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# The cost of the trace backend for a program that locks nothing: loops, bare and
# traced in turn: the medians of the CPU time, and the median and the quartiles
# of the ratios of neighbours. Run by "make bench". The last loops are calls of
# less than a microsecond: any filter of seccomp costs some 40 ns for each call.
#   ROUNDS=N  rounds, 41 by default
set -e
builddir=$(pwd)
rounds=${ROUNDS:-41}
data=$(mktemp)
trap 'rm -f "$data"' EXIT

# part COLUMN PERCENT: a percentile
part() {
	cut -d' ' -f"$1" "$data" | sort -n |
		awk -v percent="$2" '{ v[NR] = $1 }
			END { print v[int((NR - 1) * percent / 100) + 1] }'
}

printf '%-8s %12s %12s %7s\n' loop 'bare, ns' 'traced, ns' ratio
for loop in exec find open mmap pipe read getppid; do
	: >"$data"
	round=0
	while [ $round -lt "$rounds" ]; do
		bare=$("$builddir/bench_trace" $loop)
		traced=$("$builddir/lockonfault" run --backend=trace \
			"$builddir/bench_trace" $loop 2>/dev/null)
		echo "$bare $traced $(echo "$bare $traced" |
			awk '{ print $2 / $1 }')" >>"$data"
		round=$((round + 1))
	done
	printf '%-8s %12s %12s %7.3f  %.3f to %.3f\n' $loop "$(part 1 50)" \
		"$(part 2 50)" "$(part 3 50)" "$(part 3 25)" "$(part 3 75)"
done
