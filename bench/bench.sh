#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Run all benchmarks, by "make bench", in the build directory. Tables go to
# standard output, data and plots into bench.out. A million ranges are two
# million VMAs: one benchmark raises vm.max_map_count while it runs, if allowed.
set -eu
srcdir=${srcdir:-.}
limit=/proc/sys/vm/max_map_count
old=$(cat $limit)
trap 'rm -f bench.out/5g; echo "$old" 2>/dev/null >$limit || :' EXIT
trap 'exit 1' INT TERM
mkdir -p bench.out

say() { printf '\n== %s\n' "$*"; }

say 'the tree beside other ordered structures'
./bench_tree bench.out/tree.tsv
say 'the library without its system calls'
./bench_books bench.out/books.tsv
say 'the library beside the raw system calls'
echo 4000000 2>/dev/null >$limit || :
./bench_wrappers bench.out/wrappers.tsv
echo "$old" 2>/dev/null >$limit || :
say 'the shim beside a library that only hands calls on'
./bench_shim
say 'questions beside reading smaps'
./bench_reading bench.out/reading.tsv
say 'lock-on-fault without mlock2'
file=bench.out/5g
if dd if=/dev/zero of=$file bs=1M count=5120 2>/dev/null; then
	./bench_flag --2015 $file
else
	echo 'there is no room for a file of 5 GiB'
	./bench_flag
fi
rm -f $file
say 'budgets'
./bench_sweep
say 'attach: the time for which a process is stopped'
[ ! -x lockonfault ] || ./bench_attach
say 'whole programs under the shim'
sh "$srcdir/bench/bench_programs.sh" bench.out/programs.tsv
say 'programs that lock nothing, under a supervisor'
sh "$srcdir/bench/bench_trace.sh"

for plot in tree wrappers; do
	gnuplot -e "data='bench.out/$plot.tsv'; out='bench.out/$plot.svg'" \
		"$srcdir/bench/$plot.gp"
	echo "plot: bench.out/$plot.svg"
done
