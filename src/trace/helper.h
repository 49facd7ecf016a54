/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A helper process, which may trace this process. It is a grandchild, so that
 * the program that this process executes next has no child that it does not
 * know.
 */
#ifndef LOF_TRACE_HELPER_H
#define LOF_TRACE_HELPER_H

#include <stdbool.h>
#include <sys/types.h>

/*
 * Is /proc there, and of the PID namespace of this process? Otherwise the
 * processes that it shows have other IDs for ptrace().
 */
bool lof_has_own_proc(void);

/*
 * Start a helper that calls help(): pid is this process, fd a socket to it. All
 * signals are blocked in the helper. help() does not return. *fd is the other
 * end of the socket. Returns 0, or a negative errno.
 *
 * -ENXIO  /proc is not that of this PID namespace: the helper would examine
 *         other processes than it traces
 */
int lof_helper_start(void (*help)(pid_t pid, int fd, const void *arg),
		     const void *arg, int *fd);

#endif
