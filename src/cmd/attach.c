/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * lockonfault attach: lock the memory of a running process on fault, or unlock
 * it, by system calls that the process is made to make.
 */
#include "config.h"

#include "attach.h"

#include <err.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "cmd.h"
#include "kernel/smaps.h"
#include "trace/helper.h"

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

/*
 * The error of the calls. A range that was unmapped meanwhile is no error: the
 * last call is for all memory.
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

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* Sets *ns to the durations, sorted, of malloc. Return their number. */
static size_t sort_stops(const struct lof_plan *plan, uint64_t **ns)
{
	size_t n = 0;

	*ns = calloc(plan->ncalls + 1, sizeof(**ns));
	if (!*ns)
		return 0;
	for (size_t i = 0; i < plan->ncalls; i++)
		if (plan->calls[i].stop_ns)
			(*ns)[n++] = plan->calls[i].stop_ns;
	qsort(*ns, n, sizeof(**ns), compare);
	return n;
}

static void report(const struct lof_process *process,
		   const struct lof_plan *plan)
{
	char text[LOF_SIZE_CHARS];
	uint64_t charged = 0, *ns;
	size_t n = sort_stops(plan, &ns);

	lof_smaps_charge(process->pid, &charged);
	if (n)
		warnx("%d (%s): %s locked, %zu stop%s, median %.0f us, "
		      "longest %.0f us", process->pid, process->name,
		      lof_size_text(text, charged), n, n == 1 ? "" : "s",
		      (double)ns[n / 2] / 1000, (double)ns[n - 1] / 1000);
	free(ns);
}

/* 0, or -1 after a message. */
static int complain(const struct lof_process *process,
		    const struct lof_attach *attach,
		    const struct lof_plan *plan, int err)
{
	int call_err = plan_error(plan);

	if (err) {
		lof_attach_explain(process, err);
		return -1;
	}
	if (!call_err)
		return 0;
	warnx("%d (%s): %s: %s", process->pid, process->name,
	      attach->undo ? "munlockall" : "mlockall", strerror(-call_err));
	return -1;
}

/* 0 or an exit status, after a message. */
static int attach_checked(const struct lof_attach *attach,
			  const struct lof_process *process,
			  const struct lof_status *status)
{
	struct lof_plan plan = { .ncalls = 0 };
	struct rlimit old;
	int err, ret;

	if (!attach->undo && lof_limit_raise(attach, process, status, &old))
		return EXIT_FAILURE;
	err = lof_plan_make(&plan, process->pid, attach);
	if (!err)
		err = lof_inject(process->pid, attach->force, plan.calls,
				 plan.ncalls);
	if (err && !attach->undo && !(plan.ncalls && plan.calls[0].is_made))
		lof_limit_restore(process->pid, &old);
	ret = complain(process, attach, &plan, err);
	if (!ret && attach->verbose)
		report(process, &plan);
	free(plan.calls);
	return ret ? EXIT_FAILURE : 0;
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

static int attach_all(const struct lof_attach *attach, char **pids)
{
	int ret, worst = EXIT_SUCCESS;

	for (; *pids; pids++) {
		ret = attach_to(attach, lof_pid_parse(*pids));
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
	return lof_pids_check(pids);
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
	if (!lof_has_own_proc()) {
		warnx("cannot use /proc: it is of another PID namespace");
		return EXIT_FAILURE;
	}
	if (!attach.flags && !attach.undo)
		attach.flags = MCL_CURRENT | MCL_FUTURE;
	return attach_all(&attach, argv + optind);
}
