/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The command lockonfault: picks the subcommand. */
#include "config.h"

#include "cmd.h"

#include <err.h>
#include <errno.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lockonfault.h"

static const char help[] =
	"Usage:\n"
	" lockonfault run [options] [--] CMD [ARG...]\n"
	" lockonfault attach [options] PID...\n"
	" lockonfault status [options] [PID...]\n"
	" lockonfault bench [options] [--] CMD [ARG...]\n"
	"\n"
	"Lock each page of memory when it is first touched.\n"
	"\n"
	"Commands:\n"
	" run       start a program under lock-on-fault\n"
	" attach    lock the memory of running processes on fault\n"
	" status    show the locked memory of processes\n"
	" bench     measure what lock-on-fault changes for a program\n"
	"\n"
	"Options:\n"
	" -h, --help     display this help\n"
	" -V, --version  display version\n"
	"\n"
	"Each command has a --help of its own. "
	"For more details see lockonfault(1).\n";

static const struct {
	const char *name;
	int (*main)(int argc, char **argv);
	char title[20];
} commands[] = {
	{ "run", lof_cmd_run, "lockonfault run" },
	{ "attach", lof_cmd_attach, "lockonfault attach" },
	{ "status", lof_cmd_status, "lockonfault status" },
	{ "bench", lof_cmd_bench, "lockonfault bench" },
};

int lof_cmd_print(const char *text, int failure)
{
	if (fputs(text, stdout) != EOF && fflush(stdout) == 0)
		return EXIT_SUCCESS;
	warn("write error");
	return failure;
}

int lof_cmd_version(int failure)
{
	char text[64];

	snprintf(text, sizeof(text), "lockonfault from liblockonfault %s\n",
		 lof_version());
	return lof_cmd_print(text, failure);
}

int lof_cmd_bad_usage(const char *command, int status)
{
	fprintf(stderr, "Try '%s --help' for more information.\n", command);
	return status;
}

static int run_command(size_t i, int argc, char **argv)
{
	static char title[sizeof(commands[0].title)];

	memcpy(title, commands[i].title, sizeof(title));
	argv[0] = title;
	program_invocation_short_name = title;
	return commands[i].main(argc, argv);
}

int main(int argc, char **argv)
{
	setlocale(LC_ALL, "");
	if (argc < 2) {
		warnx("no command given");
		return lof_cmd_bad_usage("lockonfault", EXIT_FAILURE);
	}
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (strcmp(argv[1], commands[i].name) == 0)
			return run_command(i, argc - 1, argv + 1);
	if (strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "--help") == 0)
		return lof_cmd_print(help, EXIT_FAILURE);
	if (strcmp(argv[1], "-V") == 0 || strcmp(argv[1], "--version") == 0)
		return lof_cmd_version(EXIT_FAILURE);
	warnx("no such command: '%s'", argv[1]);
	return lof_cmd_bad_usage("lockonfault", EXIT_FAILURE);
}
