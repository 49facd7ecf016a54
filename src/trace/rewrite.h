/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Calls that lock memory in full, made on fault in the name of a thread. */
#ifndef LOF_TRACE_REWRITE_H
#define LOF_TRACE_REWRITE_H

#include <stdbool.h>
#include <stdint.h>

#include "trace/regs.h"
#include "trace/thread_status.h"
#include "trace/tracee.h"

struct lof_locking_call {
	enum lof_traced call;
	bool is_32;
	uint64_t args[6];
	bool strips_populate;		/* drop MAP_POPULATE from mmap */
};

/*
 * May the call be made in another way? If not, the program makes it itself.
 * Memory that mmap would replace is not given up for a lock that is refused.
 */
bool lof_rewrite_may(const struct lof_locking_call *call, pid_t tid,
		     const struct lof_thread_status *status);

/*
 * Make the call on fault, in a thread that is stopped.
 *
 *   0        *result is its result, or a negative errno
 *   -EAGAIN  nothing was done: the program makes the call itself, and gets the
 *            error of the kernel
 *   other    the thread is gone
 */
int lof_rewrite(struct lof_tracee *tracee, const struct lof_locking_call *call,
		long *result);

#endif
