/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ptrace(2) of a process that executes a program. The tracee runs no
 * instruction but a system call instruction of its own vDSO, from a stop before
 * its first instruction to the stop after the call: a single step or a
 * breakpoint would change its disposition of SIGTRAP.
 */
#include "config.h"

#include "trace/tracee.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "trace/regs.h"

#define SYSCALL_STOP	(SIGTRAP | 0x80)	/* PTRACE_O_TRACESYSGOOD */
#define PAGE		((size_t)4096)	/* the smallest page */
#define VDSO_PAGES	4		/* no vDSO is larger */

bool lof_tracee_is_supported(void)
{
	return LOF_TRACE_IS_SUPPORTED;
}

static int error_of(long result)
{
	return result < 0 ? -errno : 0;
}

int lof_tracee_seize_until_exec(pid_t pid)
{
	return error_of(ptrace(PTRACE_SEIZE, pid, NULL,
			       PTRACE_O_TRACEEXEC | PTRACE_O_TRACESYSGOOD));
}

/* Get the next stop. -ESRCH: the tracee has ended. */
static int wait_for_stop(pid_t pid, int *status)
{
	pid_t got;

	do
		got = waitpid(pid, status, __WALL);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return -errno;
	return WIFSTOPPED(*status) ? 0 : -ESRCH;
}

static bool stops_process(int sig)
{
	return sig == SIGSTOP || sig == SIGTSTP || sig == SIGTTIN ||
	       sig == SIGTTOU;
}

/* Let the tracee go on from a stop that is not the one that is waited for. */
static int pass_on(pid_t pid, int status, enum __ptrace_request request)
{
	int sig = WSTOPSIG(status);

	if (status >> 16 == PTRACE_EVENT_STOP) {
		if (stops_process(sig))
			request = PTRACE_LISTEN;
		sig = 0;
	} else if (status >> 16 || sig == SYSCALL_STOP) {
		sig = 0;
	}
	return error_of(ptrace(request, pid, NULL, (long)sig));
}

/* Go on by `request` to a stop with this value of status >> 8. */
static int go_to(pid_t pid, enum __ptrace_request request, int wanted)
{
	int status, err;

	for (;;) {
		err = wait_for_stop(pid, &status);
		if (err || status >> 8 == wanted)
			return err;
		err = pass_on(pid, status, request);
		if (err)
			return err;
	}
}

/* Go on to the entry of the next system call, or from there to its end. */
static int go_to_syscall_stop(pid_t pid)
{
	int err = error_of(ptrace(PTRACE_SYSCALL, pid, NULL, NULL));

	return err ? err : go_to(pid, PTRACE_SYSCALL, SYSCALL_STOP);
}

int lof_tracee_wait_for_exec(pid_t pid)
{
	int err = go_to(pid, PTRACE_CONT,
			SIGTRAP | PTRACE_EVENT_EXEC << 8);

	/* The event stops the tracee inside execve(). */
	return err ? err : go_to_syscall_stop(pid);
}

static int open_proc(pid_t pid, const char *name)
{
	char path[48];

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	return open(path, O_RDONLY | O_CLOEXEC);
}

/* Read what there is of a file, or of the memory at an address. */
static size_t read_at(int fd, uint64_t offset, char *to, size_t len)
{
	ssize_t n = pread(fd, to, len, (off_t)offset);

	return n > 0 ? (size_t)n : 0;
}

/* AT_SYSINFO_EHDR, from the pairs of words of the auxiliary vector; 0: none. */
static uint64_t vdso_address(pid_t pid, bool is_32)
{
	char auxv[2048];
	int fd = open_proc(pid, "auxv");
	size_t word = is_32 ? 4 : 8, n = 0;

	if (fd >= 0) {
		n = read_at(fd, 0, auxv, sizeof(auxv));
		close(fd);
	}
	for (size_t at = 0; at + 2 * word <= n; at += 2 * word) {
		uint64_t type = 0, value = 0;

		memcpy(&type, auxv + at, word);
		memcpy(&value, auxv + at + word, word);
		if (type == AT_SYSINFO_EHDR)
			return value;
	}
	return 0;
}

/* The address of a system call instruction; 0: none. */
static uint64_t find_insn(pid_t pid, const struct lof_regs *regs)
{
	uint64_t vdso = vdso_address(pid, regs->is_32);
	char code[VDSO_PAGES * PAGE];
	const char *insn, *at;
	size_t n = 0, len;
	int fd;

	insn = lof_regs_insn(regs, &len);
	if (!vdso || !insn)
		return 0;
	fd = open_proc(pid, "mem");
	if (fd < 0)
		return 0;
	/* Page by page: the vDSO may end before the last of them. */
	while (n < sizeof(code) && read_at(fd, vdso + n, code + n, PAGE) > 0)
		n += PAGE;
	close(fd);
	at = memmem(code, n, insn, len);
	return at ? vdso + (uint64_t)(at - code) : 0;
}

/* Make the prepared call; then regs are those after it. */
static int make_call(pid_t pid, struct lof_regs *regs)
{
	int err = lof_regs_set(pid, regs);

	if (!err)
		err = go_to_syscall_stop(pid);
	if (!err)
		err = go_to_syscall_stop(pid);
	return err ? err : lof_regs_get(pid, regs);
}

int lof_tracee_begin(struct lof_tracee *tracee, pid_t tid)
{
	int err;

	*tracee = (struct lof_tracee){ .tid = tid };
	err = lof_regs_get(tid, &tracee->saved);
	if (err)
		return err;
	tracee->insn = find_insn(tid, &tracee->saved);
	return tracee->insn ? 0 : -ENOEXEC;
}

int lof_tracee_call(const struct lof_tracee *tracee, enum lof_traced call,
		    const uint64_t args[6], long *result)
{
	struct lof_regs regs = tracee->saved;
	int err;

	lof_regs_call(&regs, tracee->insn, call, args);
	err = make_call(tracee->tid, &regs);
	*result = lof_regs_result(&regs);
	return err;
}

int lof_tracee_end(const struct lof_tracee *tracee)
{
	return lof_regs_set(tracee->tid, &tracee->saved);
}

void lof_tracee_detach(pid_t pid)
{
	ptrace(PTRACE_DETACH, pid, NULL, NULL);
}
