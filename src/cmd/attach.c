/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * lockonfault attach: lock the memory of a running process on fault, or unlock
 * it, by system calls that the process is made to make.
 */
#include "config.h"

#include "attach.h"

#include <ctype.h>
#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "cmd.h"
#include "kernel/smaps.h"

#define MOST_ROUNDS	8

static const char help[] =
	"Usage:\n"
	" lockonfault attach [options] PID...\n"
	"\n"
	"Lock the memory of running processes on fault.\n"
	"\n"
	"Options:\n"
	" -c, --current  lock only the memory that is mapped now\n"
	" -f, --future   lock only the memory that will be mapped\n"
	"     --force    attach also if it may harm the process\n"
	" -u, --undo     unlock all memory of the processes\n"
	" -v, --verbose  print how long the processes were stopped\n"
	" -h, --help     display this help\n"
	" -V, --version  display version\n"
	"\n"
	"For more details see lockonfault(1).\n";

enum { OPTION_FORCE = CHAR_MAX + 1 };

static const struct option long_options[] = {
	{ "current", no_argument, NULL, 'c' },
	{ "future", no_argument, NULL, 'f' },
	{ "force", no_argument, NULL, OPTION_FORCE },
	{ "undo", no_argument, NULL, 'u' },
	{ "verbose", no_argument, NULL, 'v' },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{ NULL, 0, NULL, 0 },
};

/* The durations of all stops of a process. */
struct stops {
	uint64_t *ns;
	size_t n;
};

static int add_stops(struct stops *stops, const struct lof_plan *plan)
{
	uint64_t *ns = reallocarray(stops->ns, stops->n + plan->ncalls + 1,
				    sizeof(*ns));

	if (!ns)
		return -ENOMEM;
	stops->ns = ns;
	for (size_t i = 0; i < plan->ncalls; i++)
		if (plan->calls[i].stop_ns)
			ns[stops->n++] = plan->calls[i].stop_ns;
	return 0;
}

/*
 * The error of the calls. A range that was unmapped meanwhile is no error: the
 * next round looks again.
 */
static int plan_error(const struct lof_plan *plan)
{
	for (size_t i = 0; i < plan->ncalls; i++) {
		const struct lof_injected *call = &plan->calls[i];
		bool is_range = call->call == LOF_TRACED_MLOCK2 ||
				call->call == LOF_TRACED_MUNLOCK;

		if (call->is_made && call->result &&
		    !(is_range && call->result == -ENOMEM))
			return (int)call->result;
	}
	return 0;
}

/*
 * 0, or the reason why the process could not be traced. *call_err is the error
 * of a call that it made.
 */
static int make_rounds(const struct lof_attach *attach, int pid,
		       struct stops *stops, int *call_err)
{
	struct lof_plan plan = { .calls = NULL };
	int err = 0;

	for (int i = 0; !err && !*call_err && !plan.is_last; i++) {
		err = lof_plan_make(&plan, pid, attach, i == 0);
		if (!err && i == MOST_ROUNDS && !plan.is_last)
			lof_plan_at_once(&plan, attach);
		if (err || plan.ncalls == 0)
			break;
		err = lof_inject(pid, attach->force, plan.calls, plan.ncalls);
		*call_err = plan_error(&plan);
		if (!err)
			err = add_stops(stops, &plan);
	}
	free(plan.calls);
	return err;
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static void report(const struct lof_process *process, struct stops *stops)
{
	char text[LOF_SIZE_CHARS];
	uint64_t charged = 0;

	if (!stops->n)
		return;
	qsort(stops->ns, stops->n, sizeof(*stops->ns), compare);
	lof_smaps_charge(process->pid, &charged);
	warnx("%d (%s): %s locked, %zu stop%s, median %.0f us, longest %.0f us",
	      process->pid, process->name, lof_size_text(text, charged),
	      stops->n, stops->n == 1 ? "" : "s",
	      (double)stops->ns[stops->n / 2] / 1000,
	      (double)stops->ns[stops->n - 1] / 1000);
}

/* 0 or an exit status, after a message. */
static int attach_checked(const struct lof_attach *attach,
			  const struct lof_process *process,
			  const struct lof_status *status)
{
	struct stops stops = { .n = 0 };
	struct rlimit old;
	int err, call_err = 0;

	if (!attach->undo && lof_limit_raise(attach, process, status, &old))
		return EXIT_FAILURE;
	err = make_rounds(attach, process->pid, &stops, &call_err);
	if (err && !stops.n && !attach->undo)
		lof_limit_restore(process->pid, &old);
	if (err)
		lof_attach_explain(process, err);
	else if (call_err)
		warnx("%d (%s): %s: %s", process->pid, process->name,
		      attach->undo ? "munlockall" : "mlockall",
		      strerror(-call_err));
	else if (attach->verbose)
		report(process, &stops);
	free(stops.ns);
	return err || call_err ? EXIT_FAILURE : 0;
}

static int attach_to(const struct lof_attach *attach, int pid)
{
	struct lof_process process;
	struct lof_status status;
	int ret;

	if (lof_process_open(&process, pid) || lof_status_read(&status, pid)) {
		warnx("no such process: %d", pid);
		return EXIT_FAILURE;
	}
	ret = lof_attach_check(attach, &process, &status);
	return ret ? ret : attach_checked(attach, &process, &status);
}

/* Return 0 if text is malformed. */
static int parse_pid(const char *text)
{
	char *end;
	long pid;

	errno = 0;
	pid = strtol(text, &end, 10);
	return isdigit((unsigned char)*text) && !*end && !errno &&
	       pid <= INT_MAX ? (int)pid : 0;
}

static int attach_all(const struct lof_attach *attach, char **pids)
{
	int ret, worst = EXIT_SUCCESS;

	for (; *pids; pids++) {
		ret = attach_to(attach, parse_pid(*pids));
		if (ret && worst != EXIT_FAILURE)
			worst = ret;
	}
	return worst;
}

static int check_arguments(const struct lof_attach *attach, char **pids)
{
	if (attach->undo && attach->flags) {
		warnx("--undo excludes --current and --future");
		return -1;
	}
	if (!*pids) {
		warnx("no process ID given");
		return -1;
	}
	for (; *pids; pids++)
		if (parse_pid(*pids) <= 0) {
			warnx("invalid process ID: '%s'", *pids);
			return -1;
		}
	return 0;
}

int lof_cmd_attach(int argc, char **argv)
{
	struct lof_attach attach = { .flags = 0 };
	int c;

	while ((c = getopt_long(argc, argv, "cfuvhV", long_options,
				NULL)) >= 0)
		switch (c) {
		case 'c':
			attach.flags |= MCL_CURRENT;
			break;
		case 'f':
			attach.flags |= MCL_FUTURE;
			break;
		case OPTION_FORCE:
			attach.force = true;
			break;
		case 'u':
			attach.undo = true;
			break;
		case 'v':
			attach.verbose = true;
			break;
		case 'h':
			return lof_cmd_print(help, EXIT_FAILURE);
		case 'V':
			return lof_cmd_version(EXIT_FAILURE);
		default:
			return lof_cmd_bad_usage(argv[0], EXIT_FAILURE);
		}
	if (check_arguments(&attach, argv + optind))
		return lof_cmd_bad_usage(argv[0], EXIT_FAILURE);
	if (lof_proc_check()) {
		warnx("cannot read /proc: it is not procfs");
		return EXIT_FAILURE;
	}
	if (!attach.flags && !attach.undo)
		attach.flags = MCL_CURRENT | MCL_FUTURE;
	return attach_all(&attach, argv + optind);
}
