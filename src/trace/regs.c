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

#define CS_32	0x23	/* segment of 32-bit code */

/* Of x86-64 and of i386, where mmap is mmap2. */
static const unsigned short numbers[LOF_NTRACED][2] = {
	[LOF_TRACED_MLOCK] = { 149, 150 },
	[LOF_TRACED_MLOCK2] = { 325, 376 },
	[LOF_TRACED_MLOCKALL] = { 151, 152 },
	[LOF_TRACED_MMAP] = { 9, 192 },
	[LOF_TRACED_MUNLOCK] = { 150, 151 },
	[LOF_TRACED_MUNLOCKALL] = { 152, 153 },
	[LOF_TRACED_MUNMAP] = { 11, 91 },
};

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

static void set_args(struct user_regs_struct *user, bool is_32,
		     const uint64_t args[6])
{
	if (is_32) {
		user->rbx = (uint32_t)args[0];
		user->rcx = (uint32_t)args[1];
		user->rdx = (uint32_t)args[2];
		user->rsi = (uint32_t)args[3];
		user->rdi = (uint32_t)args[4];
		user->rbp = (uint32_t)args[5];
	} else {
		user->rdi = args[0];
		user->rsi = args[1];
		user->rdx = args[2];
		user->r10 = args[3];
		user->r8 = args[4];
		user->r9 = args[5];
	}
}

/* orig_rax: the kernel must not restart an earlier system call. */
void lof_regs_call(struct lof_regs *regs, uint64_t insn, enum lof_traced call,
		   const uint64_t args[6])
{
	regs->user.rip = insn;
	regs->user.rax = numbers[call][regs->is_32];
	regs->user.orig_rax = ~0ull;
	set_args(&regs->user, regs->is_32, args);
}

long lof_regs_result(const struct lof_regs *regs)
{
	return regs->is_32 ? (int32_t)regs->user.rax : (long)regs->user.rax;
}

#elif defined(__aarch64__)

static const unsigned short numbers[LOF_NTRACED] = {
	[LOF_TRACED_MLOCK] = 228,
	[LOF_TRACED_MLOCK2] = 284,
	[LOF_TRACED_MLOCKALL] = 230,
	[LOF_TRACED_MMAP] = 222,
	[LOF_TRACED_MUNLOCK] = 229,
	[LOF_TRACED_MUNLOCKALL] = 231,
	[LOF_TRACED_MUNMAP] = 215,
};

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

void lof_regs_call(struct lof_regs *regs, uint64_t insn, enum lof_traced call,
		   const uint64_t args[6])
{
	regs->user.pc = insn;
	regs->user.regs[8] = numbers[call];
	for (int i = 0; i < 6; i++)
		regs->user.regs[i] = args[i];
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

void lof_regs_call(struct lof_regs *regs, uint64_t insn, enum lof_traced call,
		   const uint64_t args[6])
{
	(void)regs;
	(void)insn;
	(void)call;
	(void)args;
}

long lof_regs_result(const struct lof_regs *regs)
{
	(void)regs;
	return -ENOTSUP;
}

#endif
