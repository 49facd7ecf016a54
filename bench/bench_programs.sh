#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Programs that lock no memory, under the shim and without it, in turn. Prints
# the medians of the times, and the median and quartiles of the ratio of each
# turn. Run by "make bench".
#
#	bench_programs.sh [DATA-FILE]
set -eu
srcdir=${srcdir:-.}
data=${1:-/dev/null}
shim=$PWD/.libs/liblockonfault-preload.so
turns=20
work=$(mktemp -d)
server=
unset LD_PRELOAD
trap '[ -z "$server" ] || kill $server 2>/dev/null; rm -rf "$work"' EXIT
trap 'exit 1' INT TERM

now() { date +%s%N; }

has() { command -v "$1" >/dev/null 2>&1; }

# part PERCENT FILE: the percentile of the lines of FILE
part() { sort -n "$2" | sed -n "$((($(wc -l <"$2") - 1) * $1 / 100 + 1))p"; }

report() {
	name=$1
	plain=$(part 50 "$work/plain") shimmed=$(part 50 "$work/shimmed")
	paste "$work/plain" "$work/shimmed" |
		awk '{ printf "%.2f\n", 100 * ($2 / $1 - 1) }' >"$work/ratios"
	awk -v name="$name" -v plain="$plain" -v shimmed="$shimmed" \
		-v added="$(part 50 "$work/ratios")" -v low="$(part 25 "$work/ratios")" \
		-v high="$(part 75 "$work/ratios")" -v data="$data" 'BEGIN {
		printf "%-24s %9.1f %9.1f %7.1f %%  %5.1f to %.1f\n", name,
			plain / 1e6, shimmed / 1e6,
			added, low, high
		printf "\"%s\"\t%.1f\t%.1f\n", name, plain / 1e6,
			shimmed / 1e6 >>data }'
}

# time_one PRELOAD COMMAND...: the nanoseconds that COMMAND takes
time_one() {
	preload=$1
	shift
	began=$(now)
	env LD_PRELOAD="$preload" "$@" >/dev/null 2>&1 ||
		{ echo "failed: $*" >&2; exit 1; }
	echo $(($(now) - began))
}

# serve PRELOAD LOAD SERVER...: the nanoseconds that LOAD takes
serve() {
	preload=$1 load=$2
	shift 2
	env LD_PRELOAD="$preload" "$@" >/dev/null 2>&1 &
	server=$!
	tries=100
	until $load probe >/dev/null 2>&1; do
		tries=$((tries - 1))
		[ $tries -gt 0 ] || { echo "no answer: $*" >&2; exit 1; }
		sleep 0.05
	done
	began=$(now)
	$load load >/dev/null 2>&1
	echo $(($(now) - began))
	kill $server
	wait $server 2>/dev/null || :
	server=
}

# compare NAME HOW ARGUMENTS...: HOW is time_one or serve.
compare() {
	name=$1 how=$2
	shift 2
	rm -f "$work/plain" "$work/shimmed"
	$how '' "$@" >/dev/null
	turn=0
	while [ $turn -lt $turns ]; do
		# The caches may favour the first or the second run.
		[ $((turn % 2)) = 0 ] || $how "$shim" "$@" >>"$work/shimmed"
		$how '' "$@" >>"$work/plain"
		[ $((turn % 2)) = 1 ] || $how "$shim" "$@" >>"$work/shimmed"
		turn=$((turn + 1))
	done
	report "$name"
}

memcached_load() {
	case $1 in
	probe) memcping --servers=127.0.0.1:21211 ;;
	load) memcslap --servers=127.0.0.1:21211 --concurrency=8 \
		--execute-number=4000 --test=set ;;
	esac
}

redis_load() {
	case $1 in
	probe) redis-cli -p 21212 ping ;;
	load) redis-benchmark -p 21212 -q -n 50000 -d 4000 -r 10000 \
		-t set,get,lpush ;;
	esac
}

cat >"$work/churn.py" <<'EOF'
import mmap
for i in range(3000):
    a = bytearray(1 << 20)
    b = bytes(a[:1 << 18])
    with mmap.mmap(-1, 1 << 16) as m:
        m[0] = 1
        m.resize(1 << 17)
EOF

printf '%-24s %9s %9s %9s  %s\n' 'ms, medians' without shim added quartiles
compare true time_one true
compare 'cc -O2' time_one cc -O2 -c -w -I"$srcdir/include" -I"$srcdir/src" -I. \
	-D_GNU_SOURCE -o "$work/out.o" "$srcdir/src/base/range_tree.c"
for program in python3 java memcached redis-server; do
	has $program || { echo "$program is missing" >&2; continue; }
	case $program in
	python3) compare 'python3, mmap churn' time_one python3 \
		"$work/churn.py" ;;
	java) compare 'java -version' time_one java -version ;;
	memcached) compare 'memcached, sets' serve memcached_load memcached \
		-u nobody -l 127.0.0.1 -p 21211 -U 0 ;;
	redis-server) compare 'redis, set get lpush' serve redis_load \
		redis-server --port 21212 --save '' --bind 127.0.0.1 ;;
	esac
done
