/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* mlockall() in a program before its first instruction. */
#ifndef LOF_TRACE_LOCK_AT_EXEC_H
#define LOF_TRACE_LOCK_AT_EXEC_H

/*
 * Let the program that this process executes next call
 * mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) before its first
 * instruction. A helper process does this, and ends; if the lock is refused, it
 * prints the reason. The program keeps its process ID and its parent.
 *
 *   0         the helper waits for the execve
 *   -ENOTSUP  not on this architecture
 *   -EPERM    this process cannot be traced, or is traced already
 *   -ENXIO    /proc is not that of this PID namespace
 *   other     a negative errno of socketpair(2), fork(2) or ptrace(2)
 */
int lof_lock_at_exec(void);

#endif
