#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# attach: a process that runs already has its memory locked on fault, and
# unlocked, and notices nothing. --long: the torture of tests/trace/blocked.c
# with 200 pairs in each state, and processes that execute and end meanwhile.
# shellcheck source=tests/check.sh
. "${srcdir:-.}/tests/check.sh"
# shellcheck source=tests/command.sh
. "${srcdir:-.}/tests/command.sh"

# wait: prints its ID; maps 1 MiB for each line of input, and prints it again;
# exits with 7. An argument: filter (of mlockall), dispatch.
cat >wait.c <<'C'
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static char selector;

static void confine(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mlockall, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog filter = { 4, code };

	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter))
		perror("seccomp");
}

int main(int argc, char **argv)
{
	char line[80];

	prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0);
	if (argc > 1 && strcmp(argv[1], "filter") == 0)
		confine();
	/* All code is exempt, so no call is dispatched. */
	if (argc > 1 && strcmp(argv[1], "dispatch") == 0 &&
	    prctl(59, 1, 4096L, 1L << 62, &selector))
		perror("dispatch");
	do {
		char *p = mmap(0, 1 << 20, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (p == MAP_FAILED)
			return 3;
		*p = 1;
		printf("%d\n", (int)getpid());
		fflush(stdout);
	} while (fgets(line, sizeof(line), stdin));
	return 7;
}
C
${CC:-cc} -o dynamic wait.c || fail 'wait.c'
${CC:-cc} -static -o static wait.c 2>/dev/null || rm -f static
${CC:-cc} -m32 -idirafter "/usr/include/$(${CC:-cc} -print-multiarch \
	2>/dev/null)" -static -o static32 wait.c 2>/dev/null || rm -f static32
cp dynamic node
chmod 755 dynamic node

# locks PID: how its VMAs are locked that can be locked, each kind once
locks() {
	awk '/^[0-9a-f]+-/ { name = $6 }
		/^VmFlags:/ && !/ (io|pf|mm|de|ht|dp)( |$)/ &&
			name !~ /^\[(vvar|vvar_vclock|vdso|vsyscall)\]$/ {
		print / lo lf( |$)/ || / lo \?\?( |$)/ ? "on fault" :
			/ lo( |$)/ ? "in full" : "not"
	}' "/proc/$1/smaps" | sort -u | paste -sd, -
}

# value NAME PID: of /proc/PID/status
value() { awk -v name="$1:" '$1 == name { print $2 }' "/proc/$2/status"; }

attach() { exits "$1" "$2" "$command" attach $3; }

# untouched TITLE PID STATE
untouched() {
	same "$1: it is not traced, and in its state" "0 $3" \
		"$(value TracerPid "$2") $(value State "$2")"
}

map_more() {
	nlines=$(wc -l <ready)
	echo >&3
	wait_for is_longer
}
is_longer() { [ "$(wc -l <ready)" -gt "$nlines" ]; }

# Under a limit, only the memory of now can be locked.
if is_limited; then now=-c; else now=; fi

# --- may a process be traced here?

start ./dynamic
if ! "$command" attach $now $pid 2>err; then
	grep -Eq 'permit|architecture' err && {
		kill $pid
		skip "no process can be traced here: $(cat err)"
	}
fi
stop

# --- lock and unlock

# attaches PROGRAM
attaches() {
	start "./$1"
	attach "$1: attach" 0 "$now $pid"
	silent "$1: attach prints nothing"
	same "$1: all of it is locked" 'on fault' "$(locks $pid)"
	untouched "$1" $pid S
	same "$1: a new mapping is not populated" yes "$(awk '
		/^[0-9a-f]+-/ { size = 0 } /^Size:/ { size = $2 }
		/^Rss:/ && size >= 1024 && $2 < 64 { found = "yes" }
		END { print found }' "/proc/$pid/smaps")"
	if [ -z "$now" ]; then
		map_more
		same "$1: so is memory that it maps later" 'on fault' \
			"$(locks $pid)"
	fi
	attach "$1: attach again" 0 "$now $pid"
	attach "$1: undo" 0 "--undo $pid"
	same "$1: nothing is locked" not "$(locks $pid)"
	map_more
	same "$1: nor is memory that it maps later" not "$(locks $pid)"
	untouched "$1" $pid S
	same "$1: it has no child" '' "$(cat "/proc/$pid/task/$pid/children" \
		2>/dev/null)"
	stop
	same "$1: exit status" 7 $?
}
for program in dynamic static static32; do
	if [ -e $program ]; then
		attaches $program
	else
		left_out "$program: it cannot be built here"
	fi
done

start ./dynamic
attach 'verbose' 0 "-v $now $pid"
says 'a line for the process' err "lockonfault attach: $pid (dynamic): \
[0-9.]* [KM]iB locked, 1 stop, median [0-9]* us, longest [0-9]* us"
attach 'undo' 0 "-uv $pid"
says 'a line for the process' err "lockonfault attach: $pid (dynamic): \
0 B locked, 1 stop, median [0-9]* us, longest [0-9]* us"
attach '--current' 0 "--current $pid"
same 'the memory of now is locked' 'on fault' "$(locks $pid)"
map_more
same 'not that of later' 'not,on fault' "$(locks $pid)"
"$command" attach -u $pid
if [ -z "$now" ]; then
	attach '--future' 0 "--future $pid"
	same 'the memory of now is not locked' not "$(locks $pid)"
	map_more
	same 'that of later is' 'not,on fault' "$(locks $pid)"
fi
kill -STOP $pid
wait_for sh -c "grep -q '^State:.T' /proc/$pid/status"
attach 'a stopped process' 0 "$now $pid"
same 'it is locked' 'on fault' "$(locks $pid)"
untouched 'a stopped process' $pid T
kill -CONT $pid
wait_for sh -c "grep -q '^State:.S' /proc/$pid/status"
untouched 'it goes on' $pid S
attach 'one of two is gone' 1 "$now $pid 2000000000"
says 'which' err 'lockonfault attach: no such process: 2000000000'
stop

# A large process is stopped often: each time for a part of its memory.
if [ -z "$now" ] && has python3; then
	start python3 -c '
import mmap
size = 160 << 20
memory = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
memory.madvise(15)
for at in range(0, size, 4096): memory[at] = 1
print("ready", flush=True)
input()
more = mmap.mmap(-1, 1 << 20)
print("ready", flush=True)
try: input()
except EOFError: raise SystemExit(7)'
	attach 'a large process' 0 "-v $pid"
	says 'it is stopped often' err '.* locked, [0-9][0-9]* stops, .*'
	same 'all of it is locked' 'on fault' "$(locks $pid)"
	map_more
	same 'also later' 'on fault' "$(locks $pid)"
	attach 'undo' 0 "-vu $pid"
	says 'it is stopped often' err '.* 0 B locked, [0-9][0-9]* stops, .*'
	same 'nothing is locked' not "$(locks $pid)"
	stop
	same 'exit status' 7 $?
fi

# --- refusals

# refuses TITLE STATUS PID PATTERN: the line is "PID (NAME): PATTERN"
refuses() {
	attach "$1" "$2" "$now $3"
	says "$1: the reason" err "lockonfault attach: $3 ([^)]*): $4"
	same "$1: one line" 1 "$(wc -l <err)"
}

attach 'no process' 1 ''
attach 'a bad ID' 1 '12x'
says 'it is said' err "lockonfault attach: invalid process ID: '12x'"
attach 'undo of the current' 1 "-uc $$"
attach 'an unknown option' 1 '--unknown'
attach 'an unknown process' 1 2000000000

start ./node
refuses 'node' 2 $pid 'V8 crashes when .* run --all; see --force'
same 'it is not locked' not "$(locks $pid)"
attach 'node by force' 0 "--force $now $pid"
same 'it is locked' 'on fault' "$(locks $pid)"
attach 'undo needs no force' 0 "-u $pid"
stop

sh -c 'sleep 0.2 & echo $!; exec sleep 60' >zombie &
parent=$!
wait_for test -s zombie
zombie=$(cat zombie)
wait_for sh -c "grep -q '^State:.Z' /proc/$zombie/status"
if is_root && unshare --pid --fork true 2>/dev/null; then
	exits 'another /proc' 1 unshare --pid --fork "$command" attach $pid
	says 'another /proc: it is said' err \
		'lockonfault attach: cannot use /proc: it is of another PID namespace'
else
	left_out 'a PID namespace: it cannot be made here'
fi
refuses 'a zombie' 1 "$zombie" 'it has ended (zombie)'
kill $parent

kthread=$(awk '$1 == "Kthread:" && $2 { print FILENAME }' \
	/proc/[0-9]*/status 2>/dev/null | head -1)
kthread=${kthread#/proc/}
kthread=${kthread%/status}
if [ -n "$kthread" ]; then
	refuses 'a kernel thread' 1 "$kthread" 'it is a kernel thread'
else
	left_out 'a kernel thread: none is seen here'
fi

if has strace && strace -o trace true 2>/dev/null; then
	start ./dynamic
	strace -o trace -p $pid 2>/dev/null &
	tracer=$!
	wait_for grep -q '^TracerPid:.[1-9]' "/proc/$pid/status"
	refuses 'traced' 1 $pid 'it is traced already, by process [0-9]* (strace)'
	same 'it has its tracer still' $tracer "$(value TracerPid $pid)"
	kill $tracer
	wait $tracer 2>/dev/null
	stop
else
	left_out 'a process that is traced already: no strace'
fi

start ./dynamic dispatch
if [ -s err ]; then
	left_out 'system call user dispatch: the kernel has none'
elif "$command" attach $now $pid 2>message; then
	left_out 'system call user dispatch: it is not seen before Linux 6.4'
else
	refuses 'dispatch' 1 $pid 'its system calls are dispatched to itself.*'
	same 'it is not locked' not "$(locks $pid)"
	untouched 'dispatch' $pid S
fi
stop
same 'exit status' 7 $?

if [ -e "$shim" ]; then
	start env LD_PRELOAD="$shim" ./dynamic
	refuses 'the shim' 2 $pid 'the shim is active in it.*; see --force'
	same 'it is not locked' not "$(locks $pid)"
	stop
fi

start ./dynamic filter
if is_root && "$command" attach $pid 2>err; then
	same 'a filter is suspended' 'on fault' "$(locks $pid)"
	attach 'a filter, undo' 0 "-u $pid"
else
	refuses 'a filter' 2 $pid 'it is confined by seccomp.*; see --force'
	same 'it is not locked' not "$(locks $pid)"
fi
stop
same 'the filter did not kill it' 7 $?

# --- without privileges

if nobody_can "$command" --version && has prlimit; then
	chmod 755 "$work"
	start ./dynamic
	exits 'another user' 1 as_nobody "$command" attach $pid
	says 'it is said' err \
		'.*: it has another user, and no CAP_SYS_PTRACE here'
	stop
	start as_nobody prlimit --memlock=8388608:8388608 ./dynamic
	read -r it <ready
	exits 'a limit' 1 as_nobody "$command" attach "$it"
	says 'it is said' err '.*: RLIMIT_MEMLOCK is 8 MiB, and it has no '\
'CAP_IPC_LOCK: its later mappings would fail; see --current'
	same 'nothing is locked' not "$(locks "$it")"
	exits 'a limit, the memory of now' 0 as_nobody "$command" attach -c "$it"
	same 'it is locked' 'on fault' "$(locks "$it")"
	exits 'a limit, undo' 0 as_nobody "$command" attach -u "$it"
	same 'it is not locked' not "$(locks "$it")"
	stop
	start as_nobody prlimit --memlock=65536:65536 ./dynamic
	read -r it <ready
	exits 'a small limit' 1 as_nobody "$command" attach -c "$it"
	says 'it is said' err '.*: RLIMIT_MEMLOCK is 64 KiB, and it has no '\
'CAP_IPC_LOCK: it has mapped .*'
	stop
	start as_nobody prlimit --memlock=65536:8388608 ./dynamic
	read -r it <ready
	exits 'a small soft limit' 0 as_nobody "$command" attach -c "$it"
	same 'it is locked' 'on fault' "$(locks "$it")"
	same 'the soft limit is raised' 1 "$(grep -c \
		'^Max locked memory *8388608  *8388608' "/proc/$it/limits")"
	stop
	start as_nobody ./dynamic filter
	read -r it <ready
	exits 'a filter, without privileges' 2 as_nobody "$command" attach "$it"
	says 'it is said' err '.*: it is confined by seccomp, and no .*'
	stop
	same 'the filter did not kill it' 7 $?
else
	left_out 'attach without privileges: nobody cannot run the command here'
fi

# --- torture

if [ "$1" = --long ]; then
	blocked='-t 4000 -n 200' restless='-t 10000 -n 1000'
else
	blocked='-t 200 -n 10' restless='-t 300 -n 20'
fi
if [ -z "$now" ]; then
	# shellcheck disable=SC2086
	check "each state of a process: blocked $blocked" \
		"$builddir/blocked" $blocked
	[ "$1" != --long ] || cat check.out
	# shellcheck disable=SC2086
	check "processes that execute and end: restless $restless" \
		"$builddir/restless" $restless
	[ "$1" != --long ] || cat check.out
else
	left_out 'torture: under a limit'
fi
finish
