/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Print the system calls that each hooked call makes. A helper, this program
 * again, makes one call per process, and is traced by ptrace between two marks.
 *
 *	count_syscalls [SHIM]	prints: call, when, system calls
 *
 * All but "first" have several rounds: the first round is ignored, and the one
 * with the most system calls is printed. Exit status 77: ptrace does not work.
 */
#include "config.h"

#include "preload/count_syscalls.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <linux/ptrace.h>
#include <unistd.h>

#include "kernel/syscall.h"

static const struct {
	long value;
	const char *name;
} names[] = {
#define NAME(name) { SYS_##name, #name }
#ifdef SYS_mmap2
	{ SYS_mmap2, "mmap" },
#else
	NAME(mmap),
#endif
	NAME(munmap), NAME(mremap), NAME(mprotect), NAME(madvise), NAME(mlock),
	NAME(mlock2), NAME(munlock), NAME(mlockall), NAME(munlockall),
	NAME(msync), NAME(mincore), NAME(remap_file_pages), NAME(brk),
#ifdef SYS_shmat
	NAME(shmat), NAME(shmdt),
#endif
	NAME(openat), NAME(read), NAME(pread64), NAME(lseek), NAME(close),
	NAME(ioctl), NAME(fcntl), NAME(dup3), NAME(write), NAME(statx),
	NAME(prlimit64), NAME(capget), NAME(prctl), NAME(seccomp),
	NAME(getpid), NAME(gettid), NAME(futex), NAME(sched_yield),
	NAME(clock_gettime), NAME(clock_nanosleep), NAME(getrandom),
	NAME(rt_sigprocmask), NAME(rt_sigaction), NAME(clone),
	NAME(process_vm_readv), NAME(membarrier),
#ifdef SYS_clone3
	NAME(clone3),
#endif
#ifdef SYS_rseq
	NAME(rseq),
#endif
}, errors[] = {
#define ERROR(name) { name, #name }
	ERROR(EINVAL), ERROR(ENOMEM), ERROR(EAGAIN), ERROR(EBADF),
	ERROR(EEXIST), ERROR(EFAULT), ERROR(EPERM), ERROR(ENOSYS),
	ERROR(EBUSY), ERROR(EOPNOTSUPP), ERROR(ENOENT), ERROR(EACCES),
};

#define NNAMES	(sizeof(names) / sizeof(names[0]))
#define NERRORS	(sizeof(errors) / sizeof(errors[0]))

/* The system calls of a round. */
struct text {
	size_t n, len;
	char buf[1 << 12];
};

static struct text round_text;
static struct text dearest;	/* the round with the most system calls yet */

static void add(const char *format, const char *name, long value)
{
	struct text *text = &round_text;
	size_t room = sizeof(text->buf) - text->len;
	int len = snprintf(text->buf + text->len, room, format, name, value);

	text->len += (size_t)len < room ? (size_t)len : room - 1;
}

static void add_call(long nr)
{
	const char *between = round_text.n++ ? " " : "";

	for (size_t i = 0; i < NNAMES; i++)
		if (names[i].value == nr) {
			add("%s", between, 0);
			add("%s", names[i].name, 0);
			return;
		}
	add("%s%ld", between, nr);
}

static void add_error(long err)
{
	for (size_t i = 0; i < NERRORS; i++)
		if (errors[i].value == err) {
			add(":%s", errors[i].name, 0);
			return;
		}
	add("%s%ld", ":", err);
}

static void keep_dearest(void)
{
	if (!dearest.len || round_text.n > dearest.n)
		dearest = round_text;
}

struct tracing {
	bool counting;
	int rounds;
};

/* The helper enters a system call or leaves it. */
static void see_stop(struct tracing *t, pid_t pid)
{
	struct ptrace_syscall_info info;

	if (ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof(info), &info) <= 0)
		return;
	if (info.op == PTRACE_SYSCALL_INFO_EXIT) {
		if (t->counting && info.exit.is_error)
			add_error((long)-info.exit.rval);
		return;
	}
	if (info.op != PTRACE_SYSCALL_INFO_ENTRY)
		return;
	if (info.entry.nr != (uint64_t)SYS_getppid) {
		if (t->counting)
			add_call((long)info.entry.nr);
	} else if (info.entry.args[0] == MARK_BEGIN) {
		round_text = (struct text){ .n = 0 };
		t->rounds++;
		t->counting = true;
	} else if (t->counting) {
		t->counting = false;
		if (!round_text.n)
			add("%s", "nothing", 0);
		keep_dearest();
	}
}

/*
 * Trace the helper to its end. True: it exited with 0 after that many rounds.
 * The first of several rounds is ignored.
 */
static bool trace(pid_t pid, int rounds)
{
	struct tracing t = { false, 0 };
	int status, sig = 0;

	if (waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status) ||
	    ptrace(PTRACE_SETOPTIONS, pid, 0,
		   PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL))
		return false;
	for (;; sig = 0) {
		if (ptrace(PTRACE_SYSCALL, pid, 0, (long)sig) ||
		    waitpid(pid, &status, 0) != pid)
			return false;
		if (!WIFSTOPPED(status))
			return status == 0 && t.rounds == rounds;
		if (WSTOPSIG(status) == (SIGTRAP | 0x80)) {
			see_stop(&t, pid);
			if (rounds > 1 && t.rounds == 1)
				dearest = (struct text){ .n = 0 };
		} else if (WSTOPSIG(status) != SIGTRAP) {
			sig = WSTOPSIG(status);
		}
	}
}

static void be_helper(const char *shim, size_t call, size_t when)
{
	char number[2][24];

	snprintf(number[0], sizeof(number[0]), "%zu", call);
	snprintf(number[1], sizeof(number[1]), "%zu", when);
	if (shim)
		setenv("LD_PRELOAD", shim, 1);
	else
		unsetenv("LD_PRELOAD");
	execl("/proc/self/exe", "count_syscalls", "--helper", number[0],
	      number[1], (char *)NULL);
	_exit(99);
}

static bool count(const char *shim, size_t call, size_t when)
{
	pid_t pid;

	dearest = (struct text){ .n = 0 };
	pid = fork();
	if (pid == 0)
		be_helper(shim, call, when);
	return pid > 0 && trace(pid, when ? NROUNDS : 1);
}

int main(int argc, char **argv)
{
	const char *shim = argv[1];
	int ret = 0;

	if (argc == 4 && strcmp(shim, "--helper") == 0)
		return make_calls(strtoul(argv[2], NULL, 10),
				  strtoul(argv[3], NULL, 10));
	if (argc > 2) {
		fprintf(stderr, "usage: count_syscalls [SHIM]\n");
		return 2;
	}
	if (!count(NULL, 0, 0))
		return 77;
	for (size_t c = 0; c < call_count; c++)
		for (size_t w = 0; w < when_count; w++) {
			if (!count(shim, c, w)) {
				ret = 1;
				strcpy(dearest.buf, "not seen to end");
			}
			printf("%s\t%s\t%s\n", call_name(c), when_names[w],
			       dearest.buf);
		}
	return ret;
}
