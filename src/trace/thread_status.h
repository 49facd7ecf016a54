/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What /proc tells of a thread. */
#ifndef LOF_TRACE_THREAD_STATUS_H
#define LOF_TRACE_THREAD_STATUS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct lof_thread_status {
	char name[32];		/* without spaces */
	pid_t pid;		/* of its process */
	uint64_t locked;	/* bytes */
	bool may_lock;		/* CAP_IPC_LOCK is effective */
	bool is_admin;		/* CAP_SYS_ADMIN and CAP_SYS_PTRACE are */
	unsigned int nfilters;	/* of seccomp */
};

/* 0, or -ESRCH. */
int lof_thread_status_read(pid_t tid, struct lof_thread_status *status);

#endif
