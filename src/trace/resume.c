/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * After most system calls the kernel itself hides the stop from the thread
 * (ERESTARTSYS). This file is for the rest: calls that end with EINTR at any
 * stop, and restartable sequences.
 */
#include "config.h"

#include "trace/resume.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <unistd.h>

#define GET_RSEQ	((enum __ptrace_request)0x420f)	/* Linux 5.13 */

/* struct ptrace_rseq_configuration, and struct rseq_cs of rseq(2). */
struct rseq_place {
	uint64_t pointer;
	uint32_t size, signature, flags, pad;
};
struct rseq_section {
	uint32_t version, flags;
	uint64_t start_ip, post_commit_offset, abort_ip;
};
#define RSEQ_SECTION_AT	8	/* the offset of rseq_cs in struct rseq */

static size_t read_proc(pid_t tid, const char *name, char *buf, size_t size)
{
	char path[48];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)tid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	n = read(fd, buf, size - 1);
	close(fd);
	buf[n > 0 ? n : 0] = '\0';
	return n > 0 ? (size_t)n : 0;
}

/* "NUMBER ARG0 ... ARG5 SP IP", "-1 SP IP" or "running". */
void lof_blocked_call_read(pid_t tid, struct lof_blocked_call *blocked)
{
	uint64_t *arg = blocked->args;
	char line[256];

	blocked->number = -1;
	if (!read_proc(tid, "syscall", line, sizeof(line)))
		return;
	if (sscanf(line, "%ld %" SCNx64 " %" SCNx64 " %" SCNx64 " %" SCNx64
		   " %" SCNx64 " %" SCNx64 " %*s %" SCNx64, &blocked->number,
		   &arg[0], &arg[1], &arg[2], &arg[3], &arg[4], &arg[5],
		   &blocked->ip) != 8)
		blocked->number = -1;
}

/* The hexadecimal value of a line such as "SigCgt:\t0000000000000002". */
static uint64_t set_of(const char *status, const char *title)
{
	const char *line = strstr(status, title);

	return line ? strtoull(line + strlen(title), NULL, 16) : 0;
}

/* Will a handler of the thread run when it goes on? Then EINTR is its own. */
static bool has_handled_signal(pid_t tid, uint64_t mask)
{
	char status[4096];

	if (!read_proc(tid, "status", status, sizeof(status)))
		return true;
	return (set_of(status, "\nSigPnd:\t") | set_of(status, "\nShdPnd:\t")) &
	       set_of(status, "\nSigCgt:\t") & ~mask;
}

static bool read_memory(pid_t tid, uint64_t addr, void *to, size_t len)
{
	struct iovec local = { to, len };
	struct iovec remote = { (void *)(uintptr_t)addr, len };

	return process_vm_readv(tid, &local, 1, &remote, 1, 0) == (ssize_t)len;
}

/*
 * The kernel forgets the critical section of a restartable sequence when the
 * thread makes a call elsewhere, and would not abort it later. So abort it.
 */
static void abort_sequence(pid_t tid, struct lof_regs *regs)
{
	struct rseq_section section;
	struct rseq_place place;
	uint64_t at = 0, ip = lof_regs_ip(regs);

	if (ptrace(GET_RSEQ, tid, (void *)sizeof(place), &place) !=
	    (long)sizeof(place) || !place.pointer)
		return;
	if (!read_memory(tid, place.pointer + RSEQ_SECTION_AT, &at,
			 sizeof(at)) || !at ||
	    !read_memory(tid, at, &section, sizeof(section)))
		return;
	if (ip - section.start_ip < section.post_commit_offset)
		lof_regs_set_ip(regs, section.abort_ip);
}

void lof_resume_fix(pid_t tid, struct lof_regs *regs, uint64_t mask,
		    const struct lof_blocked_call *blocked)
{
	if (lof_regs_is_interrupted(regs, blocked)) {
		if (!has_handled_signal(tid, mask))
			lof_regs_repeat(regs, blocked);
		return;
	}
	abort_sequence(tid, regs);
}
