/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The thread of a process that is best stopped. */
#ifndef LOF_TRACE_THREAD_CHOICE_H
#define LOF_TRACE_THREAD_CHOICE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct lof_thread {
	pid_t tid;
	bool is_confined;	/* by a seccomp filter, or by strict mode */
};

/*
 * Choose a thread that notices a stop least, besides those in skip[].
 *
 * -ESRCH  there is none
 */
int lof_thread_choose(struct lof_thread *thread, pid_t pid, const pid_t *skip,
		      size_t nskip);

#endif
