/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* lockonfault bench: starts CMD without locks, as it is, or on fault. */
#include "config.h"

#include "bench.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "cmd.h"

/* The program must not outlive this command, even if that is killed. */
static void bind_to_parent(pid_t parent)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(LOF_EXIT_OURS);
}

static void redirect(int output)
{
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

	if (null < 0 || dup2(null, STDIN_FILENO) < 0 ||
	    dup2(output, STDOUT_FILENO) < 0 || dup2(output, STDERR_FILENO) < 0)
		_exit(LOF_EXIT_OURS);
}

/* Like "lockonfault run" in a process of its own. */
static int run_on_fault(const struct lof_bench *bench)
{
	unsetenv("LOCKONFAULT_DISABLE");
	optind = 0;
	program_invocation_short_name = bench->run_argv[0];
	return lof_cmd_run(bench->run_argc, bench->run_argv);
}

/*
 * LOCKONFAULT_DISABLE: the shim may be in LD_PRELOAD. The limit is raised as
 * "run" does it, so that the ways differ in nothing else.
 */
static int run_alone(const struct lof_bench *bench, bool ignore_locks)
{
	int err;

	setenv("LOCKONFAULT_DISABLE", "1", 1);
	lof_lock_limit_raise(false);
	err = ignore_locks ? lof_ignore_locks() : 0;
	if (err) {
		warnx("cannot make lock calls do nothing: %s", strerror(-err));
		return LOF_EXIT_OURS;
	}
	execvp(bench->command[0], bench->command);
	err = errno;
	warn("cannot execute %s", bench->command[0]);
	return err == ENOENT ? LOF_EXIT_NOT_FOUND : LOF_EXIT_CANNOT_EXEC;
}

int lof_bench_start(const struct lof_bench *bench, enum lof_bench_way way,
		    int output)
{
	pid_t parent = getpid(), pid;

	fflush(NULL);
	pid = fork();
	if (pid < 0)
		return -errno;
	if (pid > 0)
		return pid;
	bind_to_parent(parent);
	redirect(output);
	sigprocmask(SIG_SETMASK, &bench->mask, NULL);
	_exit(way == LOF_BENCH_ONFAULT ? run_on_fault(bench) :
	      run_alone(bench, way == LOF_BENCH_NONE));
}
