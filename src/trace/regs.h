/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The registers of a stopped thread, as far as a system call needs them. */
#ifndef LOF_TRACE_REGS_H
#define LOF_TRACE_REGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/user.h>

#if defined(__x86_64__) || defined(__aarch64__)
#define LOF_TRACE_IS_SUPPORTED	true
struct lof_regs {
	struct user_regs_struct user;
	bool is_32;			/* the thread runs 32-bit code */
};
#else
#define LOF_TRACE_IS_SUPPORTED	false
struct lof_regs {
	bool is_32;
};
#endif

/* Return 0 or a negative errno. -ENOTSUP: not on this architecture. */
int lof_regs_get(pid_t pid, struct lof_regs *regs);
int lof_regs_set(pid_t pid, const struct lof_regs *regs);

/* The address of the next instruction. */
uint64_t lof_regs_ip(const struct lof_regs *regs);
void lof_regs_set_ip(struct lof_regs *regs, uint64_t ip);

/* The instruction of a system call, *len bytes. */
const char *lof_regs_insn(const struct lof_regs *regs, size_t *len);

/*
 * The address of that instruction if the thread is stopped in a system call,
 * and may make another by the same instruction. 0: it may not.
 */
uint64_t lof_regs_insn_before(const struct lof_regs *regs);

/* A system call in which a thread sleeps. number < 0: none that is known. */
struct lof_blocked_call {
	long number;
	uint64_t args[6];
	uint64_t ip;
};

/*
 * How a stop affects a call: the kernel restarts it; or restarts it unless its
 * socket has a timeout; or ends it with EINTR.
 */
enum lof_call_kind { LOF_CALL_RESTARTS, LOF_CALL_SOCKET, LOF_CALL_ENDS };
enum lof_call_kind lof_regs_kind(long number, bool is_32);

/*
 * Did the stop end a call with EINTR that the kernel does not restart by
 * itself? lof_regs_repeat() lets the thread make that call again.
 */
bool lof_regs_is_interrupted(const struct lof_regs *regs,
			     const struct lof_blocked_call *blocked);
void lof_regs_repeat(struct lof_regs *regs,
		     const struct lof_blocked_call *blocked);

/*
 * If the thread will restart a call with a relative timeout, let it sleep for
 * the remaining time only. Only aarch64 needs this.
 */
void lof_regs_keep_remaining(struct lof_regs *regs,
			     const struct lof_blocked_call *blocked);

/* The system calls that are made in a tracee. */
enum lof_traced {
	LOF_TRACED_MLOCK, LOF_TRACED_MLOCK2, LOF_TRACED_MLOCKALL,
	LOF_TRACED_MMAP, LOF_TRACED_MUNLOCK, LOF_TRACED_MUNLOCKALL,
	LOF_TRACED_MUNMAP, LOF_TRACED_MADVISE, LOF_NTRACED
};

/*
 * Which of these is a system call? arch is of <linux/audit.h>. Is it a call of
 * 32 bits?
 */
bool lof_traced_find(unsigned int arch, int number, enum lof_traced *call,
		     bool *is_32);

/*
 * Prepare a call, by the instruction at an address. For a 32-bit thread the
 * last argument of mmap counts pages.
 */
void lof_regs_call(struct lof_regs *regs, uint64_t insn, enum lof_traced call,
		   const uint64_t args[6]);

/*
 * Will the thread, which is stopped, make again the call that returned to ip?
 * lof_regs_set_result() lets it go on there instead, with a result.
 */
bool lof_regs_restart(const struct lof_regs *regs, uint64_t ip);
void lof_regs_set_result(struct lof_regs *regs, uint64_t ip, long result);

/* The result of the call, or a negative errno. */
long lof_regs_result(const struct lof_regs *regs);

#endif
