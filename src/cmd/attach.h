/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* lockonfault attach: the parts of one attachment. */
#ifndef LOF_CMD_ATTACH_H
#define LOF_CMD_ATTACH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>

#include "process.h"
#include "trace/inject.h"

#define LOF_EXIT_REFUSED	2	/* --force would attach */

struct lof_attach {
	bool undo, force, verbose;
	int flags;			/* MCL_CURRENT, MCL_FUTURE */
};

/* /proc/PID/status */
struct lof_status {
	int tgid, tracer, seccomp;
	char state;
	bool is_kernel_thread;
	unsigned int uid[3];		/* real, effective, saved */
	uint64_t capabilities;		/* effective */
	uint64_t mapped;		/* VmSize, in bytes; 0: no memory */
};

/* attach_status.c: 0, or -ESRCH. */
int lof_status_read(struct lof_status *status, int pid);

/* Does a capability of the process count, in the first user namespace? */
bool lof_status_has_capability(const struct lof_status *status, int pid,
			       int capability);

/* attach_check.c: 0, or the exit status after a message. */
int lof_attach_check(const struct lof_attach *attach,
		     const struct lof_process *process,
		     const struct lof_status *status);

/* Print the reason why the process could not be stopped. */
void lof_attach_explain(const struct lof_process *process, int err);

/* attach_runtime.c: the engine that locked memory would crash, or NULL. */
const char *lof_runtime_crashes(int pid);

/*
 * attach_limit.c: raise RLIMIT_MEMLOCK of the process, as far as its locks need
 * it. *old is the limit before. 0, or -1 after a message.
 */
int lof_limit_raise(const struct lof_attach *attach,
		    const struct lof_process *process,
		    const struct lof_status *status, struct rlimit *old);
void lof_limit_restore(int pid, const struct rlimit *old);

/* attach_plan.c: the calls that lock or unlock all memory, in short stops. */
struct lof_plan {
	struct lof_injected *calls;	/* of malloc */
	size_t ncalls, size;
};

/* 0; -ENOMEM; a negative errno of open(2) of a file of the process. */
int lof_plan_make(struct lof_plan *plan, int pid,
		  const struct lof_attach *attach);

#endif
