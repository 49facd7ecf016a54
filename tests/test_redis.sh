#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# redis-server does the same under the shim as without it: it answers, evicts at
# its maxmemory, forks to save, and starts again from the saved file.
# shellcheck source=tests/check.sh
. "${srcdir:-.}/tests/check.sh"
# shellcheck source=tests/programs.sh
. "${srcdir:-.}/tests/programs.sh"

for program in redis-server redis-cli redis-benchmark; do
	has $program || skip "$program is not installed"
done

requests=5000
[ -z "$in_full" ] || requests=50000

# The input of redis-cli, one command on a line.
awk 'BEGIN {
	for (i = 0; i < 300; i++) {
		printf "set k%d %d\nincrby k%d %d\n", i, i * 7, i, i
		printf "append s%d %*d\n", i % 20, 100 + i * 13, i
		printf "rpush list %d\nsadd set %d\n", i * 31 % 97, i * 31 % 97
		printf "zadd z %d m%d\nhset h f%d %d\n", i % 17, i, i, i
		printf "pfadd hll %d\nsetbit bits %d 1\n", i, i * 31
	}
	print "sort list desc limit 0 20\nscard set\nzrange z 0 -1 withscores"
	print "hgetall h\nlrange list 0 -1\npfcount hll\nbitcount bits"
	print "strlen s7\nget k299\ngetrange s3 0 1000\nincr s3\nget nothing"
	print "rename list list2\nlpos list2 31\ndbsize\ndebug digest"
}' >"$work/commands"

# The input writes more than maxmemory allows. This Lua script checks the values
# that are still there. Its answer: the number of wrong values, whether some
# values are gone, and whether some are still there.
cat >"$work/evict.lua" <<'LUA'
local wrong, gone, kept = 0, 0, 0
for i = 1, 20000 do
	local got = redis.call('get', 'e' .. i)
	if not got then
		gone = gone + 1
	elseif got == string.rep(tostring(i), 200) then
		kept = kept + 1
	else
		wrong = wrong + 1
	end
end
return { wrong, gone > 0, kept > 0 }
LUA
awk 'BEGIN {
	for (i = 1; i <= 20000; i++) {
		value = ""
		for (j = 0; j < 200; j++)
			value = value i
		printf "set e%d %s\n", i, value
	}
}' >"$work/fill"

# Drop the numbers and times in the server's log: they differ in each run.
cat >"$work/serve" <<SH
socket=\$PWD/tmp/socket
ask() { redis-cli -s "\$socket" "\$@"; }
start() {
	# jemalloc does not know how to discard locked memory, and prints a
	# warning. No other output is expected.
	redis-server --port 0 --unixsocket "\$socket" --save '' --dir "\$PWD" \\
		--enable-debug-command yes --logfile "\$PWD/log" \\
		--maxmemory-policy allkeys-lru "\$@" &
	tries=300
	until [ "\$(ask ping 2>/dev/null)" = PONG ]; do
		tries=\$((tries - 1))
		[ \$tries -gt 0 ] || { echo 'no answer'; cat log; exit 1; }
		sleep 0.1
	done
}
stop() {
	ask shutdown "\$@"
	wait \$!
	echo "server: status \$?"
}
start
ask <"$work/commands"
redis-benchmark -s "\$socket" -n $requests -c 20 -P 8 -d 700 -r 1000 -e -q \\
	-t set,get,incr,lpush,rpop,sadd,hset,zadd,lrange_100,mset |
	tr '\\r' '\\n' | sed -n 's/: [0-9.]* requests per second.*/: done/p'
echo "benchmark: status \$?"
ask del mylist myset myhash myzset
ask flushall
ask <"$work/commands" >/dev/null
ask bgsave
while ask info persistence | grep -q 'rdb_bgsave_in_progress:1'; do
	ask incr while_saving >/dev/null
	sleep 0.05
done
ask info persistence | grep 'rdb_last_bgsave_status'
ask bgrewriteaof
while ask info persistence |
	grep -Eq 'aof_rewrite_(in_progress|scheduled):1'; do
	sleep 0.05
done
ask info persistence | grep 'aof_last_bgrewrite_status'
ask del while_saving >/dev/null
ask debug digest
stop save
redis-check-rdb dump.rdb >check.out || cat check.out
start
ask debug digest
ask flushall
ask config set maxmemory 20mb
ask <"$work/fill" | sort | uniq -c
ask eval "\$(cat "$work/evict.lua")" 0
ask memory purge
ask config set activedefrag yes
ask flushall async
ask debug digest
stop nosave
sed -e 's/^[0-9]*:\\(.\\) .* \\([*#.-]\\) /\\1 \\2 /' -e 's/[0-9][0-9.]*/N/g' log
rm -rf log dump.rdb check.out appendonlydir
SH
redis_alike() { alike redis redis-server sh "$work/serve"; }
locked_too redis_alike
finish
