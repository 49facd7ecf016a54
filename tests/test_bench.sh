#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# lockonfault bench: its usage, its figures of a program that locks 4 MiB and
# touches one page, what it prints and draws, its errors, and what it leaves
# behind. Nothing is timed.
# shellcheck disable=SC2016
# shellcheck source=tests/check.sh
. "${srcdir:-.}/tests/check.sh"
# shellcheck source=tests/command.sh
. "${srcdir:-.}/tests/command.sh"

[ -e "$shim" ] || skip 'the shim was not built'

len=4194304
cp "$builddir/server" server || skip 'tests/server was not built'
server=$work/server
mkdir tmp
TMPDIR=$work/tmp
export TMPDIR

# running: the processes of the server
running() {
	for exe in /proc/[0-9]*/exe; do
		case $(readlink "$exe" 2>/dev/null) in
		"$work"/server*) echo "$exe" ;;
		esac
	done
}

nothing_left() {
	same "$1: no process is left" '' "$(running)"
	same "$1: no file is left" '' "$(ls tmp)"
}

# value MEASURE WAY KEY: a figure of the JSON in out
value() {
	awk -v measure="\"$1\"," -v way="\"$2\"," -v key="\"$3\":" '
		$1 == "\"measure\":" { here = $2 == measure }
		$1 == "\"way\":" { there = $2 == way }
		here && there && $1 == key { sub(/,$/, "", $2); print $2 }' out
}

# --- usage

exits 'bench --help' 0 "$command" bench --help
says 'bench --help has a synopsis' out \
	' lockonfault bench \[options\] \[--\] CMD \[ARG\.\.\.\]'
same 'bench --help fits 80 columns' '' "$(awk 'length > 80' out)"
silent 'bench --help leaves stderr alone'
exits 'bench --version' 0 "$command" bench --version
exits 'bench --help on a full disk' 1 \
	sh -c '"$@" >/dev/full' sh "$command" bench --help

# refused TITLE MESSAGE ARGUMENT...: it is a wrong usage; CMD is not run.
refused() {
	refused_title="bench, $1" message=$2
	shift 2
	exits "$refused_title" 1 "$command" bench "$@"
	says "$refused_title: it is said" err "lockonfault bench: $message"
	says "$refused_title: with a hint" err \
		"Try 'lockonfault bench --help' for more information\."
	check "$refused_title: CMD is not run" test ! -e touched
}
refused 'no command' 'no command given'
refused 'an unknown option' "unrecognized option '--frobnicate'" \
	--frobnicate touch touched
for number in '' 0 -1 1x 1001; do
	refused "--runs '$number'" "invalid argument '$number' for --runs: .*" \
		--runs="$number" touch touched
done
refused '--timeout 0' "invalid argument '0' for --timeout: .* from 1 to .*" \
	-t 0 touch touched
refused '--settle x' "invalid argument 'x' for --settle: .*" \
	-s x touch touched
refused '--kill-after x' "invalid argument 'x' for --kill-after: .*" \
	-k x touch touched
refused '--ready=on' "invalid argument 'on' for --ready: not tcp:PORT.*" \
	-r on touch touched
for port in '' 0 65536 http 1x; do
	refused "port '$port'" "invalid port: '$port'" \
		-r "tcp:$port" touch touched
done
refused 'no path' 'the path of the socket is empty' -r unix: touch touched
refused 'a long path' 'the path of the socket is too long: .*' \
	-r "unix:$(printf '%0200d' 0)" touch touched
refused 'a bad pattern' "invalid regular expression '(': .*" \
	-r 'log:(' touch touched

# --- the figures: 4 MiB are locked, one page is touched

locks_on_fault() {
	title=$1
	if has python3; then
		check "$title: the JSON is well formed" \
			python3 -m json.tool out
	fi
	same "$title: resident, less than eager" 1 "$(($(
		value resident eager min) - $(
		value resident onfault max) > len * 3 / 4))"
	same "$title: no lock, nothing is charged" 0 \
		"$(value charged none max)"
	same "$title: no lock, nothing is locked" 0 "$(value locked none max)"
	same "$title: eager, it is charged" $len "$(value charged eager min)"
	same "$title: eager, it is locked" $len "$(value locked eager min)"
	same "$title: on fault, it is charged" $len \
		"$(value charged onfault min)"
	same "$title: on fault, a page is locked" "$(getconf PAGESIZE)" \
		"$(value locked onfault max)"
	same "$title: faults, less than eager" 1 "$(($(
		value minflt eager min) - $(
		value minflt onfault max) > len / 4096 / 2))"
	for way in none eager onfault; do
		check "$title: the time of $way" test \
			"$(value ready $way median)" -gt 0
		check "$title: the peak of $way" test "$(
			value peak $way median)" -ge "$(
			value anonymous $way median)"
		same "$title: the runs of $way" 2 "$(value ready $way runs)"
	done
	same "$title: a ratio to itself" 1.000 "$(value ready none ratio)"
	same "$title: no ratio to nothing" null "$(value locked eager ratio)"
	nothing_left "$title"
}

port=$(./server free-port)
exits 'bench --ready=tcp' 0 "$command" bench -J -R 2 -r "tcp:$port" -- \
	"$server" $len "tcp:$port"
silent 'bench --ready=tcp says nothing'
locks_on_fault 'tcp'
exits 'bench --ready=unix' 0 "$command" bench -J -R 2 -r unix:socket \
	"$server" $len unix:socket
locks_on_fault 'unix'
rm -f socket
exits 'bench --ready=log' 0 "$command" bench -J -R 2 -r 'log:^(it|server) is' \
	"$server" $len 'say:that it is' 'say:it is ready'
locks_on_fault 'log'
exits 'bench --settle' 0 "$command" bench -J -R 1 -s 1 -r log:ready \
	"$server" $len say:ready fork:child
nothing_left 'settle'
same 'all processes are counted' 2 "$(($(
	value resident eager median) / len))"

# A server that goes on as a child of a process that exits.
exits 'bench, a daemon' 0 "$command" bench -J -R 2 -r unix:socket \
	"$server" $len fork:parent unix:socket
same 'a daemon: it is measured' 0 "$(value charged none max)"
check 'a daemon: it has memory' test "$(value resident none min)" -gt 0
nothing_left 'a daemon'
rm -f socket

exits 'bench until the exit' 0 "$command" bench -J -R 2 "$server" $len exit:0
same 'exit: peak, less than eager' 1 "$(($(value peak eager min) - $(
	value peak onfault max) > len / 4))"
check 'exit: a time' test "$(value exit onfault max)" -gt 0
same 'exit: what is resident is not known' null \
	"$(value resident eager median)"
nothing_left 'exit'

# --- options of run

exits 'bench --max' 0 "$command" bench -J -R 1 --max 4K -r log:ready \
	"$server" $len say:ready
same 'bench --max: it is a bound' 1 "$(($(value charged onfault max) < len))"
same 'bench --max: only on fault' $len "$(value charged eager max)"
exits 'bench, a bad --max' 1 "$command" bench -R 1 --max x "$server" $len exit:0
says 'a bad --max: it is said' err \
	"    lockonfault run: invalid argument 'x' for --max: .*"
exits 'bench --shim' 1 "$command" bench -R 1 --shim nothing \
	"$server" $len exit:0
says 'bench --shim: it is said' err '    .*the shim nothing: .*'
says 'bench --shim: the others are shown' out 'exit  *[0-9].* -  *-'
exits 'bench --json, a way fails' 1 "$command" bench -J -R 1 --shim nothing \
	"$server" $len exit:0
same 'a way fails: it has no runs' '0 null null' "$(
	value exit onfault runs) $(value exit onfault median) $(
	value exit onfault ratio)"
check 'a way fails: the others have' test "$(value exit eager runs)" = 1
exits 'bench, SIGCHLD is ignored' 0 sh -c 'trap "" CHLD; "$0" bench -R 1 true' \
	"$command"

exits 'bench, an option of run' 0 "$command" bench -J -R 1 --skip anon \
	-r log:ready "$server" $len say:ready
same '--skip: on fault nothing is locked' 0 "$(value charged onfault max)"
same '--skip: eager, all is locked' $len "$(value locked eager min)"

# What the environment says does not change the ways.
exits 'bench under the shim' 0 env LD_PRELOAD="$shim" "$command" bench -J -R 1 \
	-r log:ready "$server" $len say:ready
same 'under the shim: eager is in full' $len "$(value locked eager max)"
exits 'bench, LOCKONFAULT_DISABLE' 0 env LOCKONFAULT_DISABLE=1 \
	"$command" bench -J -R 1 -r log:ready "$server" $len say:ready
same 'LOCKONFAULT_DISABLE: on fault is on fault' 1 \
	"$(($(value locked onfault max) < len))"

if ${CC:-cc} -static -o server-static "$srcdir/tests/cmd/server.c" 2>/dev/null
then
	exits 'bench, a static program' 0 "$command" bench -J -R 2 \
		--backend=preload -r log:ready ./server-static $len say:ready
	says 'static: it is said' err 'lockonfault run: .* into \./server-static: .*'
	same 'static: once' 1 "$(grep -c 'into' err)"
	same 'static: without its locks' 0 "$(value charged none max)"
	same 'static: on fault is as it asks' $len "$(value locked onfault max)"
	if "$command" run --backend=trace true 2>/dev/null; then
		exits 'bench, a static program that is traced' 0 "$command" \
			bench -J -R 2 -r log:ready ./server-static $len say:ready
		same 'traced: on fault is on fault' 1 \
			"$(($(value locked onfault max) < len))"
	else
		left_out 'a program under a supervisor: it cannot be traced here'
	fi
else
	left_out 'a static program: none can be built here'
fi

# --- the table, and the output of CMD

exits 'bench, table' 0 "$command" bench -R 2 -r log:ready --log log \
	"$server" $len say:ready "say:it's noise"
silent 'table: stderr is empty'
says 'table: CMD' out ".*server $len say:ready 'say:it'\\\\''s noise'"
says 'table: headings' out \
	'MEASURE  *NO LOCK  *EAGER  *RATIO  *ON FAULT  *RATIO'
for row in ready resident anonymous charged locked peak minflt majflt; do
	says "table: $row" out "$row  *[0-9].*"
done
says 'table: no range if all are the same' out 'charged  *0B  *4M  *-  *4M  *-'
says 'table: the times' out \
	'Ready after: .*s on fault, .*s eager, .*s without locks;'
says 'table: the memory' out \
	'resident then: .* on fault, .* eager, .* without locks\.'
says 'table: the gain' out \
	'On fault instead of eager: .*M less is resident, ready .*er\.'
same 'table: no output of CMD' '' "$(grep '^ready$\|^it.s noise' out)"
same '--log has it, of each run' 6 "$(grep -c '^ready$' log)"
exits 'bench --log again' 0 "$command" bench -R 1 -r log:ready --log log \
	"$server" $len say:ready
same '--log appends' 9 "$(grep -c '^ready$' log)"
exits 'bench without --ready, table' 0 "$command" bench -R 1 true
says 'exit: the times' out 'Exited after: .*'
says 'exit: the memory' out 'resident at most: .*'
exits 'bench on a full disk' 1 \
	sh -c '"$@" >/dev/full' sh "$command" bench -R 1 true
says 'a full disk: it is said' err 'lockonfault bench: .*'

# --- the picture

if has gnuplot; then
	exits 'bench --svg' 0 "$command" bench -R 1 --svg picture.svg sh -c \
		"exit 0 # '\"\`touch touched\`"
	silent 'bench --svg: stderr is empty'
	check 'the picture is an SVG' grep -q '<svg ' picture.svg
	check 'and complete' grep -q '</svg>' picture.svg
	if has python3; then
		check 'and well formed' python3 -c 'import sys
import xml.dom.minidom
xml.dom.minidom.parse(sys.argv[1])' picture.svg
	fi
	for text in 'no lock' eager 'on fault' 'time until exit (ms)'; do
		check "the picture has '$text'" grep -qF "$text" picture.svg
	done
	check 'no command of the title is run' test ! -e touched
	exits 'bench --svg, no directory' 1 "$command" bench -R 1 \
		--svg nowhere/picture.svg true
	says 'no directory: it is said' err \
		'lockonfault bench: cannot write nowhere/picture.svg: .*'
	says 'no directory: the table is there' out 'exit  *[0-9].*'
	exits 'bench --svg, a command as a name' 0 "$command" bench -R 1 \
		--svg '|touch touched' true
	check 'it is a name' test -e '|touch touched'
	check 'and no command' test ! -e touched
else
	left_out 'the picture: there is no gnuplot'
fi
mkdir bin
printf '#!/bin/sh\nexit 3\n' >bin/gnuplot
chmod +x bin/gnuplot
exits 'bench, gnuplot fails' 1 env PATH="$work/bin:$PATH" "$command" bench \
	-R 1 --svg failed.svg true
says 'gnuplot fails: it is said' err 'lockonfault bench: gnuplot failed: .*'
check 'gnuplot fails: no picture' test ! -e failed.svg
rm bin/gnuplot
for tool in sed touch dirname basename; do
	ln -s "$(command -v $tool)" bin/$tool
done
exits 'bench, no gnuplot' 1 env PATH="$work/bin" "$command" bench \
	--svg none.svg touch touched
says 'no gnuplot: it is said' err 'lockonfault bench: cannot find gnuplot, .*'
check 'no gnuplot: CMD is not run' test ! -e touched
nothing_left 'the picture'

# --- programs that fail

# fails TITLE MESSAGE ARGUMENT...: no way can be measured
fails() {
	fails_title=$1 message=$2
	shift 2
	exits "bench, $fails_title" 1 "$command" bench -R 2 "$@"
	for way in 'no lock' eager 'on fault'; do
		says "$fails_title: $way" err \
			"lockonfault bench: $way: CMD $message"
	done
	same "$fails_title: no table" '' "$(cat out)"
	nothing_left "$fails_title"
}
fails 'an exit status' 'exited with status 7' "$server" $len say:bye exit:7
says 'the last lines are shown' err '    bye'
same 'a way that failed is not tried again' 3 "$(grep -c bye err)"
fails 'an early exit' 'exited with status 0 before it was ready' \
	-r unix:socket "$server" $len exit:0
fails 'a signal' 'was killed by signal 9 (Killed).*' -r log:never \
	"$server" $len kill:9
fails 'a timeout' 'was not ready in time' -t 1 -r log:never "$server" $len
fails 'a timeout until the exit' 'did not exit in time' -t 1 "$server" $len
fails 'not there' 'exited with status 127' "$work/nothing"
says 'not there: it is said' err '    .*cannot execute .*/nothing: .*'
fails 'not executable' 'exited with status 126' "$work"
exits 'many lines' 1 "$command" bench -R 1 sh -c 'seq 100; exit 1'
same 'the last five' '96 97 98 99 100' \
	"$(sed -n 's/^    //p' err | head -n 5 | tr '\n' ' ' | sed 's/ $//')"
exits 'a control character' 1 "$command" bench -R 1 sh -c \
	'printf "\033[1mbold\n"; exit 1'
says 'is not printed' err '    ?\[1mbold'

"$server" $len "unix:socket" &
busy=$!
wait_for test -S socket
exits 'bench, a socket that is used' 1 "$command" bench -r unix:socket \
	touch touched
says 'a used socket: it is said' err \
	'lockonfault bench: unix:socket accepts connections before CMD .*'
check 'a used socket: CMD is not run' test ! -e touched
kill $busy
wait $busy 2>/dev/null
# Now it is a file without a listener, as a killed server leaves it.
exits 'bench, a stale socket' 0 "$command" bench -R 1 -r unix:socket \
	"$server" $len unix:socket
exits 'bench, --log in no directory' 1 "$command" bench --log nowhere/log \
	touch touched
says 'no log: it is said' err 'lockonfault bench: cannot open nowhere/log: .*'
check 'no log: CMD is not run' test ! -e touched

exits 'bench, no TMPDIR' 1 env TMPDIR=nowhere "$command" bench touch touched
says 'no TMPDIR: it is said' err \
	'lockonfault bench: cannot make a temporary file: .*'
check 'no TMPDIR: CMD is not run' test ! -e touched

# --- nothing is left behind

exits 'bench, SIGTERM is ignored' 0 "$command" bench -R 1 -k 0 -r log:ready \
	"$server" $len ignore:15 fork:child say:ready
nothing_left 'SIGTERM is ignored'
is_running() { [ -n "$(running)" ]; }
is_not_running() { [ -z "$(running)" ]; }
signals='1 15'
# A shell cannot undo that a signal is ignored.
case $(sed -n 's/^SigIgn:[^0-9a-f]*//p' /proc/self/status) in
*[13579bdf])
	signals=15
	left_out 'SIGHUP: it is ignored here' ;;
esac
for signal in $signals; do
	"$command" bench -r log:never "$server" $len fork:parent >out 2>err &
	bench=$!
	wait_for is_running || fail "signal $signal: CMD does not start"
	kill -$signal $bench
	wait $bench 2>/dev/null
	same "signal $signal ends the command" $((128 + signal)) $?
	nothing_left "signal $signal"
	same "signal $signal: no table" '' "$(cat out)"
done
"$command" bench -r log:never "$server" $len >out 2>err &
bench=$!
wait_for is_running
kill -KILL $bench
wait $bench 2>/dev/null
check 'SIGKILL: CMD ends, too' wait_for is_not_running

# --- another user, under a limit

chmod 1777 tmp
if has prlimit && nobody_can "$command" --version; then
	limited="as_nobody prlimit --memlock=8388608:8388608"
	exits 'bench under a limit' 0 $limited "$command" bench -J -R 2 \
		-r log:ready "$server" $len say:ready
	locks_on_fault 'under a limit'
	exits 'bench beyond the limit' 1 $limited "$command" bench -R 1 \
		-r log:ready "$server" $((4 * len)) say:ready
	says 'beyond: eager is refused' err \
		'lockonfault bench: eager: CMD exited with status 2 before .*'
	says 'beyond: with its reason' err '    server: mlock: .*'
	says 'beyond: without locks it works' out \
		'ready  *[0-9][^ ]*s  *-  *-  *-  *-'
	nothing_left 'under a limit'
else
	left_out 'a limit: nobody cannot run the command here'
fi
finish
