#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# run --all: a program that never locks has all its memory locked on fault, by
# the shim, or by a helper that traces it while it starts.
# shellcheck source=tests/check.sh
. "${srcdir:-.}/tests/check.sh"
# shellcheck source=tests/command.sh
. "${srcdir:-.}/tests/command.sh"

[ -e "$shim" ] || skip 'the shim was not built'

# wait: maps 1 MiB, touches a page of it, prints its IDs, waits for the end of the
# input, and exits with 7 if it has an argument.
cat >wait.c <<'C'
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	char byte, *p = mmap(0, 1 << 20, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return 3;
	*p = 1;
	printf("%d %d\n", (int)getpid(), (int)getppid());
	fflush(stdout);
	while (read(0, &byte, 1) > 0)
		;
	return argc > 1 ? 7 : 0;
}
C
${CC:-cc} -o dynamic wait.c || fail 'wait.c'
${CC:-cc} -static -o static wait.c 2>/dev/null || rm -f static
${CC:-cc} -m32 -static -o static32 wait.c 2>/dev/null || rm -f static32

# locks PID: how its VMAs are locked that can be locked, each kind once
locks() {
	awk '/^[0-9a-f]+-/ { name = $6 }
		/^VmFlags:/ && !/ (io|pf|mm|de|ht|dp)( |$)/ &&
			name !~ /^\[(vvar|vvar_vclock|vdso|vsyscall)\]$/ {
		print / lo lf( |$)/ || / lo \?\?( |$)/ ? "on fault" :
			/ lo( |$)/ ? "in full" : "not"
	}' "/proc/$1/smaps" | sort -u
}

# runs_all PROGRAM LINES: run --all of a program prints so many lines
runs_all() {
	start "$command" run --all "./$1" x
	same "$1: it has its process ID and its parent" "$pid $$" "$(cat ready)"
	same "$1: all of it is locked" 'on fault' "$(locks $pid)"
	same "$1: a new mapping is not populated" yes "$(awk '
		/^[0-9a-f]+-/ { size = 0 } /^Size:/ { size = $2 }
		/^Rss:/ && size >= 1024 && $2 < 64 { found = "yes" }
		END { print found }' "/proc/$pid/smaps")"
	same "$1: it is not traced any more" 0 \
		"$(sed -n 's/^TracerPid:[^0-9]*//p' "/proc/$pid/status")"
	same "$1: it has no child" '' "$(cat "/proc/$pid/task/$pid/children" \
		2>/dev/null)"
	same "$1: lines" "$2" "$(wc -l <err)"
	stop
	same "$1: exit status" 7 $?
}

# Without the right to lock more, all is different: see the limit below.
is_free() { ! is_limited; }

if is_free; then
	runs_all dynamic 0
	for program in static static32; do
		[ -e $program ] || {
			left_out "$program: it cannot be built here"
			continue
		}
		"$command" run --all ./$program </dev/null >/dev/null 2>err
		if grep -q 'cannot trace it' err; then
			left_out "$program: no process can be traced here"
			continue
		fi
		runs_all $program 1
		says "$program: it is said how" err \
			"lockonfault run: ./$program is made to call mlockall when it starts"
	done
else
	left_out 'run --all without a limit'
fi

if [ -e static ] && is_free && ! grep -q 'cannot trace it' err; then
	# A signal that comes before the first instruction of the program
	exits 'a signal that is ignored' 0 sh -c \
		'trap "" USR1; "$0" run -a ./static </dev/null' "$command"
	exits 'SIGCHLD is ignored' 0 sh -c \
		'trap "" CHLD; "$0" run -a ./static </dev/null' "$command"
	says 'it is traced too' err '.*is made to call mlockall.*'
	exits 'no such program' 127 "$command" run -a "$work/nothing"
	cp static barred && chmod 644 barred
	exits 'a program that must not be executed' 126 \
		"$command" run -a ./barred
	start "$command" run --backend=exec ./dynamic
	same '--backend=exec: all of it is locked' 'on fault' "$(locks $pid)"
	same '--backend=exec: without the shim' 0 \
		"$(grep -c liblockonfault "/proc/$pid/maps")"
	stop
	exits '--backend=exec, a dry run' 0 "$command" run -n \
		--backend=exec ./static
	says 'it is said' err 'lockonfault run: backend exec: by --backend'
	exits 'a dry run' 0 "$command" run -a -n ./static
	same 'a dry run traces nothing' "env LD_PRELOAD=$shim \
LOCKONFAULT_ALL=1 lockonfault run --backend=trace --all ./static" "$(
		sed 's| [^ ]*lockonfault run| lockonfault run|' out)"
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		"$command" run -a ./static </dev/null 2>/dev/null
	done >out
	same 'ten in a row' 10 "$(wc -l <out)"
	is_gone() { ! pgrep -f "lockonfault run -a" >/dev/null; }
	check 'no helper is left' wait_for is_gone
	if has strace && strace -o trace true 2>/dev/null; then
		exits 'under strace' 0 strace -o trace \
			"$command" run -a ./static </dev/null
		says 'it is said that it cannot be traced' err \
			'.*: ./static will not be locked: cannot trace it: .*'
	else
		left_out 'a program that is traced already: no strace'
	fi
	# A program that gains privileges would not gain them when traced.
	if is_root && cp static suid && chown 65534 suid && chmod 4755 suid; then
		start "$command" run -a ./suid
		same 'a set-user-ID program is not locked' not "$(locks $pid)"
		same 'and it has its user' 65534 "$(awk '/^Uid:/ { print $3 }' \
			"/proc/$pid/status")"
		stop
	fi
fi

# --- under a limit

if nobody_can "$command" --version && has prlimit; then
	start as_nobody prlimit --memlock=8388608:8388608 \
		"$command" run -a ./dynamic
	read -r pid_of_it _ <ready
	says 'a limit: it is said' err '.*at most 8 MiB can be locked:.*'
	same 'a limit: what fits is locked' yes "$(
		awk '/^VmLck:/ { print $2 >= 1024 ? "yes" : $2 }' \
		"/proc/$pid_of_it/status")"
	stop
	if [ -e static ]; then
		start as_nobody prlimit --memlock=8388608:8388608 \
			"$command" run -a ./static
		read -r pid_of_it _ <ready
		same 'a limit, static: nothing is locked' not \
			"$(locks "$pid_of_it")"
		says 'a limit, static: it is said' err "lockonfault run: \
./static will not be locked: RLIMIT_MEMLOCK is 8 MiB, and no CAP_IPC_LOCK"
		stop
		exits 'a limit, --backend=exec' 125 as_nobody \
			prlimit --memlock=8388608:8388608 \
			"$command" run --backend=exec ./static
	fi
else
	left_out 'run --all under a limit: nobody cannot run the command here'
fi

# --- with the other options

if is_free; then
	start "$command" run --all --max 64K ./dynamic
	under_bound() {
		awk '/^VmLck:/ { exit !($2 > 0 && $2 <= 64) }' \
			"/proc/$pid/status"
	}
	check 'run --all --max: the bound holds' wait_for under_bound
	stop
	start env LOCKONFAULT_CONVERT=0 "$command" run --all ./dynamic
	same 'run --all without conversion' 'on fault' "$(locks $pid)"
	stop
	"$command" run -a -l log ./dynamic </dev/null >/dev/null
	check 'run --all: the log has it' grep -q ' dynamic: all 0x0 3 0$' log
fi
exits 'LOCKONFAULT_ALL, an unknown value' 0 env LOCKONFAULT_ALL=yes \
	"$command" run true
says 'it is reported' err '.*LOCKONFAULT_ALL has an unknown value.*'
finish
