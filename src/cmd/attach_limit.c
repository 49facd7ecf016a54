/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* RLIMIT_MEMLOCK of a process that is made to lock its memory. */
#include "config.h"

#include "attach.h"

#include <err.h>
#include <linux/capability.h>
#include <sys/mman.h>

#include "cmd.h"

/* Under MCL_FUTURE each later mapping beyond the limit would fail. */
static bool is_enough(const struct lof_attach *attach,
		      const struct lof_status *status, rlim_t limit)
{
	return limit == RLIM_INFINITY || (!(attach->flags & MCL_FUTURE) &&
					  limit >= status->mapped);
}

static int complain(const struct lof_attach *attach,
		    const struct lof_process *process,
		    const struct lof_status *status, rlim_t limit)
{
	char text[2][LOF_SIZE_CHARS];

	lof_size_text(text[0], limit);
	if (attach->flags & MCL_FUTURE)
		warnx("%d (%s): RLIMIT_MEMLOCK is %s, and it has no "
		      "CAP_IPC_LOCK: its later mappings would fail; "
		      "see --current", process->pid, process->name, text[0]);
	else
		warnx("%d (%s): RLIMIT_MEMLOCK is %s, and it has no "
		      "CAP_IPC_LOCK: it has mapped %s", process->pid,
		      process->name, text[0],
		      lof_size_text(text[1], status->mapped));
	return -1;
}

static bool set_limit(int pid, rlim_t soft, rlim_t hard)
{
	const struct rlimit limit = { soft, hard };

	return prlimit(pid, RLIMIT_MEMLOCK, &limit, NULL) == 0;
}

int lof_limit_raise(const struct lof_attach *attach,
		    const struct lof_process *process,
		    const struct lof_status *status, struct rlimit *old)
{
	int pid = process->pid;

	/* Of another user, the limit is not writable, and it is known. */
	if (prlimit(pid, RLIMIT_MEMLOCK, NULL, old))
		old->rlim_cur = old->rlim_max = process->has_limit &&
			process->limit != LOF_NO_LIMIT ?
			(rlim_t)process->limit : RLIM_INFINITY;
	if (old->rlim_cur == RLIM_INFINITY ||
	    set_limit(pid, RLIM_INFINITY, RLIM_INFINITY) ||
	    (is_enough(attach, status, old->rlim_max) &&
	     set_limit(pid, old->rlim_max, old->rlim_max)) ||
	    is_enough(attach, status, old->rlim_cur) ||
	    lof_status_has_capability(status, pid, CAP_IPC_LOCK))
		return 0;
	return complain(attach, process, status, old->rlim_cur);
}

void lof_limit_restore(int pid, const struct rlimit *old)
{
	prlimit(pid, RLIMIT_MEMLOCK, old, NULL);
}
