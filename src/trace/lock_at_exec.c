/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Steps, over the socket of the helper:
 *
 *   helper    traces; its errno, or 0 -->
 *   process   execve
 */
#include "config.h"

#include "trace/lock_at_exec.h"

#include <err.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "trace/helper.h"
#include "trace/tracee.h"

/* The execve is done: make the call. *result is that of mlockall(). */
static int lock_stopped(pid_t pid, long *result)
{
	const uint64_t args[6] = { MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT };
	struct lof_tracee tracee;
	int err = lof_tracee_begin(&tracee, pid);

	if (err)
		return err;
	err = lof_tracee_call(&tracee, LOF_TRACED_MLOCKALL, args, result);
	lof_tracee_end(&tracee);
	return err;
}

static void lock(pid_t pid)
{
	long result = 0;
	int err = lof_tracee_wait_for_exec(pid);

	/* The execve failed, and the process ended. */
	if (err == -ESRCH)
		return;
	if (!err)
		err = lock_stopped(pid, &result);
	if (err)
		warnx("cannot lock the memory of the program: %s",
		      strerror(-err));
	else if (result)
		warnx("cannot lock the memory of the program: mlockall: %s",
		      strerror((int)-result));
	lof_tracee_detach(pid, 0);
}

static void help(pid_t pid, int fd, const void *unused)
{
	int err = lof_tracee_seize_until_exec(pid);

	(void)unused;
	if (write(fd, &err, sizeof(err)) != sizeof(err) || err)
		_exit(1);
	close(fd);
	lock(pid);
	_exit(0);
}

int lof_lock_at_exec(void)
{
	int fd, err;

	if (!lof_tracee_is_supported())
		return -ENOTSUP;
	err = lof_helper_start(help, NULL, &fd);
	if (err)
		return err;
	if (read(fd, &err, sizeof(err)) != sizeof(err))
		err = -ECHILD;
	close(fd);
	return err;
}
