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
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "kernel/sys.h"
#include "lockonfault.h"
#include "preload/settings.h"

static const char help[] =
	"Usage:\n"
	" lockonfault run [options] [--] CMD [ARG...]\n"
	"\n"
	"Start a program under lock-on-fault.\n"
	"\n"
	"Options:\n"
	" -a, --all          lock all memory of the program on fault\n"
	" -d, --discard      let the program discard locked pages\n"
	" -l, --log FILE     append a line for each lock call to FILE\n"
	" -m, --max MAX      lock at most MAX: SIZE, P%, limit:P%, cgroup:P%\n"
	" -n, --dry-run      print the command line, do not run it\n"
	"     --populate HOW keep or strip MAP_POPULATE\n"
	"     --shim FILE    use another liblockonfault-preload.so\n"
	" -v, --verbose      print the limit, the variables set, and refused locks\n"
	" -h, --help         display this help\n"
	" -V, --version      display version\n"
	"\n"
	"For more details see lockonfault(1).\n";

enum { OPTION_SHIM = CHAR_MAX + 1, OPTION_POPULATE };

static const struct option long_options[] = {
	{ "all", no_argument, NULL, 'a' },
	{ "discard", no_argument, NULL, 'd' },
	{ "log", required_argument, NULL, 'l' },
	{ "max", required_argument, NULL, 'm' },
	{ "dry-run", no_argument, NULL, 'n' },
	{ "populate", required_argument, NULL, OPTION_POPULATE },
	{ "shim", required_argument, NULL, OPTION_SHIM },
	{ "verbose", no_argument, NULL, 'v' },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{ NULL, 0, NULL, 0 },
};

struct run {
	const char *shim, *log, *max, *populate;
	bool all, discard, dry_run, verbose;
	/* The environment variables set by the command, in order. */
	const char *set[8];
	size_t nset;
};

static int set_variable(struct run *run, const char *name, const char *value)
{
	if (setenv(name, value, 1)) {
		warn("cannot set %s", name);
		return -1;
	}
	run->set[run->nset++] = name;
	return 0;
}

/* Make the path absolute: CMD and its children may change directory. */
static int set_log(struct run *run)
{
	char dir[PATH_MAX], path[PATH_MAX];
	int n;

	if (*run->log == '/')
		return set_variable(run, "LOCKONFAULT_LOG", run->log);
	if (!getcwd(dir, sizeof(dir))) {
		warn("cannot get the current directory");
		return -1;
	}
	n = snprintf(path, sizeof(path), "%s/%s", dir, run->log);
	if (n < 0 || (size_t)n >= sizeof(path)) {
		warnx("the path of the log is too long: %s", run->log);
		return -1;
	}
	return set_variable(run, "LOCKONFAULT_LOG", path);
}

static int set_populate(struct run *run)
{
	if (strcmp(run->populate, "strip") == 0)
		return set_variable(run, "LOCKONFAULT_CONVERT", "2");
	if (strcmp(run->populate, "keep") == 0)
		return set_variable(run, "LOCKONFAULT_CONVERT", "1");
	warnx("invalid argument '%s' for --populate: not keep or strip",
	      run->populate);
	return -1;
}

/* The shim does not tell that it cannot open the log. */
static int try_log(void)
{
	const char *path = getenv("LOCKONFAULT_LOG");
	int fd = lof_sys_open_log(path);

	if (fd < 0) {
		errno = -fd;
		warn("cannot open the log %s", path);
		return -1;
	}
	return close(fd);
}

/* Only the scanning thread locks touched pages, so --max needs it. */
static int set_max(struct run *run)
{
	char text[sizeof("18446744073709551615")];
	uint64_t bytes;

	if (lof_max_parse(run->max, &bytes))
		return -1;
	snprintf(text, sizeof(text), "%" PRIu64, bytes);
	if (set_variable(run, "LOCKONFAULT_MAX", text))
		return -1;
	return getenv("LOCKONFAULT_SYNC_MS") ? 0 :
	       set_variable(run, "LOCKONFAULT_SYNC_MS", "100");
}

/*
 * Report a variable with an unknown name or value, and remove it, so that the
 * shim does not report it again. A bound with an unknown value is an error.
 */
static int check_variable(const struct lof_setting *setting)
{
	const char *text = getenv(setting->name);
	unsigned long value;

	if (!text || !lof_setting_parse(setting, text, &value))
		return 0;
	warnx("%s has an unknown value%s: '%s'; known: %s", setting->name,
	      setting->option == LOF_CONVERT_MAX ? "" : ", ignored", text,
	      setting->allowed);
	return setting->option == LOF_CONVERT_MAX ? -1 :
	       unsetenv(setting->name);
}

static char *unknown_variable(void)
{
	size_t len;

	for (char **variable = environ; *variable; variable++)
		if (lof_setting_is_unknown(*variable, &len))
			return strndup(*variable, len);
	return NULL;
}

static int check_environment(void)
{
	char *name;

	for (size_t i = 0; i < LOF_NSETTINGS; i++)
		if (check_variable(&lof_settings[i]))
			return -1;
	while ((name = unknown_variable())) {
		warnx("unknown variable, ignored: %s", name);
		unsetenv(name);
		free(name);
	}
	return 0;
}

static int set_preload(struct run *run, const struct lof_target *target)
{
	char shim[PATH_MAX];

	if (lof_shim_find(run->shim, shim, sizeof(shim)) ||
	    lof_shim_check(shim))
		return -1;
	if (target->refuses)
		return 0;
	run->set[run->nset++] = "LD_PRELOAD";
	return lof_shim_preload(shim);
}

/* Call before raise_limit(): --max may be a percentage of RLIMIT_MEMLOCK. */
static int set_environment(struct run *run, const struct lof_target *target)
{
	if (set_preload(run, target))
		return -1;
	if (run->all && set_variable(run, "LOCKONFAULT_ALL", "1"))
		return -1;
	if (run->populate && set_populate(run))
		return -1;
	if (run->discard &&
	    set_variable(run, "LOCKONFAULT_DISCARD", "translate"))
		return -1;
	if (run->log && set_log(run))
		return -1;
	if (run->verbose && set_variable(run, "LOCKONFAULT_VERBOSE", "1"))
		return -1;
	return run->max ? set_max(run) : 0;
}

/*
 * Warn if the shim will have no effect. The command is run anyway. Return
 * whether there was a warning.
 */
static bool warn_if_in_vain(char **command, const struct lof_target *target)
{
	const char *disable = getenv("LOCKONFAULT_DISABLE"), *why;
	bool disabled = disable && strcmp(disable, "1") == 0;

	if (disabled)
		warnx("LOCKONFAULT_DISABLE=1 is set: the shim will do nothing");
	why = lof_launcher_clears(command);
	if (why)
		warnx("the shim cannot be loaded into the program that %s "
		      "starts: %s", command[0], why);
	else if (target->why)
		warnx("the shim cannot be loaded into %s: %s", command[0],
		      target->why);
	return disabled || why || target->why;
}

static const char *limit_text(char *buf, rlim_t limit)
{
	return limit == RLIM_INFINITY ? "unlimited" : lof_size_text(buf, limit);
}

/* A lock on fault is charged for the whole range when it is made. */
static void raise_limit(const struct run *run)
{
	char text[2][LOF_SIZE_CHARS];
	struct rlimit limit, raised = { RLIM_INFINITY, RLIM_INFINITY };

	if (getrlimit(RLIMIT_MEMLOCK, &limit))
		return;
	if (setrlimit(RLIMIT_MEMLOCK, &raised)) {
		raised = (struct rlimit){ limit.rlim_max, limit.rlim_max };
		if (setrlimit(RLIMIT_MEMLOCK, &raised))
			raised = limit;
	}
	if (run->verbose)
		warnx("RLIMIT_MEMLOCK: %s, was %s",
		      limit_text(text[0], raised.rlim_cur),
		      limit_text(text[1], limit.rlim_cur));
}

/* Only the scanning thread locks pages under a bound. */
static bool is_never_scanned(void)
{
	const char *interval = getenv("LOCKONFAULT_SYNC_MS");

	return interval && *interval && strtoul(interval, NULL, 10) == 0 &&
	       lof_lock_bound() > 0;
}

static void warn_if_limited(void)
{
	char text[LOF_SIZE_CHARS];
	uint64_t bytes;

	if (is_never_scanned())
		warnx("nothing will be locked under LOCKONFAULT_MAX: "
		      "LOCKONFAULT_SYNC_MS is 0");
	else if (!lof_lock_limit(&bytes))
		return;
	else if (bytes < (uint64_t)sysconf(_SC_PAGESIZE))
		warnx("nothing can be locked: RLIMIT_MEMLOCK is %s, and no "
		      "CAP_IPC_LOCK", lof_size_text(text, bytes));
	else
		warnx("at most %s can be locked: RLIMIT_MEMLOCK, and no "
		      "CAP_IPC_LOCK", lof_size_text(text, bytes));
}

static void print_variables(FILE *out, const struct run *run)
{
	for (size_t i = 0; i < run->nset; i++) {
		fprintf(out, "%s%s=", i ? " " : "", run->set[i]);
		lof_print_quoted(out, getenv(run->set[i]));
	}
}

/*
 * "env CMD" keeps the shell from running its builtin of the name CMD. But env
 * treats a CMD with '=' as a variable; the shell does not if CMD is quoted.
 */
static int print_command(const struct run *run, char **command)
{
	if (!strchr(command[0], '='))
		fputs("env ", stdout);
	print_variables(stdout, run);
	for (; *command; command++) {
		putchar(' ');
		lof_print_quoted(stdout, *command);
	}
	return lof_cmd_print("\n", LOF_EXIT_OURS);
}

static int run_command(struct run *run, char **command)
{
	struct lof_target target = { .why = NULL };
	char path[PATH_MAX];
	bool warned;
	int err;

	if (lof_find_command(command[0], path, sizeof(path)) == 0)
		lof_target_examine(path, &target);
	if (set_environment(run, &target) || check_environment())
		return LOF_EXIT_OURS;
	warned = warn_if_in_vain(command, &target);
	if (run->dry_run)
		return print_command(run, command);
	if (run->log && try_log())
		return LOF_EXIT_OURS;
	raise_limit(run);
	if (!warned)
		warn_if_limited();
	if (run->verbose) {
		fprintf(stderr, "%s: ", program_invocation_short_name);
		print_variables(stderr, run);
		putc('\n', stderr);
	}
	if (run->all)
		lof_lock_unreached(command[0], &target);
	execvp(command[0], command);
	err = errno;
	warn("cannot execute %s", command[0]);
	return err == ENOENT ? LOF_EXIT_NOT_FOUND : LOF_EXIT_CANNOT_EXEC;
}

int lof_cmd_run(int argc, char **argv)
{
	struct run run = { .shim = NULL };
	int c;

	while ((c = getopt_long(argc, argv, "+adl:m:nvhV", long_options,
				NULL)) >= 0)
		switch (c) {
		case 'a':
			run.all = true;
			break;
		case 'd':
			run.discard = true;
			break;
		case 'l':
			run.log = optarg;
			break;
		case 'm':
			run.max = optarg;
			break;
		case 'n':
			run.dry_run = true;
			break;
		case OPTION_POPULATE:
			run.populate = optarg;
			break;
		case OPTION_SHIM:
			run.shim = optarg;
			break;
		case 'v':
			run.verbose = true;
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
