#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# run --backend=trace: programs that the shim does not reach get their locks on
# fault, and are otherwise as without.
# shellcheck disable=SC2016
# shellcheck source=tests/check.sh
. "${srcdir:-.}/tests/check.sh"
# shellcheck source=tests/command.sh
. "${srcdir:-.}/tests/command.sh"

traced=$srcdir/tests/cmd/traced.c
${CC:-cc} -O1 -static -pthread -o static "$traced" 2>build.log ||
	skip 'no static program can be built here'
${CC:-cc} -O1 -pthread -o dynamic "$traced" || fail 'traced.c'
multiarch=$(${CC:-cc} -print-multiarch 2>/dev/null)
${CC:-cc} -m32 -O1 -static -pthread -idirafter "/usr/include/$multiarch" \
	-o static32 "$traced" 2>/dev/null || rm -f static32
trace='run --backend=trace'

"$command" $trace ./static >/dev/null 2>err ||
	skip "no process can be traced here: $(cat err)"

# on_fault TITLE COMMAND...: "flags" of a program: mlock2 chose its way
on_fault() {
	on_fault_title=$1
	shift
	same "$on_fault_title" 'mlock lo lf, mlock2 lo, MAP_LOCKED lo lf, MCL_FUTURE lo lf' \
		"$("$@" flags 2>err)"
}

# as_bare TITLE ARGUMENT PREFIX...: a program prints the same, bare and traced
as_bare() {
	bare_title=$1 bare_program=$2 bare_what=$3
	shift 3
	"$@" "$bare_program" "$bare_what" >bare 2>&1
	bare_status=$?
	"$@" "$command" $trace "$bare_program" "$bare_what" >traced 2>err
	same "$bare_title: exit status" $bare_status $?
	# The stack that mlockall() locks has its own size in each process.
	sed -i '/mlockall, /s/, [0-9]* kB$//; /: mlockall: /s/, [0-9]* kB$//' \
		bare traced
	check "$bare_title: as bare" diff -u bare traced
}

nobody_has() {
	nobody_can "$command" --version && has prlimit &&
		as_nobody "$command" $trace ./static >/dev/null 2>&1
}

for program in static static32 dynamic; do
	[ -e $program ] || {
		left_out "$program: it cannot be built here"
		continue
	}
	"$command" run -n ./$program >out 2>err
	[ $program = dynamic ] || says "$program: auto chooses trace" err \
		"lockonfault run: backend trace: .*"
	if is_limited; then
		left_out "$program: the limit"
	else
		on_fault "$program: on fault" "$command" $trace ./$program
		at_most "$program: MiB resident of 256 locked" 4 \
			"$("$command" $trace ./$program size 2>/dev/null)"
	fi
	as_bare "$program, results" "$work/$program" results env
	for what in threads fork vfork exec kill stop signals registers; do
		as_bare "$program, $what" "$work/$program" $what timeout 300
		grep -q 'wrong: [^0]' traced && fail "$program, $what"
	done
	if nobody_has; then
		as_bare "$program of a user, results" "$work/$program" results \
			as_nobody prlimit --memlock=8388608:8388608
		as_bare "$program of a user, signals" "$work/$program" signals \
			as_nobody prlimit --memlock=8388608:8388608
		on_fault "$program of a user: on fault" as_nobody \
			prlimit --memlock=8388608:8388608 \
			"$command" $trace ./$program
	else
		left_out "$program of a user: nobody cannot run it here"
	fi
done

# --- MAP_POPULATE

same 'MAP_POPULATE is kept' 256 "$("$command" $trace ./static populated 2>err)"
same 'MAP_POPULATE is stripped' 0 "$("$command" $trace --populate=strip \
	./static populated 2>err)"

# --- exit status and job control

for status in 0 1 37; do
	exits "exit status $status" $status "$command" $trace ./static $status
done
exits 'no such program' 127 "$command" $trace "$work/nothing"
exits 'a program that ends by a signal' 143 "$command" $trace \
	sh -c 'kill -TERM $$'
start "$command" $trace "$work/static" wait
same 'it has its process ID and its parent' "$pid $$" "$(cat ready)"
same 'it is not traced' 0 \
	"$(sed -n 's/^TracerPid:[^0-9]*//p' "/proc/$pid/status")"
same 'it has no child' '' \
	"$(cat "/proc/$pid/task/$pid/children" 2>/dev/null)"
same 'it has no listener' 0 "$(find "/proc/$pid/fd" -lname '*seccomp*' | wc -l)"
supervisor=$(pgrep -f "lockonfault $trace $work/static wait" | tail -1)
same 'the supervisor has only the listener' 'anon_inode:seccomp notify' "$(
	find "/proc/$supervisor/fd" -type l -printf '%l\n')"
stop
is_gone() { ! pgrep -f "lockonfault $trace $work/static wait" >/dev/null; }
check 'the supervisor ends with it' wait_for is_gone

if has script && script -qec true /dev/null >/dev/null 2>&1; then
	# in_terminal COMMAND...: interrupted by a key
	in_terminal() {
		(sleep 1; printf '\003'; sleep 1) |
			script -qec "$*" /dev/null >/dev/null 2>&1
	}
	in_terminal ./static wait
	bare=$?
	in_terminal "$command" $trace "$work/static" wait
	same 'interrupted from a terminal' $bare $?
else
	left_out 'job control: there is no script'
fi

# --- the log, and calls that stay in full

if ! is_limited; then
	"$command" $trace -l log ./static flags >/dev/null 2>&1
	check 'the log has the call' grep -q \
		'^[0-9]* static: mlock 0x[0-9a-f]* 1048576 0$' log
	if has strace && strace -f -o trace.out true 2>/dev/null; then
		exits 'under strace' 0 strace -f -o trace.out \
			"$command" $trace -v -l log ./static flags
		says 'under strace: in full' out \
			'mlock lo, mlock2 lo, MAP_LOCKED lo, MCL_FUTURE lo'
		says 'under strace: it is said' err \
			'lockonfault: .* static: mmap is not made on fault: .*'
		check 'under strace: the log has it' grep -q \
			' static: in full: mlock 0x' log
	else
		left_out 'a program that is traced already: no strace'
	fi
fi

# --- a program with a filter of its own

exits 'a filter against mlock2' 0 "$command" $trace -v ./static filter
if grep -q 'it has a filter of its own' err; then
	says 'a filter against mlock2: in full' out lo
else
	says 'a filter against mlock2: it is suspended' out 'lo lf'
fi
if nobody_has; then
	exits 'a filter against mlock2, of a user' 0 as_nobody \
		"$command" $trace -v ./static filter
	says 'of a user: in full' out lo
	says 'of a user: it is said' err '.*: it has a filter of its own .*'
	says 'of a user: it gains no privileges' err "$no_gain"
fi

# --- the supervisor is killed

mkfifo later
"$command" $trace "$work/static" wait <later >ready2 2>err &
waiting=$!
exec 4>later
wait_for test -s ready2
kill -9 "$(pgrep -f "lockonfault $trace $work/static wait" | grep -vx $waiting)"
wait_for is_gone
exec 4>&-
wait $waiting
same 'without the supervisor: exit status' 0 $?
says 'a lock fails' ready2 'Function not implemented'

# --- programs that gain privileges

if nobody_has && cp static suid && chown 1 suid && chmod 4755 suid; then
	exits 'a set-user-ID program of a user' 125 \
		as_nobody "$command" $trace ./suid
	says 'it is refused, and said why' err \
		'lockonfault run: ./suid cannot be traced: it is set-user-ID'
	exits 'auto runs it' 0 as_nobody "$command" run ./suid
	says 'and says so' err \
		'.*cannot be loaded into ./suid: it is set-user-ID'
else
	left_out 'a set-user-ID program of a user'
fi

# --- the backends

exits 'no such backend' 125 "$command" run --backend=none true
same 'it is said' "lockonfault run: invalid argument 'none' for --backend: \
not auto, preload, trace or exec" "$(cat err)"
same '--backend=trace sets no LD_PRELOAD' '' \
	"$("$command" $trace printenv LD_PRELOAD)"
exits 'an option of the shim' 0 "$command" $trace --summary ./dynamic
says 'it is said that it has no effect' err \
	'lockonfault run: --summary has no effect on ./dynamic'
exits 'a dry run' 0 "$command" $trace -n ./static
says 'a dry run says which' err 'lockonfault run: backend trace: by --backend'
if ! is_limited; then
	"$command" run -n -l "$work/log2" ./static flags >line 2>/dev/null
	same 'the line of a dry run can be pasted' \
		"$("$command" run ./static flags 2>&1)" \
		"$(LD_LIBRARY_PATH=$builddir/.libs sh ./line 2>&1)"
	check 'and has the log' grep -q ' static: mlock 0x' log2
	cp static memlockd
	same 'a program that wants all of its memory at once' \
		'mlock lo, mlock2 lo, MAP_LOCKED lo, MCL_FUTURE lo' \
		"$("$command" $trace ./memlockd flags 2>&1)"
	# The shim and the supervisor: each call is converted once.
	"$command" $trace -l log3 env LD_PRELOAD="$shim" ./dynamic flags \
		>out 2>&1
	same 'under both: on fault' 'mlock lo lf, mlock2 lo, MAP_LOCKED lo lf, MCL_FUTURE lo lf' \
		"$(cat out)"
	same 'under both: one line for the call' 1 \
		"$(grep -c ' dynamic: mlock ' log3)"
	exits 'a child of a static program' 0 "$command" $trace \
		./static exec 1
fi

# --- /proc of another PID namespace

if is_root && unshare --pid --fork true 2>/dev/null; then
	exits 'another /proc' 125 unshare --pid --fork \
		"$command" $trace ./static flags
	says 'another /proc: it is said' err \
		'.*: /proc is missing, or is of another PID namespace'
	! is_limited && on_fault 'a PID namespace of its own' unshare --pid \
		--fork --mount-proc "$command" $trace ./static
else
	left_out 'a PID namespace: it cannot be made here'
fi

# --- Yama: its setting is 2

cat >with_yama <<'SH'
mount -t tmpfs none /proc/sys/kernel && mkdir /proc/sys/kernel/yama &&
	echo 2 >/proc/sys/kernel/yama/ptrace_scope && exec "$@"
SH
with_yama() { unshare --mount sh with_yama "$@"; }
if is_root && nobody_has && with_yama true 2>/dev/null; then
	exits 'Yama' 125 with_yama setpriv --reuid 65534 --regid 65534 \
		--clear-groups "$command" $trace ./static flags
	says 'Yama: it is said' err \
		'.*: \./static cannot be traced: Yama does not permit it .*'
	same 'Yama: the program is not run' '' "$(cat out)"
	exits 'Yama, by choice' 0 with_yama setpriv --reuid 65534 \
		--regid 65534 --clear-groups "$command" run ./static flags
	says 'Yama, by choice: it is said' err \
		'.*: \./static cannot be traced: Yama does not permit it .*'
	says 'Yama, by choice: the shim does not help' err \
		'.*: the shim cannot be loaded into \./static: .*'
else
	left_out 'Yama: not root, no nobody, or no mount can be made here'
fi

# --- a handle of libc of its own, and Go

python='import ctypes, mmap
libc = ctypes.CDLL("libc.so.6")
memory = mmap.mmap(-1, 1 << 20)
at = ctypes.addressof(ctypes.c_char.from_buffer(memory))
assert libc.mlock(ctypes.c_void_p(at), 1 << 20) == 0
print(sum(" lo lf" in line for line in open("/proc/self/smaps")))'
if is_limited || ! has python3 || ! python3 -c "$python" >out 2>&1 ||
	[ "$(cat out)" != 0 ]; then
	left_out "Python's handle of libc: $(tail -1 out 2>/dev/null)"
else
	same "Python's handle of libc" 1 \
		"$("$command" $trace python3 -c "$python" 2>&1)"
fi

# A module with RTLD_DEEPBIND finds libc's mlock before the shim's.
cat >module.c <<'C'
#include <sys/mman.h>
int lock(void *addr, size_t len) { return mlock(addr, len); }
C
cat >deep.c <<'C'
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
int main(void)
{
	void *module = dlopen("./module.so", RTLD_NOW | RTLD_DEEPBIND);
	int (*lock)(void *addr, size_t len) = module ? dlsym(module, "lock") : 0;
	void *addr = mmap(0, 1 << 20, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	unsigned char there[256] = { 0 };
	int n = 0;

	if (!lock || lock(addr, 1 << 20))
		return 1;
	mincore(addr, 1 << 20, there);
	for (int i = 0; i < 256; i++)
		n += there[i] & 1;
	printf("%d\n", n);
	return 0;
}
C
if is_limited || [ "$(getconf PAGESIZE)" != 4096 ] ||
	! ${CC:-cc} -shared -fPIC -o module.so module.c 2>err ||
	! ${CC:-cc} -o deep deep.c -ldl 2>err; then
	left_out 'RTLD_DEEPBIND: a limit, or no module can be built here'
else
	same 'RTLD_DEEPBIND: the shim does not reach the module' 256 \
		"$("$command" run --backend=preload ./deep 2>&1)"
	same 'RTLD_DEEPBIND: the supervisor does' 0 \
		"$("$command" $trace ./deep 2>&1)"
fi

cat >lock.go <<'GO'
package main

import (
	"fmt"
	"os"
	"strings"
	"syscall"
)

func main() {
	memory, err := syscall.Mmap(-1, 0, 1<<20, 3, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err == nil {
		err = syscall.Mlock(memory)
	}
	smaps, _ := os.ReadFile("/proc/self/smaps")
	fmt.Println(err, strings.Count(string(smaps), " lo lf"))
}
GO
if is_limited || ! has go || ! GOCACHE=$work/cache HOME=$work CGO_ENABLED=0 \
	go build -o lock-go lock.go >out 2>&1; then
	left_out 'Go: no program can be built here'
else
	same 'a program in Go' '<nil> 1' "$("$command" run ./lock-go 2>&1)"
fi

# A supervisor has no directory of the test, so look at its command line.
none_left() { ! pgrep -f "lockonfault $trace.* $work/" >/dev/null; }
check 'nothing is left behind' wait_for none_left
finish
