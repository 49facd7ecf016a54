/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The process that makes the locks of other processes on fault. */
#ifndef LOF_TRACE_SUPERVISOR_H
#define LOF_TRACE_SUPERVISOR_H

#include <stdbool.h>

struct lof_supervision {
	bool strips_populate;	/* drop MAP_POPULATE from mmap */
	bool is_verbose;	/* say on stderr which calls stay in full */
	const char *log;	/* a line for each call; an absolute path */
};

/*
 * From now on mlock(), mlockall() and mmap(MAP_LOCKED) of this process, of the
 * programs that it executes, and of its children, lock on fault. A supervisor,
 * which is no child of this process, makes these calls in their name, and ends
 * with the last of them. A call that it cannot make so is left to the program.
 *
 *   0         done
 *   -ENOTSUP  the architecture is not known, or Linux is older than 5.9
 *   -EBUSY    another process receives calls of this one (seccomp)
 *   -ENXIO    /proc is not that of this PID namespace
 *   other     a negative errno
 */
int lof_supervise(const struct lof_supervision *how);

/*
 * Can a supervised program gain privileges by execve(), as if it were not? An
 * unprivileged process must give this up for a filter.
 */
bool lof_supervise_keeps_gains(void);

#endif
