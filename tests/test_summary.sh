#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# run --summary: a line at the end of each process. smaps is the truth for its
# numbers, and the program does not notice the line.
# shellcheck disable=SC2016
# shellcheck source=tests/check.sh
. "${srcdir:-.}/tests/check.sh"
# shellcheck source=tests/command.sh
. "${srcdir:-.}/tests/command.sh"

[ -e "$shim" ] || skip 'the shim was not built'

# ends WAY [BYTES TOUCHED]: lock so many bytes, touch some, unlock them if the
# way is "unlocked", and end in this way, with status 7 where there is one.
cat >ends.c <<'C'
#define _GNU_SOURCE
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static void handle(int signal)
{
	(void)signal;
	_exit(7);
}

static void *leave(void *arg)
{
	(void)arg;
	exit(7);
}

/* The numbers of smaps for what is locked: size, locked, size without Rss. */
static void print_truth(void)
{
	FILE *smaps = fopen("/proc/self/smaps", "r");
	long size = 0, rss = 0, pinned = 0, sum[3] = { 0 };
	char line[4096];

	while (smaps && fgets(line, sizeof(line), smaps)) {
		sscanf(line, "Size: %ld", &size);
		sscanf(line, "Rss: %ld", &rss);
		sscanf(line, "Locked: %ld", &pinned);
		if (strncmp(line, "VmFlags:", 8) == 0 && strstr(line, " lo")) {
			sum[0] += size;
			sum[1] += pinned;
			sum[2] += size - rss;
		}
	}
	if (smaps)
		fclose(smaps);
	printf("%ld charged, %ld locked, %ld saved\n", sum[0] * 1024,
	       sum[1] * 1024, sum[2] * 1024);
	fflush(stdout);
}

static void filter(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_readlinkat, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { 4, code };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program))
		exit(3);
}

static void fork_and(const char *way)
{
	pid_t child = strcmp(way, "vfork") == 0 ? vfork() : fork();

	if (!child && strcmp(way, "fork") == 0)
		exit(mlock(&way, 1) != 0);
	if (!child)
		_exit(0);
	waitpid(child, NULL, 0);
}

int main(int argc, char **argv)
{
	const char *way = argc > 1 ? argv[1] : "";
	size_t len = argc > 2 ? strtoul(argv[2], NULL, 0) : 1 << 20;
	size_t touched = argc > 3 ? strtoul(argv[3], NULL, 0) : 1 << 16;
	char *addr = mmap(NULL, len, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	pthread_t thread;

	if (addr == MAP_FAILED)
		return 3;
	madvise(addr, len, MADV_NOHUGEPAGE);
	if (strncmp(way, "all", 3) == 0 ? mlockall(MCL_CURRENT | MCL_FUTURE) :
				      mlock(addr, len))
		printf("refused: %s\n", strerror(errno));
	memset(addr, 1, touched);
	if (strcmp(way, "mmap") == 0 &&
	    mmap(NULL, len, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_LOCKED,
		 -1, 0) == MAP_FAILED)
		return 3;
	if (strcmp(way, "refused") == 0 && mlock((void *)4096, 4096) == 0)
		return 3;
	if (strcmp(way, "all_unlocked") == 0)
		munlockall();
	if (strcmp(way, "unlocked") == 0)
		munlock(addr, len);
	if (strcmp(way, "wait") == 0) {
		puts("ready");
		fflush(stdout);
		getchar();
	}
	print_truth();
	if (strcmp(way, "_exit") == 0)
		_exit(7);
	if (strcmp(way, "_Exit") == 0)
		_Exit(7);
	if (strcmp(way, "quick_exit") == 0)
		quick_exit(7);
	if (strcmp(way, "exit") == 0)
		exit(7);
	if (strcmp(way, "signal") == 0) {
		signal(SIGUSR1, handle);
		raise(SIGUSR1);
	}
	if (strcmp(way, "small") == 0) {
		size_t page = (size_t)sysconf(_SC_PAGESIZE);
		char *stack = mmap(NULL, 4 * page, PROT_READ | PROT_WRITE,
				   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		struct sigaction action = { .sa_flags = SA_ONSTACK };
		stack_t small = { .ss_sp = stack + page, .ss_size = 6144 };

		mprotect(stack, page, PROT_NONE);
		action.sa_handler = handle;
		sigaltstack(&small, NULL);
		sigaction(SIGUSR1, &action, NULL);
		raise(SIGUSR1);
	}
	if (strcmp(way, "thread") == 0 &&
	    !pthread_create(&thread, NULL, leave, NULL))
		pause();
	if (strcmp(way, "killed") == 0)
		kill(getpid(), SIGKILL);
	if (strcmp(way, "abort") == 0)
		abort();
	if (strcmp(way, "fork") == 0 || strcmp(way, "fork_exit") == 0 ||
	    strcmp(way, "vfork") == 0)
		fork_and(way);
	if (strcmp(way, "filter") == 0)
		filter();
	if (strcmp(way, "exec") == 0)
		execl(argv[0], argv[0], "exit", NULL);
	if (strcmp(way, "closed") == 0 || strcmp(way, "other") == 0)
		close(2);
	if (strcmp(way, "other") == 0 && !freopen("other", "w", stdin))
		return 3;
	if (strcmp(way, "other") == 0 && dup2(0, 2) < 0)
		return 3;
	return 7;
}
C
${CC:-cc} -w -o ends ends.c -pthread || fail 'ends.c'

line='lockonfault: [0-9]* ends: locks: \([0-9]*\) converted, \([0-9]*\) refused'
line="$line; bytes: \\([0-9]*\\) asked, \\(.*\\), \\([0-9]*\\) left out\\(.*\\)"
# part N: that part of the line in err
part() { sed -n "s/^$line\$/\\$1/p" err; }
lines() { grep -cx "$line" err; }

page=$(getconf PAGESIZE)

# --- the numbers

exits 'mlock' 7 "$command" run --summary ./ends '' 1048576 65536
same 'a line, and no other' '1 1' "$(lines) $(wc -l <err)"
same 'one lock, none refused' '1 0' "$(part 1) $(part 2)"
same 'what is asked' 1048576 "$(part 3)"
same 'charged, locked and saved are those of smaps' "$(cat out)" "$(part 4)"
if ! is_limited; then
	same 'a part of it was touched' '1048576 charged, 65536 locked, 983040 saved' \
		"$(part 4)"
fi
same 'nothing is left out' '0 ' "$(part 5) $(part 6)"
exits 'munlock' 7 "$command" run --summary ./ends unlocked 1048576
same 'what was asked stays' \
	'1048576 asked, 0 charged, 0 locked, 0 saved' "$(part 3) asked, $(part 4)"
exits 'MAP_LOCKED' 7 "$command" run --summary ./ends mmap 1048576
same 'both are asked' '2 2097152' "$(part 1) $(part 3)"
exits 'a lock that is refused' 7 "$command" run --summary ./ends refused
same 'it is counted' '1 1' "$(part 1) $(part 2)"
exits 'a lock in full' 7 env LOCKONFAULT_CONVERT=0 "$command" run --summary \
	./ends '' 1048576
same 'nothing is converted and nothing saved' \
	'0 1048576 charged, 1048576 locked, 0 saved' "$(part 1) $(part 4)"
if ! is_limited; then
	exits 'mlockall' 7 "$command" run --summary ./ends all 16777216
	same 'mlockall: charged, locked and saved are those of smaps' \
		"$(sed 's/ .*//' out)" "$(part 4 | sed 's/ .*//')"
	same 'mlockall: all that is charged was asked' "$(part 3)" \
		"$(part 4 | sed 's/ .*//')"
	saved=$(part 4 | sed 's/.* \([0-9]*\) saved$/\1/')
	at_most 'mlockall: the mapping is saved' "$saved" \
		$((16777216 - 65536))
	exits 'munlockall' 7 "$command" run --summary ./ends all_unlocked 16777216
	at_most 'munlockall: what was asked stays' "$(part 3)" 16777216
	same 'munlockall: nothing is charged' \
		'0 charged, 0 locked, 0 saved' "$(part 4)"
	exits '--all' 7 "$command" run --all --summary ./ends unlocked 65536
	same 'a lock of the shim is none of the program' 2 "$(part 1)"
fi
exits '--max' 7 "$command" run --max 64K --summary ./ends wait 1048576 \
	1048576 </dev/null
same '--max: asked' 1048576 "$(part 3)"
start "$command" run --max 64K --summary ./ends wait 1048576 1048576
is_over() {
	[ "$("$command" status -bnr -o OVER $pid)" = $((1048576 - 65536)) ]
}
check '--max: the bound is used up' wait_for is_over
stop
same '--max: the rest is left out, and why' \
	"$((1048576 - 65536)) (LOCKONFAULT_MAX)" "$(part 5)$(part 6)"
if nobody_can "$command" --version && has prlimit; then
	exits 'under a limit' 7 as_nobody prlimit --memlock=8388608:8388608 \
		"$command" run --summary ./ends all 16777216
	same 'what does not fit is left out, and why' ' (RLIMIT_MEMLOCK)' \
		"$(part 6)"
	at_most 'it is the mapping' "$(part 5)" 16777216
	at_most 'it was asked' "$(part 3)" "$(part 5)"
	at_most 'all of the mapping was asked' "$(part 3)" 16777216
else
	left_out 'under a limit: nobody cannot run the command here'
fi

# --- the ends of a process

for way in exit _exit _Exit quick_exit signal thread; do
	exits "$way" 7 "$command" run --summary ./ends $way 1048576
	same "$way: one line" '1 1048576' "$(lines) $(part 3)"
done
exits 'killed' 137 "$command" run --summary ./ends killed
same 'killed: no line' 0 "$(lines)"
exits 'abort' 134 "$command" run --summary ./ends abort
same 'abort: no line' 0 "$(lines)"
exits 'a child of fork' 7 "$command" run --summary ./ends fork
same 'each has a line' 2 "$(lines)"
same 'the child counts for itself' "1 $page 1 1048576 " \
	"$(sed -n "s/^$line\$/\\1 \\3/p" err | tr '\n' ' ')"
exits 'a child of fork that calls _exit' 7 "$command" run --summary \
	./ends fork_exit
same 'its line comes first' '0 0 1 1048576 ' \
	"$(sed -n "s/^$line\$/\\1 \\3/p" err | tr '\n' ' ')"
exits 'a child of vfork' 7 sh -c 'echo $$ >id; exec "$0" run --summary \
	./ends vfork' "$command"
same 'it has no line, its parent has one' '1 1048576' "$(lines) $(part 3)"
says 'it is the line of the parent' err "lockonfault: $(cat id) ends: .*"
exits 'a handler on a small stack' 7 "$command" run --summary ./ends small
same 'a small stack: no line' 0 "$(lines)"
exits 'a filter that kills for readlinkat' 7 "$command" run --summary ./ends filter
same 'a filter: no line' 0 "$(lines)"
exits 'exec' 7 "$command" run --summary ./ends exec
same 'the new program has a line' 1 "$(lines)"
exits 'a program that is left alone' 0 env LOCKONFAULT_DISABLE=1 \
	LOCKONFAULT_SUMMARY=1 LD_PRELOAD="$shim" true
silent 'it has no line'
exits 'without the option' 7 "$command" run ./ends _exit
silent 'there is no line'
exits 'LOCKONFAULT_SUMMARY=0' 7 env LOCKONFAULT_SUMMARY=0 "$command" run ./ends
silent 'LOCKONFAULT_SUMMARY=0: there is no line'

# --- standard error

exits 'closed from the start' 7 sh -c '"$0" run --summary ./ends 2>&-' "$command"
exits 'a program that closes it' 7 "$command" run --summary ./ends closed
silent 'closed: there is no line'
if has script; then
	SHELL=/bin/sh script -qc "'$command' run --summary ./ends closed" typescript \
		>/dev/null </dev/null
	tr -d '\r' <typescript >err
	same 'closed, a terminal: it is opened again' 1 "$(lines)"
	rm err
else
	left_out 'a terminal: there is no script(1)'
fi
exits 'a file of the program in its place' 7 "$command" run --summary ./ends other
same 'the file stays empty' 0 "$(wc -c <other)"
# "run" itself may write to it: so the shim alone
quietly="env LD_PRELOAD=$shim LOCKONFAULT_SUMMARY=1 $work/ends"
exits 'a pipe without a reader' 7 sh -c \
	'{ $0 exit 3>&1 >/dev/null; echo $? >&3; } 3>status 2>&1 | :
	read -r status <status; exit $status' "$quietly"
exits 'a pipe that is full' 7 timeout 20 sh -c '
	mkfifo full; exec 3<>full
	dd if=/dev/zero bs=4096 count=64 oflag=nonblock 2>/dev/null >full
	$0 exit 2>full' "$quietly"
exits 'a file that is too large' 7 sh -c '
	ulimit -f 0; $0 exit 2>appended >/dev/null' "$quietly"

# --- the command line

exits 'a dry run' 0 "$command" run -n --summary true
same 'it prints the variable' "env LD_PRELOAD=$shim LOCKONFAULT_SUMMARY=1 true" \
	"$(cat out)"
exits 'LOCKONFAULT_SUMMARY, an unknown value' 0 env LOCKONFAULT_SUMMARY=yes \
	"$command" run true
same 'it is reported' "lockonfault run: LOCKONFAULT_SUMMARY has an unknown \
value, ignored: 'yes'; known: 0|1" "$(cat err)"
printf 'int main(void) { return 0; }\n' >static.c
if ${CC:-cc} -static -o static static.c 2>/dev/null; then
	exits 'a static program' 0 "$command" run --summary ./static
	says 'a static program: it is said' err \
		'lockonfault run: --summary has no effect on ./static'
else
	left_out 'a static program: it cannot be built here'
fi
finish
