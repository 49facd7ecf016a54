/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * lockonfault run: execute a program under the shim. The program replaces the
 * command in the same process, so it receives its signals and returns its exit
 * status directly.
 */
#include "config.h"

#include "cmd.h"

#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backend.h"
#include "run_environment.h"

static const char help[] =
	"Usage:\n"
	" lockonfault run [options] [--] CMD [ARG...]\n"
	"\n"
	"Start a program under lock-on-fault.\n"
	"\n"
	"Options:\n"
	" -a, --all          lock all memory of the program on fault\n"
	"     --backend HOW  auto, preload, trace or exec\n"
	"     --children HOW fork, exec, both or no: which children lock too\n"
	" -d, --discard      let the program discard locked pages\n"
	"     --holds        let locks stack: as many munlocks as mlocks unlock\n"
	" -l, --log FILE     append a line for each lock call to FILE\n"
	" -m, --max MAX      lock at most MAX: SIZE, P%, limit:P%, cgroup:P%\n"
	" -n, --dry-run      print the command line, do not run it\n"
	"     --only KINDS   lock only memory of these kinds, see --skip\n"
	"     --populate HOW keep or strip MAP_POPULATE\n"
	"     --prefault SIZE[,stack:SIZE]\n"
	"                    make so much heap and stack resident now\n"
	"     --rlimit HOW   keep, or fake a refused setrlimit(RLIMIT_MEMLOCK)\n"
	"     --shim FILE    use another liblockonfault-preload.so\n"
	"     --skip KINDS   lock no anon, heap, stack, shm, file, file:GLOB\n"
	"     --summary      print the locks of each process when it ends\n"
	" -v, --verbose      print the limit, the variables set, and refused locks\n"
	" -h, --help         display this help\n"
	" -V, --version      display version\n"
	"\n"
	"For more details see lockonfault(1).\n";

enum { OPTION_SHIM = CHAR_MAX + 1, OPTION_BACKEND, OPTION_CHILDREN,
       OPTION_HOLDS, OPTION_ONLY, OPTION_POPULATE, OPTION_PREFAULT,
       OPTION_RLIMIT, OPTION_SKIP, OPTION_SUMMARY };

static const struct option long_options[] = {
	{ "all", no_argument, NULL, 'a' },
	{ "backend", required_argument, NULL, OPTION_BACKEND },
	{ "children", required_argument, NULL, OPTION_CHILDREN },
	{ "discard", no_argument, NULL, 'd' },
	{ "holds", no_argument, NULL, OPTION_HOLDS },
	{ "log", required_argument, NULL, 'l' },
	{ "max", required_argument, NULL, 'm' },
	{ "dry-run", no_argument, NULL, 'n' },
	{ "only", required_argument, NULL, OPTION_ONLY },
	{ "populate", required_argument, NULL, OPTION_POPULATE },
	{ "prefault", required_argument, NULL, OPTION_PREFAULT },
	{ "rlimit", required_argument, NULL, OPTION_RLIMIT },
	{ "shim", required_argument, NULL, OPTION_SHIM },
	{ "skip", required_argument, NULL, OPTION_SKIP },
	{ "summary", no_argument, NULL, OPTION_SUMMARY },
	{ "verbose", no_argument, NULL, 'v' },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{ NULL, 0, NULL, 0 },
};

struct run {
	struct lof_environment environment;
	struct lof_backend backend;
	bool dry_run;
};

/* Options that have no other effect than that of the shim in the program. */
static void warn_of_options(const struct run *run, const char *command,
			    const struct lof_target *target)
{
	static const struct {
		size_t setting;
		const char *option;
	} rows[] = {
		{ LOF_SETTING_CHILDREN, "children" },
		{ LOF_SETTING_HOLDS, "holds" },
		{ LOF_SETTING_ONLY, "only" },
		{ LOF_SETTING_PREFAULT, "prefault" },
		{ LOF_SETTING_RLIMIT, "rlimit" },
		{ LOF_SETTING_SKIP, "skip" },
		{ LOF_SETTING_SUMMARY, "summary" },
	};

	if (!target->why && run->backend.preloads)
		return;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (run->environment.value[rows[i].setting])
			warnx("--%s has no effect on %s", rows[i].option,
			      command);
}

/*
 * "env CMD" keeps the shell from running its builtin of the name CMD. But env
 * treats a CMD with '=' as a variable; the shell does not if CMD is quoted.
 */
static int print_command(const struct run *run, char **command)
{
	if (!strchr(command[0], '='))
		fputs("env ", stdout);
	if (lof_environment_print(stdout, &run->environment))
		putchar(' ');
	lof_backend_print(&run->backend);
	for (char **word = command; *word; word++) {
		if (word != command)
			putchar(' ');
		lof_print_quoted(stdout, *word);
	}
	return lof_cmd_print("\n", LOF_EXIT_OURS);
}

static int run_command(struct run *run, char **command)
{
	struct lof_target target = { .why = NULL };
	bool verbose = run->environment.value[LOF_SETTING_VERBOSE], in_vain;
	struct lof_backend *backend = &run->backend;
	char path[PATH_MAX];
	int err;

	if (lof_find_command(command[0], path, sizeof(path)) == 0)
		lof_target_examine(path, &target);
	backend->locks_all = run->environment.value[LOF_SETTING_ALL];
	lof_backend_choose(backend, command, &target);
	run->environment.preloads = backend->preloads;
	if (lof_environment_set(&run->environment))
		return LOF_EXIT_OURS;
	in_vain = lof_backend_say(backend, command[0],
				  verbose || run->dry_run);
	warn_of_options(run, command[0], &target);
	if (run->dry_run)
		return print_command(run, command);
	if (lof_environment_try_log(&run->environment))
		return LOF_EXIT_OURS;
	lof_lock_limit_raise(verbose);
	if (!in_vain)
		lof_lock_limit_warn();
	if (verbose) {
		fprintf(stderr, "%s: ", program_invocation_short_name);
		lof_environment_print(stderr, &run->environment);
		putc('\n', stderr);
	}
	if (lof_backend_prepare(backend, command[0]))
		return LOF_EXIT_OURS;
	execvp(command[0], command);
	err = errno;
	warn("cannot execute %s", command[0]);
	return err == ENOENT ? LOF_EXIT_NOT_FOUND : LOF_EXIT_CANNOT_EXEC;
}

int lof_cmd_run(int argc, char **argv)
{
	struct run run = { .dry_run = false };
	const char **value = run.environment.value;
	int c;

	while ((c = getopt_long(argc, argv, "+adl:m:nvhV", long_options,
				NULL)) >= 0)
		switch (c) {
		case 'a':
			value[LOF_SETTING_ALL] = "1";
			break;
		case OPTION_CHILDREN:
			value[LOF_SETTING_CHILDREN] = optarg;
			break;
		case 'd':
			value[LOF_SETTING_DISCARD] = "translate";
			break;
		case 'l':
			value[LOF_SETTING_LOG] = optarg;
			break;
		case 'm':
			value[LOF_SETTING_MAX] = optarg;
			break;
		case 'n':
			run.dry_run = true;
			break;
		case OPTION_BACKEND:
			if (lof_backend_parse(&run.backend, optarg))
				return LOF_EXIT_OURS;
			break;
		case OPTION_HOLDS:
			value[LOF_SETTING_HOLDS] = "1";
			break;
		case OPTION_ONLY:
			value[LOF_SETTING_ONLY] = optarg;
			break;
		case OPTION_POPULATE:
			value[LOF_SETTING_CONVERT] = optarg;
			break;
		case OPTION_PREFAULT:
			value[LOF_SETTING_PREFAULT] = optarg;
			break;
		case OPTION_RLIMIT:
			value[LOF_SETTING_RLIMIT] = optarg;
			break;
		case OPTION_SHIM:
			run.environment.shim = optarg;
			break;
		case OPTION_SKIP:
			value[LOF_SETTING_SKIP] = optarg;
			break;
		case OPTION_SUMMARY:
			value[LOF_SETTING_SUMMARY] = "1";
			break;
		case 'v':
			value[LOF_SETTING_VERBOSE] = "1";
			break;
		case 'h':
			return lof_cmd_print(help, LOF_EXIT_OURS);
		case 'V':
			return lof_cmd_version(LOF_EXIT_OURS);
		default:
			return lof_cmd_bad_usage(argv[0], LOF_EXIT_OURS);
		}
	if (optind == argc) {
		warnx("no command given");
		return lof_cmd_bad_usage(argv[0], LOF_EXIT_OURS);
	}
	return run_command(&run, argv + optind);
}
