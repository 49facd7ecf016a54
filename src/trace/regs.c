/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A tracee may have another word size than the tracer: then the number of a
 * system call, its instruction and its registers are those of 32 bits.
 */
#include "config.h"

#include "trace/regs.h"

#include <elf.h>
#include <errno.h>
#include <sys/ptrace.h>
#include <sys/uio.h>

#if defined(__x86_64__)

#define CS_32		0x23	/* segment of 32-bit code */
#define MLOCKALL	151
#define MLOCKALL_32	152

/* PTRACE_GETREGS has one layout, for tracees of both word sizes. */
int lof_regs_get(pid_t pid, struct lof_regs *regs)
{
	if (ptrace(PTRACE_GETREGS, pid, NULL, &regs->user))
		return -errno;
	regs->is_32 = regs->user.cs == CS_32;
	return 0;
}

int lof_regs_set(pid_t pid, const struct lof_regs *regs)
{
	return ptrace(PTRACE_SETREGS, pid, NULL, &regs->user) ? -errno : 0;
}

const char *lof_regs_insn(const struct lof_regs *regs, size_t *len)
{
	*len = 2;
	return regs->is_32 ? "\xcd\x80" : "\x0f\x05"; /* int 0x80, syscall */
}

/* orig_rax: the kernel must not restart an earlier system call. */
void lof_regs_call_mlockall(struct lof_regs *regs, uint64_t insn, int flags)
{
	regs->user.rip = insn;
	regs->user.rax = regs->is_32 ? MLOCKALL_32 : MLOCKALL;
	regs->user.orig_rax = ~0ull;
	if (regs->is_32)
		regs->user.rbx = (unsigned int)flags;
	else
		regs->user.rdi = (unsigned int)flags;
}

long lof_regs_result(const struct lof_regs *regs)
{
	return regs->is_32 ? (int32_t)regs->user.rax : (long)regs->user.rax;
}

#elif defined(__aarch64__)

#define MLOCKALL	230

/* The kernel fills less for a 32-bit tracee. */
int lof_regs_get(pid_t pid, struct lof_regs *regs)
{
	struct iovec io = { &regs->user, sizeof(regs->user) };

	if (ptrace(PTRACE_GETREGSET, pid, (void *)NT_PRSTATUS, &io))
		return -errno;
	regs->is_32 = io.iov_len < sizeof(regs->user);
	return regs->is_32 ? -ENOTSUP : 0;
}

int lof_regs_set(pid_t pid, const struct lof_regs *regs)
{
	struct lof_regs copy = *regs;
	struct iovec io = { &copy.user, sizeof(copy.user) };

	return ptrace(PTRACE_SETREGSET, pid, (void *)NT_PRSTATUS, &io) ?
	       -errno : 0;
}

const char *lof_regs_insn(const struct lof_regs *regs, size_t *len)
{
	(void)regs;
	*len = 4;
	return "\x01\x00\x00\xd4";	/* svc #0 */
}

void lof_regs_call_mlockall(struct lof_regs *regs, uint64_t insn, int flags)
{
	regs->user.pc = insn;
	regs->user.regs[8] = MLOCKALL;
	regs->user.regs[0] = (unsigned int)flags;
}

long lof_regs_result(const struct lof_regs *regs)
{
	return (long)regs->user.regs[0];
}

#else

int lof_regs_get(pid_t pid, struct lof_regs *regs)
{
	(void)pid;
	(void)regs;
	return -ENOTSUP;
}

int lof_regs_set(pid_t pid, const struct lof_regs *regs)
{
	return lof_regs_get(pid, (struct lof_regs *)regs);
}

const char *lof_regs_insn(const struct lof_regs *regs, size_t *len)
{
	(void)regs;
	*len = 0;
	return NULL;
}

void lof_regs_call_mlockall(struct lof_regs *regs, uint64_t insn, int flags)
{
	(void)regs;
	(void)insn;
	(void)flags;
}

long lof_regs_result(const struct lof_regs *regs)
{
	(void)regs;
	return -ENOTSUP;
}

#endif
