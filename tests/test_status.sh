#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# The columns of lockonfault status that the library publishes: SHIM, BOUND,
# LEFTOUT and OVER. smaps and VmLck are the truth for them.
# shellcheck source=tests/check.sh
. "${srcdir:-.}/tests/check.sh"
# shellcheck source=tests/command.sh
. "${srcdir:-.}/tests/command.sh"

[ -e "$shim" ] || skip 'the shim was not built'

# shows TITLE WANTED PID: SHIM, BOUND, LEFTOUT and OVER of a process
shows() {
	same "$1" "$2" "$(
		"$command" status -bnr -o SHIM,BOUND,LEFTOUT,OVER "$3")"
}

is_over() { [ "$("$command" status -bnr -o OVER "$1")" = "$2" ]; }

shows 'without the library' 'no unlimited 0 0' $$

start "$command" run "$locker" touch 65536
shows 'under the shim' 'active unlimited 0 0' $pid
"$command" status -J -o SHIM,BOUND,LEFTOUT,OVER $pid >json
for line in '"shim": "active",' '"bound": "unlimited",' '"leftout": 0,' \
	'"over": 0'; do
	says "status --json has $line" json " *$line"
done
stop

start env LOCKONFAULT_DISABLE=1 LD_PRELOAD="$shim" "$locker" touch 65536
shows 'under LOCKONFAULT_DISABLE' 'inert unlimited 0 0' $pid
stop

# "run" does not start fio's kin without the shim: the shim is inert there.
cp "$locker" memlockd
start env LD_PRELOAD="$shim" ./memlockd touch 65536
shows 'a program that is left alone' 'inert unlimited 0 0' $pid
stop

if [ -x "$builddir/examples/.libs/on_fault" ]; then
	printf '%s\n' '#include <lockonfault.h>' '#include <stdio.h>' \
		'int main(void) { puts("ready"); fflush(stdout);' \
		'getchar(); return !lof_version(); }' >linked.c
	${CC:-cc} -I"$srcdir/include" -o linked linked.c \
		"$builddir/.libs/liblockonfault.so" \
		-Wl,-rpath,"$builddir/.libs" || fail 'linked.c'
	start ./linked
	shows 'a program linked with the library' 'linked unlimited 0 0' $pid
	stop
else
	left_out 'a linked program: there is no shared library'
fi

# --- OVER

start env LOCKONFAULT_MAX=64K "$command" run "$locker" touch 1048576
if wait_for is_over $pid $((1048576 - 65536)); then
	shows 'over the bound' "active 65536 0 $((1048576 - 65536))" $pid
	same 'the rest is locked' 65536 "$(
		"$command" status -bnr -o LOCKED $pid)"
	same 'for people' '64K 0B 960K' "$(
		"$command" status -nr -o BOUND,LEFTOUT,OVER $pid)"
else
	fail "OVER: $("$command" status -bnr -o OVER $pid)"
fi
stop

start env LOCKONFAULT_SYNC_MS=0 LOCKONFAULT_MAX=64K "$command" run \
	"$locker" touch 1048576
shows 'without a thread that scans' 'stalled 65536 0 0' $pid
stop

# --- LEFTOUT: the writable memory that is not locked

# unlocked PID: by smaps, the writable memory that could be locked and is not,
# without the lowest page of each stack
unlocked() {
	awk -v page=$(($(getconf PAGESIZE) / 1024)) '
		/^[0-9a-f]+-/ { writable = $2 ~ /w/ }
		/^Size:/ { size = $2 }
		/^VmFlags:/ {
			if (writable && !/ (lo|io|pf|mm|de|ht|dp)( |$)/)
				sum += / gd( |$)/ ? size - page : size
		}
		END { print sum * 1024 }' "/proc/$1/smaps"
}

if nobody_can "$command" --version && has prlimit; then
	start as_nobody prlimit --memlock=8388608:8388608 \
		"$command" run "$locker" all 16777216
	read -r locker_pid child <ready
	left=$(unlocked "$locker_pid")
	shows 'memory that does not fit is left out' \
		"active unlimited $left 0" "$locker_pid"
	at_most 'it is the mapping, and little more' $((16777216 + 1048576)) \
		"$left"
	at_most 'all of the mapping' "$left" 16777216
	shows 'a child of fork locks nothing' 'active unlimited 0 0' "$child"
	stop
	start as_nobody prlimit --memlock=8388608:8388608 \
		"$command" run "$locker" present 16777216 3
	read -r locker_pid <ready
	shows 'without the lowest page of the stack' \
		"active unlimited $(unlocked "$locker_pid") 0" "$locker_pid"
	stop
	start as_nobody prlimit --memlock=8388608:8388608 \
		"$command" run "$locker" present 16777216 1
	read -r locker_pid <ready
	left=$("$command" status -bnr -o LEFTOUT "$locker_pid")
	at_most 'MCL_CURRENT alone leaves out the mapping' "$left" 16777216
	at_most 'and little more' "$(unlocked "$locker_pid")" "$left"
	stop
	start as_nobody prlimit --memlock=8388608:8388608 \
		"$command" run "$locker" all 65536
	read -r locker_pid child <ready
	at_most 'if all fits, only memory of libc is left out' $((1 << 20)) \
		"$("$command" status -bnr -o LEFTOUT "$locker_pid")"
	stop
else
	left_out 'LEFTOUT: nobody cannot run the command here'
fi

if ! is_limited; then
	start env LOCKONFAULT_SYNC_MS=0 "$command" run -v --skip=anon,shm \
		"$locker" all 16777216
	read -r locker_pid child <ready
	left=$(unlocked "$locker_pid")
	shows 'memory that is skipped is left out' \
		"active unlimited $left 0" "$locker_pid"
	at_most 'all of the mapping' "$left" 16777216
	stop
	says 'run -v says the reason' err \
		'.*: [0-9]* bytes are not locked: skipped'
	check 'and no other' sh -c '! grep "do not fit" err'
else
	left_out 'LEFTOUT of --skip: a limit applies'
fi

# --- the view of another user

if nobody_can "$command" --version; then
	start "$command" run "$locker" touch 65536
	as_nobody "$command" status -J -o SHIM,BOUND,LEFTOUT,OVER $pid >json
	for name in shim bound leftout; do
		says "nobody does not see $name" json " *\"$name\": null,"
	done
	says 'nor over' json ' *"over": null'
	stop
else
	left_out 'the view of another user: nobody cannot run the command here'
fi

# --- a process that publishes nonsense

mkdir lib
cp "$builddir/.libs/liblockonfault.so.0" lib/
if has python3; then
	python3 - lib/liblockonfault.so.0 <<'EOF'
import sys
data = bytearray(open(sys.argv[1], 'rb').read())
at = data.index(b'<liblockonfault/status-2>')
data[at] = 0x20
open(sys.argv[1], 'wb').write(data)
EOF
	start env LD_PRELOAD="$PWD/lib/liblockonfault.so.0:$shim" \
		"$locker" touch 65536
	shows 'a library without the mark' '   ' $pid
	stop
else
	left_out 'a library without the mark: there is no python3'
fi
finish
