/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The reasons not to attach to a process, found before it is touched. */
#include "config.h"

#include "attach.h"

#include <err.h>
#include <errno.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd.h"

static int refuse(const struct lof_process *process, const char *why)
{
	warnx("%d (%s): %s; see --force", process->pid, process->name, why);
	return LOF_EXIT_REFUSED;
}

static int fail(const struct lof_process *process, const char *why)
{
	warnx("%d (%s): %s", process->pid, process->name, why);
	return EXIT_FAILURE;
}

static void explain_tracer(const struct lof_process *process, int tracer)
{
	struct lof_process by;

	if (lof_process_open(&by, tracer))
		strcpy(by.name, "?");
	warnx("%d (%s): it is traced already, by process %d (%s)",
	      process->pid, process->name, tracer, by.name);
}

/* No process at all, or none that has memory of its own. */
static int check_existence(const struct lof_process *process,
			   const struct lof_status *status)
{
	if (status->tgid != process->pid) {
		warnx("%d (%s): it is a thread of process %d", process->pid,
		      process->name, status->tgid);
		return EXIT_FAILURE;
	}
	if (status->state == 'Z' || status->state == 'X')
		return fail(process, "it has ended (zombie)");
	if (status->is_kernel_thread)
		return fail(process, "it is a kernel thread");
	if (process->pid == getpid())
		return fail(process, "it is this process");
	if (status->tracer) {
		explain_tracer(process, status->tracer);
		return EXIT_FAILURE;
	}
	return 0;
}

static bool has_user_of(const struct lof_status *status)
{
	for (int i = 0; i < 3; i++)
		if (status->uid[i] != geteuid())
			return false;
	return true;
}

static void explain_permission(const struct lof_process *process)
{
	struct lof_status status;
	int scope = lof_yama_scope();

	if (lof_status_read(&status, process->pid))
		warnx("%d (%s): it has ended", process->pid, process->name);
	else if (status.tracer)
		explain_tracer(process, status.tracer);
	else if (!lof_has_own_capability(CAP_SYS_PTRACE) &&
		 !has_user_of(&status))
		fail(process, "it has another user, and no CAP_SYS_PTRACE here");
	else if (scope > 0)
		warnx("%d (%s): Yama does not permit to trace it "
		      "(kernel.yama.ptrace_scope is %d)", process->pid,
		      process->name, scope);
	else
		fail(process, "the kernel does not permit to trace it");
}

void lof_attach_explain(const struct lof_process *process, int err)
{
	switch (err) {
	case -EPERM:
	case -EACCES:
		explain_permission(process);
		break;
	case -ESRCH:
		fail(process, "it has ended");
		break;
	case -ETIMEDOUT:
		fail(process, "it does not stop: its threads sleep in the "
		     "kernel, uninterruptibly");
		break;
	case -EBUSY:
		fail(process, "its system calls are dispatched to itself "
		     "(PR_SET_SYSCALL_USER_DISPATCH)");
		break;
	case -ENOEXEC:
		fail(process, "it has no system call instruction");
		break;
	case -ENOTSUP:
		fail(process, "it cannot be traced on this architecture");
		break;
	default:
		fail(process, strerror(-err));
	}
}

/* Only CAP_SYS_ADMIN may suspend a filter, and only a tracer without filter. */
static bool can_suspend_filters(void)
{
	struct lof_status own;

	return lof_status_read(&own, getpid()) == 0 && own.seccomp == 0 &&
	       lof_status_has_capability(&own, getpid(), CAP_SYS_ADMIN);
}

static int check_runtime(const struct lof_process *process)
{
	const char *runtime = lof_runtime_crashes(process->pid);
	char why[128];

	if (!runtime)
		return 0;
	snprintf(why, sizeof(why), "%s crashes when it discards locked memory; "
		 "start it by lockonfault run --all", runtime);
	return refuse(process, why);
}

static int check_shim(struct lof_process *process)
{
	lof_process_read_published(process);
	if (!process->has_published || (strcmp(process->shim, "active") != 0 &&
					strcmp(process->shim, "stalled") != 0))
		return 0;
	return refuse(process, "the shim is active in it, and knows all its "
		      "locks but this one");
}

int lof_attach_check(const struct lof_attach *attach,
		     const struct lof_process *process,
		     const struct lof_status *status)
{
	struct lof_process copy = *process;
	char path[32];
	FILE *maps;
	int ret = check_existence(process, status);

	if (ret)
		return ret;
	snprintf(path, sizeof(path), "/proc/%d/maps", process->pid);
	maps = fopen(path, "re");
	if (!maps) {
		lof_attach_explain(process, -errno);
		return EXIT_FAILURE;
	}
	fclose(maps);
	if (attach->force)
		return 0;
	if (status->seccomp && !can_suspend_filters())
		return refuse(process, "it is confined by seccomp, and no "
			      "CAP_SYS_ADMIN here to suspend its filter");
	ret = check_shim(&copy);
	return ret || attach->undo ? ret : check_runtime(process);
}
