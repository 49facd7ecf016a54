/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Run a program under the shim and collect its output. No tests. */
#include "config.h"

#include "preload/run.h"

#include <limits.h>
#include <poll.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "preload/settings.h"

struct ran ran;
char scratch[] = P_tmpdir "/check_preload.XXXXXX";
static char builddir[PATH_MAX / 4];

int run_begin(void)
{
	if (!getcwd(builddir, sizeof(builddir)) || access(built(SHIM), R_OK)) {
		puts("skip: the shim is not built in this directory");
		return 77;
	}
	return mkdtemp(scratch) ? 0 : 99;
}

void run_end(void)
{
	rmdir(scratch);
}

const char *built(const char *name)
{
	static char path[2][PATH_MAX];
	static int turn;

	turn = !turn;
	snprintf(path[turn], sizeof(path[turn]), "%s/%s", builddir, name);
	return path[turn];
}

/* In the child. env: settings "NAME=value", up to NULL. */
static void be_program(const char *path, const char *command, va_list env)
{
	const char *setting;

	setenv("LD_PRELOAD", built(SHIM), 1);
	for (size_t i = 0; i < LOF_NSETTINGS; i++)
		unsetenv(lof_settings[i].name);
	while ((setting = va_arg(env, const char *)) != NULL)
		putenv(strdup(setting));
	execl(path, path, command, (char *)NULL);
	_exit(127);
}

static size_t take(int fd, char *buf, size_t used, size_t size)
{
	ssize_t got = read(fd, buf + used, size - 1 - used);

	if (got <= 0)
		return SIZE_MAX;
	buf[used + (size_t)got] = '\0';
	return used + (size_t)got;
}

/* Read both pipes to their ends. */
static void collect(int out, int err)
{
	struct pollfd fds[2] = { { out, POLLIN, 0 }, { err, POLLIN, 0 } };
	char *buf[2] = { ran.out, ran.err };
	size_t used[2] = { 0, 0 };

	ran.out[0] = ran.err[0] = '\0';
	while (fds[0].fd >= 0 || fds[1].fd >= 0) {
		ck_assert_int_gt(poll(fds, 2, 15000), 0);
		for (int i = 0; i < 2; i++) {
			if (fds[i].fd < 0 || !fds[i].revents)
				continue;
			used[i] = take(fds[i].fd, buf[i], used[i],
				       sizeof(ran.out));
			if (used[i] == SIZE_MAX)
				fds[i].fd = -1;
		}
	}
	close(out);
	close(err);
}

static const char *run_at(const char *path, const char *command, va_list env)
{
	int out[2], err[2], status;

	ck_assert_int_eq(pipe(out) || pipe(err), 0);
	ran.pid = fork();
	if (ran.pid == 0) {
		if (dup2(out[1], 1) < 0 || dup2(err[1], 2) < 0)
			_exit(126);
		be_program(path, command, env);
	}
	close(out[1]);
	close(err[1]);
	collect(out[0], err[0]);
	ck_assert_int_eq(waitpid(ran.pid, &status, 0), ran.pid);
	ck_assert_int_eq(status, 0);
	return ran.out;
}

const char *run_told(const char *command, ...)
{
	const char *out;
	va_list env;

	va_start(env, command);
	out = run_at(built("preload_helper"), command, env);
	va_end(env);
	return out;
}

const char *run(const char *command, ...)
{
	const char *out;
	va_list env;

	va_start(env, command);
	out = run_at(built("preload_helper"), command, env);
	va_end(env);
	ck_assert_str_eq(ran.err, "");
	return out;
}

const char *run_as(const char *path, const char *command, ...)
{
	const char *out;
	va_list env;

	va_start(env, command);
	out = run_at(path, command, env);
	va_end(env);
	ck_assert_str_eq(ran.err, "");
	return out;
}
