/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The helper is a grandchild, so that the program has no child that it does not
 * know. Steps, over a socket pair:
 *
 *   helper    its process ID -->
 *             <-- a byte: the helper may trace this process (Yama)
 *   helper    traces; its errno, or 0 -->
 *   process   execve
 */
#include "config.h"

#include "trace/lock_at_exec.h"

#include <err.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "trace/tracee.h"

/*
 * A signal that ended the helper would leave the tracee in a half-made call.
 * Only SIGCHLD tells of its stops.
 */
static void block_signals(void)
{
	sigset_t all;

	signal(SIGCHLD, SIG_DFL);
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
}

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

static void __attribute__((noreturn)) help(pid_t pid, const int pair[2])
{
	pid_t self = getpid();
	int err, fd = pair[1];
	char go;

	close(pair[0]);
	block_signals();
	if (write(fd, &self, sizeof(self)) != sizeof(self) ||
	    read(fd, &go, 1) != 1)
		_exit(1);
	err = lof_tracee_seize_until_exec(pid);
	if (write(fd, &err, sizeof(err)) != sizeof(err) || err)
		_exit(1);
	close(fd);
	lock(pid);
	_exit(0);
}

/* 0 or a negative errno. */
static int start_helper(const int pair[2])
{
	pid_t pid = getpid(), child = fork();
	int status;

	if (child < 0)
		return -errno;
	if (child == 0) {
		child = fork();
		if (child == 0)
			help(pid, pair);
		_exit(child < 0 ? errno : 0);
	}
	/* With SIGCHLD ignored there is no status to wait for. */
	if (waitpid(child, &status, 0) < 0)
		return 0;
	return WIFEXITED(status) ? -WEXITSTATUS(status) : -ECHILD;
}

/* Returns the helper's errno. */
static int let_trace(int fd)
{
	pid_t helper;
	int err;

	if (read(fd, &helper, sizeof(helper)) != sizeof(helper))
		return -ECHILD;
	/* EINVAL: there is no Yama, and no such restriction. */
	prctl(PR_SET_PTRACER, (unsigned long)helper, 0, 0, 0);
	if (write(fd, "", 1) != 1 || read(fd, &err, sizeof(err)) != sizeof(err))
		return -ECHILD;
	return err;
}

int lof_lock_at_exec(void)
{
	int fd[2], err;

	if (!lof_tracee_is_supported())
		return -ENOTSUP;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd))
		return -errno;
	err = start_helper(fd);
	close(fd[1]);
	if (!err)
		err = let_trace(fd[0]);
	close(fd[0]);
	return err;
}
