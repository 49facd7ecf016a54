/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Process IDs on the command line, and as names in /proc. */
#include "config.h"

#include "cmd.h"

#include <ctype.h>
#include <err.h>
#include <limits.h>

int lof_pid_parse(const char *text)
{
	long pid = 0;

	for (const char *at = text; *at; at++) {
		if (!isdigit((unsigned char)*at))
			return 0;
		pid = pid * 10 + (*at - '0');
		if (pid > INT_MAX)
			return 0;
	}
	return (int)pid;
}

int lof_pids_check(char **pids)
{
	for (; *pids; pids++)
		if (lof_pid_parse(*pids) <= 0) {
			warnx("invalid process ID: '%s'", *pids);
			return -1;
		}
	return 0;
}
