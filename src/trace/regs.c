/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A tracee may have another word size than the tracer: then the number of a
 * system call, its instruction and its registers are those of 32 bits.
 */
#include "config.h"

#include "trace/regs.h"

#include <elf.h>
#include <errno.h>
#include <linux/audit.h>
#include <sys/ptrace.h>
#include <sys/uio.h>

/* Is it in a list, which ends with 0? */
static bool __attribute__((unused)) is_in(const unsigned short *list,
					  long number)
{
	while (*list && *list != number)
		list++;
	return *list;
}

/* The kernel does not export these: a system call that will be restarted. */
#define ERESTARTSYS	512
#define ERESTARTNOINTR	513

#if defined(__x86_64__)

#define CS_32		0x23	/* segment of 32-bit code */
#define INSN_SIZE	2

/* Of x86-64 and of i386, where mmap is mmap2. */
static const unsigned short numbers[LOF_NTRACED][2] = {
	[LOF_TRACED_MLOCK] = { 149, 150 },
	[LOF_TRACED_MLOCK2] = { 325, 376 },
	[LOF_TRACED_MLOCKALL] = { 151, 152 },
	[LOF_TRACED_MMAP] = { 9, 192 },
	[LOF_TRACED_MUNLOCK] = { 150, 151 },
	[LOF_TRACED_MUNLOCKALL] = { 152, 153 },
	[LOF_TRACED_MUNMAP] = { 11, 91 },
	[LOF_TRACED_MADVISE] = { 28, 219 },
};

/*
 * The calls that end with EINTR at any stop: epoll_wait, epoll_pwait,
 * epoll_pwait2, rt_sigtimedwait, semop, semtimedop; of i386 also
 * rt_sigtimedwait_time64, semtimedop_time64 and ipc, whose other calls restart.
 */
static const unsigned short ends[2][10] = {
	{ 232, 281, 441, 128, 65, 220 },
	{ 256, 319, 441, 177, 421, 420, 117 },
};

/*
 * accept, accept4, recvfrom, recvmsg, recvmmsg, sendto, sendmsg, sendmmsg; of
 * i386 also socketcall and recvmmsg_time64.
 */
static const unsigned short sockets[2][12] = {
	{ 43, 288, 45, 47, 299, 44, 46, 307 },
	{ 102, 364, 371, 372, 337, 369, 370, 345, 417 },
};

enum lof_call_kind lof_regs_kind(long number, bool is_32)
{
	if (is_in(ends[is_32], number))
		return LOF_CALL_ENDS;
	return is_in(sockets[is_32], number) ? LOF_CALL_SOCKET :
		LOF_CALL_RESTARTS;
}

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
	*len = INSN_SIZE;
	return regs->is_32 ? "\xcd\x80" : "\x0f\x05"; /* int 0x80, syscall */
}

uint64_t lof_regs_ip(const struct lof_regs *regs)
{
	return regs->user.rip;
}

void lof_regs_set_ip(struct lof_regs *regs, uint64_t ip)
{
	regs->user.rip = ip;
}

uint64_t lof_regs_insn_before(const struct lof_regs *regs)
{
	return regs->user.rip - INSN_SIZE;
}

bool lof_regs_is_interrupted(const struct lof_regs *regs,
			     const struct lof_blocked_call *blocked)
{
	int64_t made = (int64_t)regs->user.orig_rax;

	(void)blocked;
	if (regs->is_32)
		made = (int32_t)made;
	if (made < 0 || lof_regs_result(regs) != -EINTR)
		return false;
	return is_in(ends[regs->is_32], made);
}

/* orig_rax is the number of the call; rax and rip are those after it. */
void lof_regs_repeat(struct lof_regs *regs,
		     const struct lof_blocked_call *blocked)
{
	(void)blocked;
	regs->user.rax = regs->user.orig_rax;
	regs->user.rip -= INSN_SIZE;
}

/* rax is -ERESTART_RESTARTBLOCK, so the kernel does it. */
void lof_regs_keep_remaining(struct lof_regs *regs,
			     const struct lof_blocked_call *blocked)
{
	(void)regs;
	(void)blocked;
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

bool lof_traced_find(unsigned int arch, int number, enum lof_traced *call,
		     bool *is_32)
{
	int i = 0;

	*is_32 = arch == AUDIT_ARCH_I386;
	if (!*is_32 && arch != AUDIT_ARCH_X86_64)
		return false;
	while (i < LOF_NTRACED && numbers[i][*is_32] != number)
		i++;
	*call = (enum lof_traced)i;
	return i < LOF_NTRACED;
}

bool lof_regs_restart(const struct lof_regs *regs, uint64_t ip)
{
	long result = lof_regs_result(regs);

	return regs->user.rip == ip &&
	       (result == -ERESTARTSYS || result == -ERESTARTNOINTR);
}

void lof_regs_set_result(struct lof_regs *regs, uint64_t ip, long result)
{
	regs->user.rip = ip;
	regs->user.rax = (uint64_t)result;
	regs->user.orig_rax = ~0ull;
}

long lof_regs_result(const struct lof_regs *regs)
{
	return regs->is_32 ? (int32_t)regs->user.rax : (long)regs->user.rax;
}

#elif defined(__aarch64__)

#define INSN_SIZE		4
#define NR_RESTART_SYSCALL	128

static const unsigned short numbers[LOF_NTRACED] = {
	[LOF_TRACED_MLOCK] = 228,
	[LOF_TRACED_MLOCK2] = 284,
	[LOF_TRACED_MLOCKALL] = 230,
	[LOF_TRACED_MMAP] = 222,
	[LOF_TRACED_MUNLOCK] = 229,
	[LOF_TRACED_MUNLOCKALL] = 231,
	[LOF_TRACED_MUNMAP] = 215,
	[LOF_TRACED_MADVISE] = 233,
};

/* epoll_pwait, epoll_pwait2, rt_sigtimedwait, semtimedop, semop. */
static const unsigned short ends[] = { 22, 441, 137, 192, 193, 0 };

/* accept, accept4, recvfrom, recvmsg, recvmmsg, sendto, sendmsg, sendmmsg. */
static const unsigned short sockets[] = {
	202, 242, 207, 212, 243, 206, 211, 269, 0
};

enum lof_call_kind lof_regs_kind(long number, bool is_32)
{
	(void)is_32;
	if (is_in(ends, number))
		return LOF_CALL_ENDS;
	return is_in(sockets, number) ? LOF_CALL_SOCKET :
		LOF_CALL_RESTARTS;
}

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
	*len = INSN_SIZE;
	return "\x01\x00\x00\xd4";	/* svc #0 */
}

uint64_t lof_regs_ip(const struct lof_regs *regs)
{
	return regs->user.pc;
}

void lof_regs_set_ip(struct lof_regs *regs, uint64_t ip)
{
	regs->user.pc = ip;
}

/*
 * The kernel has set pc back to the instruction already, and takes a thread
 * that leaves the stop with this pc for one that restarts its call.
 */
uint64_t lof_regs_insn_before(const struct lof_regs *regs)
{
	(void)regs;
	return 0;
}

/* x0 is the result; only /proc knew the first argument. */
bool lof_regs_is_interrupted(const struct lof_regs *regs,
			     const struct lof_blocked_call *blocked)
{
	if (blocked->number < 0 || blocked->ip != regs->user.pc ||
	    (uint64_t)blocked->number != regs->user.regs[8] ||
	    lof_regs_result(regs) != -EINTR)
		return false;
	return is_in(ends, blocked->number);
}

void lof_regs_repeat(struct lof_regs *regs,
		     const struct lof_blocked_call *blocked)
{
	regs->user.regs[0] = blocked->args[0];
	regs->user.pc -= INSN_SIZE;
}

/* nanosleep, clock_nanosleep without TIMER_ABSTIME, futex with a timeout */
static bool has_remaining(const struct lof_blocked_call *blocked)
{
	uint64_t operation = blocked->args[1] & 127;

	switch (blocked->number) {
	case 101:
		return true;
	case 115:
		return !(blocked->args[1] & 1);
	case 98:
		/* FUTEX_WAIT, FUTEX_WAIT_BITSET */
		return (operation == 0 || operation == 9) && blocked->args[3];
	default:
		return false;
	}
}

void lof_regs_keep_remaining(struct lof_regs *regs,
			     const struct lof_blocked_call *blocked)
{
	if (blocked->number >= 0 &&
	    blocked->ip == regs->user.pc + INSN_SIZE &&
	    (uint64_t)blocked->number == regs->user.regs[8] &&
	    has_remaining(blocked))
		regs->user.regs[8] = NR_RESTART_SYSCALL;
}

void lof_regs_call(struct lof_regs *regs, uint64_t insn, enum lof_traced call,
		   const uint64_t args[6])
{
	regs->user.pc = insn;
	regs->user.regs[8] = numbers[call];
	for (int i = 0; i < 6; i++)
		regs->user.regs[i] = args[i];
}

bool lof_traced_find(unsigned int arch, int number, enum lof_traced *call,
		     bool *is_32)
{
	int i = 0;

	*is_32 = false;
	if (arch != AUDIT_ARCH_AARCH64)
		return false;
	while (i < LOF_NTRACED && numbers[i] != number)
		i++;
	*call = (enum lof_traced)i;
	return i < LOF_NTRACED;
}

/* The kernel has set pc and x0 back already. */
bool lof_regs_restart(const struct lof_regs *regs, uint64_t ip)
{
	return regs->user.pc == ip - INSN_SIZE;
}

void lof_regs_set_result(struct lof_regs *regs, uint64_t ip, long result)
{
	regs->user.pc = ip;
	regs->user.regs[0] = (uint64_t)result;
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

uint64_t lof_regs_ip(const struct lof_regs *regs)
{
	(void)regs;
	return 0;
}

void lof_regs_set_ip(struct lof_regs *regs, uint64_t ip)
{
	(void)regs;
	(void)ip;
}

uint64_t lof_regs_insn_before(const struct lof_regs *regs)
{
	(void)regs;
	return 0;
}

bool lof_regs_is_interrupted(const struct lof_regs *regs,
			     const struct lof_blocked_call *blocked)
{
	(void)regs;
	(void)blocked;
	return false;
}

void lof_regs_repeat(struct lof_regs *regs,
		     const struct lof_blocked_call *blocked)
{
	(void)regs;
	(void)blocked;
}

enum lof_call_kind lof_regs_kind(long number, bool is_32)
{
	(void)number;
	(void)is_32;
	return LOF_CALL_RESTARTS;
}

void lof_regs_keep_remaining(struct lof_regs *regs,
			     const struct lof_blocked_call *blocked)
{
	(void)regs;
	(void)blocked;
}

void lof_regs_call(struct lof_regs *regs, uint64_t insn, enum lof_traced call,
		   const uint64_t args[6])
{
	(void)regs;
	(void)insn;
	(void)call;
	(void)args;
}

bool lof_traced_find(unsigned int arch, int number, enum lof_traced *call,
		     bool *is_32)
{
	(void)arch;
	(void)number;
	(void)call;
	(void)is_32;
	return false;
}

bool lof_regs_restart(const struct lof_regs *regs, uint64_t ip)
{
	(void)regs;
	(void)ip;
	return false;
}

void lof_regs_set_result(struct lof_regs *regs, uint64_t ip, long result)
{
	(void)regs;
	(void)ip;
	(void)result;
}

long lof_regs_result(const struct lof_regs *regs)
{
	(void)regs;
	return -ENOTSUP;
}

#endif
