# SPDX-License-Identifier: LGPL-2.1-or-later
# The result of bench_wrappers with one thread: the time that the library adds,
# in percent of the raw system calls, by the number of ranges.
set terminal svg size 760,460 font 'sans,13' background '#ffffff'
set output out
set datafile separator '\t'
set datafile missing NaN
set logscale x
set xrange [7:1.4e6]
set yrange [0:*]
set format x '%.0s%c'
set xlabel 'locked ranges'
set ylabel 'added, % of the raw calls'
set grid ytics lc '#dddddd'
set key outside bottom center horizontal
calls = '"munlock mlock2" "munmap mmap-fixed mlock2" "mremap" "munmap mmap, untracked"'
plot for [i = 1:4] data using 1:(strcol(3) eq word(calls, i) && $2 == 1 ? 100 * ($5 / $4 - 1) : NaN) \
	with linespoints lw 2 pt 7 ps 0.6 lc i title word(calls, i)
