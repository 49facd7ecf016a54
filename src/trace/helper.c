/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Steps, over a socket pair:
 *
 *   helper    its process ID -->
 *             <-- a byte: the helper may trace this process (Yama)
 */
#include "config.h"

#include "trace/helper.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

struct work {
	void (*help)(pid_t pid, int fd, const void *arg);
	const void *arg;
};

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

static void __attribute__((noreturn))
help(const struct work *work, pid_t pid, const int pair[2])
{
	pid_t self = getpid();
	char go;

	close(pair[0]);
	block_signals();
	if (write(pair[1], &self, sizeof(self)) == sizeof(self) &&
	    read(pair[1], &go, 1) == 1)
		work->help(pid, pair[1], work->arg);
	_exit(1);
}

/* 0 or a negative errno. */
static int start(const struct work *work, const int pair[2])
{
	pid_t pid = getpid(), child = fork();
	int status;

	if (child < 0)
		return -errno;
	if (child == 0) {
		child = fork();
		if (child == 0)
			help(work, pid, pair);
		_exit(child < 0 ? errno : 0);
	}
	/* With SIGCHLD ignored there is no status to wait for. */
	if (waitpid(child, &status, 0) < 0)
		return 0;
	return WIFEXITED(status) ? -WEXITSTATUS(status) : -ECHILD;
}

static int let_trace(int fd)
{
	pid_t helper;

	if (read(fd, &helper, sizeof(helper)) != sizeof(helper))
		return -ECHILD;
	/* EINVAL: there is no Yama, and no such restriction. */
	prctl(PR_SET_PTRACER, (unsigned long)helper, 0, 0, 0);
	return write(fd, "", 1) == 1 ? 0 : -ECHILD;
}

bool lof_has_own_proc(void)
{
	char text[24] = "";

	return readlink("/proc/self", text, sizeof(text) - 1) > 0 &&
	       strtol(text, NULL, 10) == (long)getpid();
}

int lof_helper_start(void (*helps)(pid_t pid, int fd, const void *arg),
		     const void *arg, int *fd)
{
	const struct work work = { helps, arg };
	int pair[2], err;

	if (!lof_has_own_proc())
		return -ENXIO;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
		return -errno;
	err = start(&work, pair);
	close(pair[1]);
	if (!err)
		err = let_trace(pair[0]);
	if (err)
		close(pair[0]);
	else
		*fd = pair[0];
	return err;
}
