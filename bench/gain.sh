#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# What lock-on-fault gains for programs that lock their memory: the resident
# memory and the time until they are ready, by "lockonfault bench". Before that,
# a client asks each program under "lockonfault run"; its answer must be right,
# and memory must be locked then. Prints a table, and writes NAME.json, NAME.svg
# and NAME.log into the output directory. "./dev gain" installs the packages.
#
#	gain.sh BUILD-DIRECTORY OUTPUT-DIRECTORY [NAME...]
#
# LOF_GAIN_RUNS: how often each program runs in each way; the default is 3.
#
# The programs of bench/gain lock 256 MiB, or all their memory with a heap of
# 1 GiB, and print "ready". If they read a line then, they write i % 256 to the
# page i of 256 MiB, and print the sum of all bytes. Then they sleep.
set -u
real=$(cd "$(dirname "$0")/../tests/real" && pwd)
own=$(cd "$(dirname "$0")/gain" && pwd)
build=$(cd "$1" && pwd)
mkdir -p "$2"
out=$(cd "$2" && pwd)
shift 2
LC_ALL=C.UTF-8
export LC_ALL
unset LD_PRELOAD
# shellcheck source=tests/real/shared.sh
. "$real/shared.sh"
lof=$build/lockonfault
jna=/usr/share/java/jna.jar
port=$(/usr/bin/python3 -c '
import socket
s = socket.socket()
s.bind(("127.0.0.1", 0))
print(s.getsockname()[1])')
server=
failed=

dir=$(mktemp -d "$out/tmp.XXXXXX")
clean_up() {
	[ -z "$server" ] || kill_group "$server"
	rm -rf "$dir"
}
trap clean_up EXIT
trap 'exit 1' HUP INT TERM

# NAME|--ready|options of run|command, in the directory $dir/NAME
programs() {
	cat <<-TABLE
	memcached|unix:socket||memcached -k -m 64 -u root -s socket
	mariadbd|unix:data/socket||mariadbd --no-defaults --user=root --datadir=$dir/mariadbd/data --socket=socket --skip-networking --memlock --innodb-buffer-pool-size=1G
	qemu|log:SeaBIOS||qemu-system-x86_64 -nographic -m 2048 -overcommit mem-lock=on -accel tcg -net none -qmp unix:socket,server=on,wait=off
	jna|log:ready||java -Xms1g -Xmx1g -cp $jna:. Jna
	foreign|log:ready|--backend=trace|java -Xms1g -Xmx1g --add-modules jdk.incubator.foreign --enable-native-access=ALL-UNNAMED Foreign
	static|log:ready||./lock
	go|log:ready||./lock
	python|log:ready|--backend=trace|/usr/bin/python3 $own/lock.py
	ruby|log:ready|--backend=trace|/usr/bin/ruby $own/lock.rb
	php|log:ready|--backend=trace|php -d ffi.enable=1 $own/lock.php
	chronyd|unix:socket|--rlimit=fake|chronyd -x -d -m -u root -f conf
	llama|tcp:$port|--populate=strip|node $real/llama.mjs $build/llama $build/llama/model.gguf $port
	TABLE
}

# Words before the command. Under this limit, which it may not raise, chronyd
# locks nothing without --rlimit=fake, also eagerly.
under() {
	[ "$name" != chronyd ] ||
		echo prlimit --memlock=8388608:8388608 \
			setpriv --inh-caps -sys_resource \
			--bounding-set -sys_resource
}

# prepare: build or configure $name in the current directory
prepare() {
	case $name in
	mariadbd)
		mariadb-install-db --no-defaults --datadir="$PWD/data" \
			--user=root --auth-root-authentication-method=normal \
			--skip-test-db
		;;
	jna) javac -d . -cp "$jna" "$own/Jna.java" "$own/Locked.java" ;;
	foreign)
		javac -d . --add-modules jdk.incubator.foreign \
			"$own/Foreign.java" "$own/Locked.java"
		;;
	static) ${CC:-cc} -O2 -static "$own/lock.c" -o lock ;;
	go) GOCACHE=$PWD/cache GO111MODULE=off go build -o lock "$own/lock.go" ;;
	chronyd)
		chmod 770 .
		cat >conf <<-CONF
		bindcmdaddress $PWD/socket
		pidfile $PWD/pid
		driftfile $PWD/drift
		port 0
		cmdport 0
		local stratum 10
		CONF
		;;
	esac
}

# --- the client

ask_by() { timeout 40 /usr/bin/python3 "$real/ask.py" "$@"; }

# ask: print the answer of $name
ask() {
	case $name in
	memcached) ask_by memcached socket ;;
	mariadbd)
		timeout 40 mariadb --no-defaults --socket=data/socket -u root \
			-D mysql -NBe '
			create or replace table t (a int primary key,
				b varchar(200)) engine=innodb;
			insert into t
				select seq, repeat("x", 100) from seq_1_to_20000;
			select count(*), sum(a), sum(length(b)) from t'
		;;
	qemu)
		ask_by qmp socket |
			grep -o "'running': True\|'base-memory': [0-9]*"
		;;
	chronyd) chronyc -h "$PWD/socket" tracking | grep '^Stratum' ;;
	llama) curl -sfm 30 "http://127.0.0.1:$port/" ;;
	*)
		echo >&3
		wait_for 30 grep '^sum ' output
		;;
	esac
}

# right_answer: print the answer that $name must give. That of llama.cpp may
# differ between processors.
right_answer() {
	case $name in
	memcached)
		cat <<-'ANSWER'
		STORED
		VALUE a 0 5 b'hello\r\n' b'END\r\n'
		STORED
		VALUE big 0 500000 True b'END\r\n'
		ANSWER
		;;
	mariadbd) printf '20000\t200010000\t2000000\n' ;;
	qemu)
		echo "'running': True"
		echo "'running': True"
		echo "'base-memory': $((2048 << 20))"
		;;
	chronyd) echo 'Stratum         : 10' ;;
	llama) cat bare ;;
	*) echo 'sum 8355840' ;;
	esac
}

is_ready() {
	case $ready in
	log:*) grep -Eq "${ready#log:}" output ;;
	unix:*) [ -S "${ready#unix:}" ] ;;
	tcp:*) /usr/bin/python3 -c '
import socket, sys
socket.create_connection(("127.0.0.1", sys.argv[1]))' "${ready#tcp:}" \
		2>/dev/null ;;
	esac
}

status_kb() {
	sed -n "s/^$1:[^0-9]*\([0-9]*\) kB/\1/p" "/proc/$server/status"
}

stop() {
	kill "$server" 2>/dev/null
	wait_for 60 false
	kill_group "$server"
	wait "$server" 2>/dev/null
	server=
}

# try ANSWER WORDS...: start $words after WORDS, and write into the file
# ANSWER what it answers; sets alone and locked
try() {
	answer=$1 alone='' locked=''
	shift
	rm -f in
	mkfifo in
	exec 3<>in
	# All are words.
	# shellcheck disable=SC2046,SC2086
	setsid $(under) "$@" $words <in >output 2>&1 3>&- &
	server=$!
	if wait_for 120 is_ready; then
		alone=$(status_kb VmRSS) locked=$(status_kb VmLck)
		ask >"$answer" 2>>output
	else
		echo 'not ready' >"$answer"
	fi
	stop
	exec 3>&-
}

# --- the measurement

# wrong REASON FILE: $name does not do its job
wrong() {
	echo "WRONG, $name: $1"
	tail -n 15 "$2" | sed 's/^/    /'
	failed="$failed $name"
}

# row ALONE JSON-FILE
row() {
	jq -r '.bench | map({key: (.measure + .way), value: .median}) |
		from_entries | [.residentnone, .residenteager, .residentonfault,
			.readynone, .readyeager, .readyonfault] |
		map(tostring) | join(" ")' "$2" |
	awk -v name="$name" -v alone="$1" '
	function cell(value, unit) {
		return value == "null" ? "-" : sprintf("%.1f", value / unit)
	}
	{
		printf "%-10s %8s %8s %8s %8s %10s %8s %8s\n", name,
			cell($1, 1048576), cell($2, 1048576), cell($3, 1048576),
			cell(alone, 1024), cell($4, 1e6), cell($5, 1e6),
			cell($6, 1e6)
	}'
}

# measure: check and measure $name
measure() {
	mkdir "$dir/$name"
	cd "$dir/$name" || exit
	# shellcheck disable=SC2086
	set -- $words
	prepare >output 2>&1 || { wrong 'not built' output; return; }
	if ! has "$1" || { [ "$name" = llama ] && ! has_llama; }; then
		printf '%-10s not run: %s\n' "$name" "$reason"
		return
	fi
	[ "$name" != llama ] || try bare
	# shellcheck disable=SC2086
	try answer "$lof" run $options --
	right_answer >right
	cmp -s answer right ||
		{ cat answer >>output; wrong 'the answer' output; return; }
	[ "${locked:-0}" -gt 0 ] || { wrong 'nothing is locked' output; return; }
	# shellcheck disable=SC2046,SC2086
	$(under) "$lof" bench -J -R "${LOF_GAIN_RUNS:-3}" -t 120 -k 60 \
		--svg "$out/$name.svg" -r "$ready" $options -- $words \
		>"$out/$name.json" 2>"$out/$name.log" </dev/null ||
		{ wrong 'bench' "$out/$name.log"; return; }
	row "$alone" "$out/$name.json"
}

# shellcheck disable=SC2046
[ $# -gt 0 ] || set -- $(programs | cut -d'|' -f1)
printf '%-10s %-35s     %s\n' '' 'resident, MiB' 'ready after, ms'
printf '%-10s %8s %8s %8s %8s %10s %8s %8s\n' program 'no lock' eager \
	'on fault' alone 'no lock' eager 'on fault'
for name; do
	IFS='|' read -r _ ready options words <<-ROW
	$(programs | grep "^$name|")
	ROW
	[ -n "$words" ] || { echo "no program $name" >&2; exit 2; }
	measure
done
[ -z "$failed" ] || { echo "wrong:$failed"; exit 1; }
