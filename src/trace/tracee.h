/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A traced thread: its stops, and system calls in its name. Functions return 0
 * or a negative errno; -ESRCH: the thread is gone.
 *
 * The tracer blocks SIGCHLD and does not ignore it: then it sees a stop at
 * once, and not at its next look in some milliseconds.
 */
#ifndef LOF_TRACE_TRACEE_H
#define LOF_TRACE_TRACEE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "trace/regs.h"

/* Can this architecture be traced? */
bool lof_tracee_is_supported(void);

/* Trace a running process, and stop it when it executes a program. */
int lof_tracee_seize_until_exec(pid_t pid);

/*
 * Wait until the process has executed a program and is about to execute its
 * first instruction. Its signals are delivered meanwhile.
 */
int lof_tracee_wait_for_exec(pid_t pid);

/*
 * Trace a thread, which runs on. options: of PTRACE_SETOPTIONS, besides
 * PTRACE_O_TRACESYSGOOD.
 *
 * -EPERM  the kernel does not permit it, or the thread is traced already
 */
int lof_tracee_seize(pid_t tid, unsigned long options);

/* A stopped thread, in whose name system calls are made. */
struct lof_tracee {
	pid_t tid;
	struct lof_regs saved;
	uint64_t insn;		/* the address of a system call instruction */
	uint64_t mask;		/* its signal mask; all are blocked meanwhile */
	bool was_interrupted;	/* by lof_tracee_interrupt() */
	int status;		/* of waitpid(), for its latest stop */
};

/*
 * Stop a seized thread, wherever it is, and begin to make calls. Real signals
 * that come first are delivered.
 *
 * -ETIMEDOUT  it does not stop: it sleeps in the kernel, uninterruptibly. It
 *             stays traced until it stops, or the tracer ends
 * -ENOEXEC    no system call instruction was found; the thread is stopped
 */
int lof_tracee_interrupt(struct lof_tracee *tracee, pid_t tid,
			 unsigned int timeout_ms);

/*
 * The two halves of it, for a thread that does not stop before the tracer has
 * done more, and whose system call the tracer will answer.
 */
int lof_tracee_ask(pid_t tid);
int lof_tracee_await(struct lof_tracee *tracee, pid_t tid,
		     unsigned int timeout_ms);

/*
 * Begin to make calls in a thread that is stopped already: by
 * lof_tracee_wait_for_exec(), or by the end of a system call.
 */
int lof_tracee_begin(struct lof_tracee *tracee, pid_t tid);

/* Make a call. *result is its result, or a negative errno. */
int lof_tracee_call(struct lof_tracee *tracee, enum lof_traced call,
		    const uint64_t args[6], long *result);

/*
 * Restore the registers and the signal mask of the thread. An interrupted
 * thread is stopped once more, at the place where the kernel restarts system
 * calls.
 */
int lof_tracee_end(struct lof_tracee *tracee);

/* The signal with which the thread must go on from its latest stop, or 0. */
int lof_tracee_signal(const struct lof_tracee *tracee);

/*
 * A function returned -ESRCH for a traced thread: wait until its end is known
 * to the kernel. A process that executes a program waits for this, too, and
 * meanwhile nothing else in it can be traced.
 *
 * -ETIMEDOUT  it does not end
 */
int lof_tracee_reap(pid_t tid, unsigned int timeout_ms);

/* Let the thread go on, untraced, with a signal or 0. */
void lof_tracee_detach(pid_t tid, int sig);

#endif
