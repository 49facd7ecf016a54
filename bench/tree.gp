# SPDX-License-Identifier: LGPL-2.1-or-later
# The result of bench_tree: ns for an operation, by the number of ranges.
set terminal svg size 1100,760 font 'sans,13' background '#ffffff'
set output out
set datafile separator '\t'
set datafile missing NaN
set logscale xy
set xrange [7:1.4e6]
set format x '%.0s%c'
set grid ytics lc '#dddddd'
set key left top samplen 2 font ',11'
names = 'liblockonfault std::map Boost.ICL absl::btree\_map "BSD RB" "GLib GTree" JudyL'
plain = 'liblockonfault std::map Boost.ICL absl::btree_map "BSD RB" "GLib GTree" JudyL'
columns = 'hit miss insert remove split coalesce'
set multiplot layout 2,3 title 'The ledger''s tree and its peers: ns an operation, by ranges'
do for [c = 1:6] {
	set title word(columns, c)
	if (c > 1) { unset key }
	plot for [i = 1:7] data using 1:(strcol(2) eq word(plain, i) ? column(c + 2) : NaN) \
		with linespoints lw (i == 1 ? 3 : 1) pt 7 ps 0.5 \
		lc i title word(names, i)
}
unset multiplot
