/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A traced thread: its stops, and a system call in its name. Functions return 0
 * or a negative errno; -ESRCH: the thread is gone.
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

/* A stopped thread, in whose name system calls are made. */
struct lof_tracee {
	pid_t tid;
	struct lof_regs saved;
	uint64_t insn;		/* the address of a system call instruction */
};

/*
 * Begin to make calls. The thread is in the stop of lof_tracee_wait_for_exec().
 *
 * -ENOEXEC  no system call instruction was found in its vDSO
 */
int lof_tracee_begin(struct lof_tracee *tracee, pid_t tid);

/* Make a call. *result is its result, or a negative errno. */
int lof_tracee_call(const struct lof_tracee *tracee, enum lof_traced call,
		    const uint64_t args[6], long *result);

/* Restore the registers of the thread. */
int lof_tracee_end(const struct lof_tracee *tracee);

/* Let the process go on, untraced. */
void lof_tracee_detach(pid_t pid);

#endif
