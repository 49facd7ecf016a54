#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Servers of other projects that lock their memory, each in several ways: bare,
# and under "lockonfault run", with and without a limit. A client asks each
# server, SIGTERM ends it, and answer and exit status must be as without the
# command. Prints a table. "./dev programs" installs the packages.
#
#	real.sh BUILD-DIRECTORY [PROGRAM...]
#
# Ways:
#   bare    as root
#   run     under "lockonfault run"
#   max     under "lockonfault run --max 16M"
#   bare8   under a hard limit of 8 MiB, without CAP_IPC_LOCK
#   run8    the same, under "lockonfault run"
# LOF_REAL_WAYS: fewer of them, beginning with bare.
set -u
real=$(cd "$(dirname "$0")" && pwd)
build=$(cd "$1" && pwd)
shift
LC_ALL=C
export LC_ALL
ways=${LOF_REAL_WAYS:-bare run max bare8 run8}
# shellcheck source=tests/real/shared.sh
. "$real/shared.sh"

# Servers that give up root must reach all files. A path of a socket is short.
dir=$(mktemp -d /tmp/lof.XXXXXX)
chmod 755 "$dir"
mkdir "$dir/bin"
cp "$build/.libs/lockonfault" "$build/.libs/liblockonfault.so.0" \
	"$build/.libs/liblockonfault-preload.so" \
	"$build/.libs/preload_lockall.so" "$dir/bin"
lockall=$dir/bin/preload_lockall.so	# locks all memory of a program
lof="env LD_LIBRARY_PATH=$dir/bin $dir/bin/lockonfault run"
limit="prlimit --memlock=8388608:8388608 setpriv
	--inh-caps -ipc_lock,-sys_resource
	--bounding-set -ipc_lock,-sys_resource"
server='' others=''
failed=0

clean_up() {
	for pid in $server $others; do
		kill_group "$pid"
	done
	rm -rf "$dir"
}
trap clean_up EXIT
trap 'exit 1' HUP INT TERM

# --- one server

# words WAY: the words before the command of a server; $options are of run
words() {
	case $1 in
	bare) ;;
	run) echo "$lof $options --" ;;
	max) echo "$lof $options --max 16M --" ;;
	bare8) echo "$limit" ;;
	run8) echo "$limit $lof $options --" ;;
	esac
}

# start COMMAND...: in a process group of its own, with the number of the server
start() {
	# shellcheck disable=SC2046
	setsid $(words "$way") "$@" >"$d/output" 2>&1 </dev/null &
	server=$!
}

# start_locked COMMAND...: under the command, all memory is locked before main.
# For a server that bare cannot lock here: it raises its limit, which takes
# CAP_SYS_RESOURCE; or it gives up root, and then cannot allocate; or it aborts,
# because the kernel does not discard locked pages, as node does.
start_locked() {
	case $way in
	bare*) start "$@" ;;
	*) LD_PRELOAD=$lockall start "$@" ;;
	esac
}

# answers: ask the server; $d/answer has the answer then. No client waits for
# ever.
answers() { "ask_$program" >"$d/answer" 2>"$d/client"; }

status_kb() {
	sed -n "s/^$1:[^0-9]*\([0-9]*\) kB/\1/p" "/proc/$server/status" \
		2>/dev/null
}

# stop: by SIGTERM, or by halt_NAME; sets status
stop() {
	if command -v "halt_$program" >/dev/null; then
		"halt_$program" >>"$d/client" 2>&1
	else
		kill "$server" 2>/dev/null || :
	fi
	tries=100
	while is_running "$server" && [ $tries -gt 0 ]; do
		tries=$((tries - 1))
		sleep 0.2
	done
	[ $tries -gt 0 ] || : >"$d/deaf"
	kill_group "$server"
	wait "$server" 2>/dev/null
	status=$?
	server=
	for pid in $others; do
		kill_group "$pid"
		wait "$pid" 2>/dev/null
	done
	others=
}

# try WAY: run $program; sets answered, status, locked and resident
try() {
	way=$1 d=$dir/$program
	rm -rf "$d"
	mkdir "$d"
	"start_$program"
	locked='' resident=''
	if wait_for 20 answers; then
		answered=yes
		sleep 0.5	# the thread of --max scans
		locked=$(status_kb VmLck) resident=$(status_kb VmRSS)
	else
		answered=no
	fi
	stop
	[ ! -e "$d/deaf" ] || status=deaf
	cp "$d/answer" "$dir/answer.$way" 2>/dev/null || : >"$dir/answer.$way"
}

# row NOTE: a line of the table
row() {
	printf '%-12s %-6s %-8s %-6s %9s %9s  %s\n' "$program" "$way" \
		"$answered" "$status" "${locked:--}" "${resident:--}" "$1"
}

# show: show the output of a server that did not do as it should
show() {
	sed 's/^/    /' "$d/output" "$d/client" 2>/dev/null | tail -n 15
}

# compare WITH: the results of way $way with those of the way WITH
compare() {
	wanted='' ended=''
	eval "wanted=\$answered_$1 ended=\$status_$1"
	if [ "$answered" = yes ] && [ "$wanted" = yes ] &&
		! cmp -s "$dir/answer.$way" "$dir/answer.$1"; then
		answered=differs
	fi
	note=
	if [ "$wanted" = no ]; then
		[ "$answered" != yes ] || note="$1 did not answer"
	elif [ "$answered" = yes ] && [ "$ended" = deaf ]; then
		note="$1 does not end by SIGTERM"
	elif [ "$answered" != yes ] || [ "$status" != "$ended" ]; then
		note="WRONG, $1: $wanted, $ended"
	fi
	if [ "$way" = max ] && [ "${locked:-0}" -gt 16384 ]; then
		note="WRONG, more than --max is locked"
	fi
	if [ "$way" = run ] && [ -n "$gain" ] &&
		[ "${resident:-0}" -gt $((resident_bare - gain)) ]; then
		note="WRONG, $resident_bare kB are resident without the command"
	fi
}

# test_program PROGRAM: if it sets $gain, run leaves so many kB less resident
# than bare
test_program() {
	program=$1 options='' gain=''
	"has_$program" || {
		way=- answered=- status=- locked='' resident=''
		row "not run: $reason"
		return
	}
	for way in $ways; do
		try "$way"
		eval "answered_$way=\$answered status_$way=\$status"
		[ "$way" != bare ] || resident_bare=${resident:-0}
		note=
		case $way in
		bare | bare8) [ $answered = yes ] || note='does not run here' ;;
		run8) compare bare8 ;;
		*) compare bare ;;
		esac
		row "$note"
		case $note in
		WRONG*)
			failed=1
			show
			;;
		'does not'*) [ $way = bare8 ] || show ;;
		esac
	done
}

# The python of Debian has its modules.
ask_by() { timeout 40 /usr/bin/python3 "$real/ask.py" "$@"; }
ask_socket() { ask_by "$1" "$d/socket"; }

# --- the programs: has_NAME, start_NAME, ask_NAME

has_chronyd() { has chronyd chronyc; }
start_chronyd() {
	chown _chrony: "$d"
	chmod 770 "$d"
	cat >"$d/conf" <<-CONF
	bindcmdaddress $d/socket
	pidfile $d/pid
	driftfile $d/drift
	bindaddress 127.0.0.1
	port $port
	cmdport 0
	local stratum 10
	CONF
	start_locked chronyd -x -d -F 1 -u _chrony -f "$d/conf"
}
ask_chronyd() {
	chronyc -h "$d/socket" tracking | grep -E '^(Stratum|Leap)' &&
		chronyc -h "$d/socket" -n sources &&
		chronyc -h "$d/socket" activity
}

has_tor() { has tor; }
start_tor_in() {
	mkdir "$d/data"
	chown -R debian-tor "$d"
	chmod 700 "$d"
	: >"$d/torrc"
	# A bridge here: tor is to reach no other machine.
	start_locked tor -f "$d/torrc" --defaults-torrc "$d/torrc" --User debian-tor \
		--DataDirectory "$d/data" --SocksPort 0 \
		--UseBridges 1 --Bridge 127.0.0.1:$((port + 1)) \
		--ControlSocket "$d/socket" --CookieAuthentication 0 \
		--Sandbox "$1"
}
start_tor() { start_tor_in 0; }
ask_tor() { ask_socket tor; }
has_tor_sandbox() { has tor; }
start_tor_sandbox() { start_tor_in 1; }
ask_tor_sandbox() { ask_socket tor; }
# In its sandbox, tor misses about every second SIGTERM, also bare.
halt_tor_sandbox() { ask_socket tor_halt; }

has_openvpn() { has openvpn; }
openvpn_options="--dev null --user nobody --group nogroup --ping 1
	--cipher AES-256-CBC --verb 3"
start_openvpn() {
	openvpn --genkey secret "$d/key"
	chmod 644 "$d/key"
	# shellcheck disable=SC2086
	setsid openvpn $openvpn_options --secret "$d/key" --local 127.0.0.1 \
		--lport $((port + 1)) --remote 127.0.0.1 $port \
		>"$d/peer" 2>&1 </dev/null &
	others=$!
	# shellcheck disable=SC2086
	start_locked openvpn $openvpn_options --secret "$d/key" --local 127.0.0.1 \
		--lport $port --remote 127.0.0.1 $((port + 1))
}
ask_openvpn() {
	grep -q 'Peer Connection Initiated' "$d/peer" &&
		grep -o 'Initialization Sequence Completed' "$d/output"
}

has_memcached() { has memcached; }
start_memcached() {
	chmod 777 "$d"
	start memcached -k -m 64 -u nobody -s "$d/socket"
}
ask_memcached() { ask_socket memcached; }

has_mariadbd() { has mariadbd; }
start_mariadbd() {
	mkdir "$d/data"
	chown -R mysql "$d"
	mariadb-install-db --no-defaults --datadir="$d/data" --user=mysql \
		--auth-root-authentication-method=normal --skip-test-db \
		>/dev/null 2>&1
	start mariadbd --no-defaults --datadir="$d/data" --user=mysql \
		--socket="$d/socket" --skip-networking --memlock \
		--innodb-buffer-pool-size=256M
}
ask_mariadbd() {
	timeout 40 mariadb --no-defaults --socket="$d/socket" -u root -D mysql -NBe '
		create or replace table t
			(a int primary key, b varchar(200)) engine=innodb;
		insert into t select seq, repeat("x", 100) from seq_1_to_20000;
		select count(*), sum(a), sum(length(b)) from t'
}

has_nbdkit() { has nbdkit nbdinfo; }
start_nbdkit() { start nbdkit --swap -f -t 1 -U "$d/socket" memory 64M; }
ask_nbdkit() {
	ask_socket nbd &&
		timeout 20 nbdinfo --size "nbd+unix:///?socket=$d/socket"
}

has_qemu() { has qemu-system-x86_64; }
start_qemu() {
	start qemu-system-x86_64 -S -M pc -m 128 -nodefaults -display none \
		-accel tcg,tb-size=32 -overcommit mem-lock=on \
		-qmp unix:"$d/socket",server=on,wait=off
}
ask_qemu() { ask_socket qmp; }

has_gdnsd() { has gdnsd; }
start_gdnsd() {
	mkdir "$d/etc" "$d/etc/zones" "$d/run" "$d/state"
	cat >"$d/etc/config" <<-CONF
	options => { listen => 127.0.0.1:$port, lock_mem => true,
		run_dir => $d/run, state_dir => $d/state }
	CONF
	cat >"$d/etc/zones/example.com" <<-'ZONE'
	@ SOA ns1 hostmaster 1 7200 30M 3D 900
	@ NS ns1
	ns1 A 192.0.2.1
	www A 192.0.2.7
	ZONE
	start gdnsd -c "$d/etc" start
}
ask_gdnsd() {
	ask_by dns $port &&
		gdnsdctl -c "$d/etc" status >/dev/null && echo ok
}

has_earlyoom() { has earlyoom; }
start_earlyoom() { start earlyoom --dryrun -r 1; }
# It has no client, but reports the memory each second.
ask_earlyoom() {
	[ "$(grep -c '^mem avail: *[0-9]' "$d/output")" -gt 2 ] && echo reports
}

has_java() { has java javac jcmd "$CC"; }
start_java() {
	[ -e "$dir/Server.class" ] || javac -d "$dir" "$real/Server.java"
	echo '#include <sys/mman.h>
	int Java_Server_lockall(void *env, void *class)
	{ return mlockall(MCL_CURRENT | MCL_FUTURE); }' |
		$CC -shared -fPIC -x c - -o "$dir/liblockall.so"
	start java -Xmx64m -XX:ReservedCodeCacheSize=32m \
		-cp "$dir" Server $port "$dir/liblockall.so"
}
ask_java() {
	curl -sfm 20 http://127.0.0.1:$port/ &&
		timeout 20 jcmd "$server" VM.version | grep -o 'JDK [0-9]*' &&
		timeout 20 jcmd "$server" GC.run | grep -o successfully
}

has_node() { has node; }
start_node() {
	options=--discard
	start_locked node "$real/server.js" $port
}
ask_node() { curl -sfm 20 http://127.0.0.1:$port/; }

# A minute of load, with no option of run. LOF_REAL_NODE: another node.
has_node_minute() { has "${LOF_REAL_NODE:-node}"; }
start_node_minute() {
	start_locked "${LOF_REAL_NODE:-node}" --expose-gc "$real/server.js" $port
}
ask_node_minute() {
	"${LOF_REAL_NODE:-node}" "$real/load.js" $port "$server" 60
}

has_pulseaudio() { has pulseaudio pactl; }
start_pulseaudio() {
	echo 'lock-memory = yes' >"$d/daemon.conf"
	HOME=$d PULSE_CONFIG=$d/daemon.conf XDG_RUNTIME_DIR=$d \
		start pulseaudio -n --daemonize=no --exit-idle-time=-1 \
		-L 'module-null-sink sink_name=none' \
		-L "module-native-protocol-unix socket=$d/socket auth-anonymous=1"
}
ask_pulseaudio() {
	HOME=$d timeout 20 pactl -s "unix:$d/socket" info |
		grep -E '^(Server Name|Server Version|Default S)' &&
		HOME=$d timeout 20 pactl -s "unix:$d/socket" list short sinks
}

has_musl() { has musl-gcc; }
start_musl() {
	[ -e "$dir/serve_musl" ] ||
		musl-gcc -O2 "$real/serve.c" -o "$dir/serve_musl"
	start "$dir/serve_musl" "$d/socket" all
}
ask_musl() { ask_socket line; }

start_llama_with() {
	options=--populate=$1
	start node "$real/llama.mjs" "$build/llama" \
		"$build/llama/model.gguf" $port
}
ask_llama() { curl -sfm 30 http://127.0.0.1:$port/; }
start_llama() { start_llama_with keep; }

has_llama_strip() { has_llama; }
start_llama_strip() {
	gain=150000
	start_llama_with strip
}
ask_llama_strip() { ask_llama; }

# It stands for llama.cpp where there is no npm.
has_model() { has "$CC"; }
start_model() {
	options=--populate=strip gain=60000
	[ -e "$dir/serve" ] ||
		$CC -O2 "$real/serve.c" -o "$dir/serve" -lpthread
	[ -e "$dir/weights" ] || head -c 128M /dev/urandom >"$dir/weights"
	start "$dir/serve" "$d/socket" model "$dir/weights"
}
ask_model() { ask_socket line; }

has_ucx() {
	has "$CC" || return 1
	reason='no libucm'
	[ -e "$dir/cache" ] ||
		$CC -O2 "$real/cache.c" -o "$dir/cache" -lucm -lucs 2>/dev/null
}
start_ucx() { start "$dir/cache" "$d/counts"; }
ask_ucx() { grep . "$d/counts"; }

has_openmpi() { has mpicc; }
start_openmpi() {
	[ -e "$dir/mpi" ] || mpicc -O2 "$real/mpi.c" -o "$dir/mpi"
	OMPI_MCA_ess_singleton_isolated=1 OMPI_MCA_mpi_leave_pinned=1 \
		OMPI_MCA_orte_tmpdir_base=$d \
		start "$dir/mpi" "$d/counts"
}
ask_openmpi() { grep . "$d/counts"; }

# --- all

CC=${CC:-cc}
# A port that is free, and so is the next.
port=$(python3 -c '
import socket
while True:
	a, b = socket.socket(), socket.socket()
	try:
		a.bind(("127.0.0.1", 0))
		b.bind(("127.0.0.1", a.getsockname()[1] + 1))
		print(a.getsockname()[1])
		break
	except OSError:
		pass')
[ $# -gt 0 ] || set -- chronyd tor tor_sandbox openvpn memcached mariadbd \
	nbdkit qemu gdnsd earlyoom java node node_minute pulseaudio musl ucx \
	openmpi llama llama_strip model
program=program way=way answered=answered status=exit
locked='VmLck kB' resident='VmRSS kB'
row ''
for name; do
	test_program "$name"
done
exit $failed
