/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* System calls in the name of a process that runs already. */
#ifndef LOF_TRACE_INJECT_H
#define LOF_TRACE_INJECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "trace/regs.h"

struct lof_injected {
	enum lof_traced call;
	uint64_t args[6];
	bool joins;		/* made in the same stop as the call before */
	bool is_made;
	long result;		/* or a negative errno */
	uint64_t stop_ns;	/* the duration of the stop that begins here */
};

/*
 * Make the calls, in order, in short stops of one thread. A helper process
 * traces the thread. through_filters: make them also in a thread under a
 * seccomp filter that cannot be suspended.
 *
 * 0           all calls were made
 * -ESRCH      the process has ended
 * -EPERM      the kernel does not permit it, or the process is traced already
 * -ETIMEDOUT  no thread stops
 * -EBUSY      system call user dispatch: the call would not reach the kernel
 * -ENOEXEC    no system call instruction was found
 * -ENOTSUP    not on this architecture
 * other       a negative errno of fork(2), mmap(2) or ptrace(2)
 */
int lof_inject(pid_t pid, bool through_filters, struct lof_injected *calls,
	       size_t ncalls);

#endif
