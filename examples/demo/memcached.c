/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The second half of the demo: "lockonfault bench" of memcached -k, which locks
 * all its memory. The demo always removes the directory of its socket.
 */
#include "config.h"

#include "demo.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cmd.h"

#define TITLE	"memcached -k -m 64"

struct place {
	char dir[80];
	char socket[96];
	char ready[112];	/* the option of bench */
};

static bool make_place(struct place *place)
{
	const char *tmp = getenv("TMPDIR");

	if (!tmp || *tmp != '/' || strlen(tmp) > sizeof(place->dir) / 2)
		tmp = "/tmp";
	snprintf(place->dir, sizeof(place->dir), "%s/lockonfault-XXXXXX", tmp);
	if (!mkdtemp(place->dir))
		return false;
	snprintf(place->socket, sizeof(place->socket), "%s/socket", place->dir);
	snprintf(place->ready, sizeof(place->ready), "--ready=unix:%s",
		 place->socket);
	return true;
}

static void remove_place(const struct place *place)
{
	unlink(place->socket);
	rmdir(place->dir);
}

/* memcached refuses to run as root without -u. */
static void execute(const struct place *place)
{
	const char *user = geteuid() == 0 ? "-u" : NULL;

	unsetenv("LOCKONFAULT_CONVERT");
	execl(LOF_COMMAND, "lockonfault", "bench", place->ready, "--",
	      "memcached", "-k", "-m", "64", "-s", place->socket, user, "root",
	      NULL);
	_exit(LOF_EXIT_CANNOT_EXEC);
}

/* These signals ask the demo to stop; it does so when bench has cleaned up. */
static void block_signals(sigset_t *set, sigset_t *before)
{
	sigemptyset(set);
	sigaddset(set, SIGCHLD);
	sigaddset(set, SIGHUP);
	sigaddset(set, SIGINT);
	sigaddset(set, SIGQUIT);
	sigaddset(set, SIGTERM);
	sigprocmask(SIG_BLOCK, set, before);
}

/* Wait for bench. Returns the signal that asks the demo to stop, or 0. */
static int wait_for(pid_t bench, const sigset_t *set, int *status)
{
	int stop = 0, signal;

	while (waitpid(bench, status, WNOHANG) == 0) {
		signal = sigwaitinfo(set, NULL);
		if (signal <= 0 || signal == SIGCHLD)
			continue;
		stop = signal;
		kill(bench, SIGTERM);
	}
	return stop;
}

static const char *measure(void)
{
	sigset_t set, before;
	struct place place = { .dir = "" };
	int status = -1, stop = 0;
	pid_t bench;

	block_signals(&set, &before);
	if (!make_place(&place)) {
		sigprocmask(SIG_SETMASK, &before, NULL);
		return strerror(errno);
	}
	fflush(stdout);
	bench = fork();
	if (bench == 0) {
		sigprocmask(SIG_SETMASK, &before, NULL);
		execute(&place);
	}
	if (bench > 0)
		stop = wait_for(bench, &set, &status);
	remove_place(&place);
	sigprocmask(SIG_SETMASK, &before, NULL);
	if (stop)
		raise(stop);
	return status ? "lockonfault bench failed" : NULL;
}

void lof_demo_memcached(void)
{
	char program[PATH_MAX], shim[PATH_MAX];
	const char *why = "it is not installed";

	if (lof_find_command("memcached", program, sizeof(program)) == 0)
		why = lof_shim_find(NULL, shim, sizeof(shim)) ?
		      "the shim is missing" : measure();
	if (why)
		printf(TITLE ": not measured, %s\n", why);
}
