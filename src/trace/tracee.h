/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A traced thread: its stops, and a system call in its name. Functions return 0
 * or a negative errno; -ESRCH: the thread is gone.
 */
#ifndef LOF_TRACE_TRACEE_H
#define LOF_TRACE_TRACEE_H

#include <stdbool.h>
#include <sys/types.h>

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
 * Make the process, which is in the stop of lof_tracee_wait_for_exec(), call
 * mlockall(), and restore its registers. *result is that of the call.
 *
 * -ENOEXEC  no system call instruction was found in its vDSO
 */
int lof_tracee_mlockall(pid_t pid, int flags, long *result);

/* Let the process go on, untraced. */
void lof_tracee_detach(pid_t pid);

#endif
