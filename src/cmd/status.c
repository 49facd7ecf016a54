/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* lockonfault status: the locked memory of processes, one row a process. */
#include "config.h"

#include "cmd.h"

#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <libsmartcols.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "process.h"

static const char help_head[] =
	"Usage:\n"
	" lockonfault status [options] [PID...]\n"
	"\n"
	"Show the locked memory of the given processes, or of every process "
	"that\nhas locked memory.\n"
	"\n"
	"Options:\n"
	" -b, --bytes        print sizes in bytes\n"
	" -J, --json         print JSON, sizes in bytes\n"
	" -n, --noheadings   do not print headings\n"
	" -o, --output LIST  columns to print; +LIST adds to the default\n"
	" -r, --raw          print without alignment\n"
	" -h, --help         display this help\n"
	" -V, --version      display version\n"
	"\n"
	"Columns:\n";

static const char help_tail[] =
	"\n"
	"For more details see lockonfault(1).\n";

static const struct option long_options[] = {
	{ "bytes", no_argument, NULL, 'b' },
	{ "json", no_argument, NULL, 'J' },
	{ "noheadings", no_argument, NULL, 'n' },
	{ "output", required_argument, NULL, 'o' },
	{ "raw", no_argument, NULL, 'r' },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{ NULL, 0, NULL, 0 },
};

enum column {
	PID, COMMAND, CHARGED, LOCKED, ONFAULT, FULL, RESIDENT, SWAP, LIMIT,
	SHIM, BOUND, LEFTOUT, OVER, FAULTS, NCOLUMNS
};

static const struct {
	const char *name, *help;
} columns[NCOLUMNS] = {
	[PID] = { "PID", "process ID" },
	[COMMAND] = { "COMMAND", "name of the process" },
	[CHARGED] = { "CHARGED", "size of all locked ranges (VmLck)" },
	[LOCKED] = { "LOCKED", "locked memory that is resident" },
	[ONFAULT] = { "ONFAULT", "size of the VMAs locked on fault" },
	[FULL] = { "FULL", "size of the VMAs locked in full" },
	[RESIDENT] = { "RESIDENT", "resident memory, locked or not" },
	[SWAP] = { "SWAP", "memory that is swapped out" },
	[LIMIT] = { "LIMIT", "limit of locked memory (RLIMIT_MEMLOCK)" },
	[SHIM] = { "SHIM", "state of the shim: active, stalled, inert, linked, no" },
	[BOUND] = { "BOUND", "bound of the locks (LOCKONFAULT_MAX)" },
	[LEFTOUT] = { "LEFTOUT", "memory that mlockall leaves out: no room" },
	[OVER] = { "OVER", "touched memory that exceeds BOUND" },
	[FAULTS] = { "FAULTS", "page faults since the mark (LOCKONFAULT_PREFAULT)" },
};

static const enum column default_columns[] = {
	PID, COMMAND, CHARGED, LOCKED, ONFAULT, FULL, LIMIT, SHIM, LEFTOUT, OVER
};

struct status {
	bool bytes, json, noheadings, raw;
	enum column shown[2 * NCOLUMNS];
	size_t nshown;
	struct libscols_table *table;
};

static int print_help(void)
{
	fputs(help_head, stdout);
	for (size_t i = 0; i < NCOLUMNS; i++)
		printf(" %8s  %s\n", columns[i].name, columns[i].help);
	return lof_cmd_print(help_tail, EXIT_FAILURE);
}

static void add_column(struct status *status, enum column column)
{
	for (size_t i = 0; i < status->nshown; i++)
		if (status->shown[i] == column)
			return;
	status->shown[status->nshown++] = column;
}

static int add_named_column(struct status *status, const char *name, size_t len)
{
	for (size_t i = 0; i < NCOLUMNS; i++)
		if (strlen(columns[i].name) == len &&
		    strncasecmp(columns[i].name, name, len) == 0) {
			add_column(status, (enum column)i);
			return 0;
		}
	warnx("unknown column: '%.*s'", (int)len, name);
	return -1;
}

/* list is "PID,LIMIT", or "+SWAP" for the default columns and SWAP. */
static int choose_columns(struct status *status, const char *list)
{
	size_t n = sizeof(default_columns) / sizeof(default_columns[0]);

	if (!list || *list == '+')
		for (size_t i = 0; i < n; i++)
			add_column(status, default_columns[i]);
	if (!list)
		return 0;
	if (*list == '+')
		list++;
	for (;;) {
		size_t len = strcspn(list, ",");

		if (add_named_column(status, list, len))
			return -1;
		if (!list[len])
			return 0;
		list += len + 1;
	}
}

static int make_table(struct status *status)
{
	struct libscols_table *table = scols_new_table();

	status->table = table;
	if (!table)
		return -ENOMEM;
	scols_table_enable_json(table, status->json);
	scols_table_enable_raw(table, status->raw);
	scols_table_enable_noheadings(table, status->noheadings);
	scols_table_set_name(table, "processes");
	for (size_t i = 0; i < status->nshown; i++) {
		enum column column = status->shown[i];
		bool is_text = column == COMMAND || column == SHIM;
		int flags = is_text ? 0 : SCOLS_FL_RIGHT;
		struct libscols_column *made;

		made = scols_table_new_column(table, columns[column].name, 0,
					      flags);
		if (!made)
			return -ENOMEM;
		scols_column_set_json_type(made, is_text ? SCOLS_JSON_STRING :
							   SCOLS_JSON_NUMBER);
	}
	return 0;
}

/* False: the size is unknown, and the cell stays empty. */
static bool size_of(const struct lof_process *process, enum column column,
		    uint64_t *bytes)
{
	switch (column) {
	case CHARGED:
		*bytes = process->charged;
		return process->has_charge;
	case LIMIT:
		*bytes = process->limit;
		return process->has_limit;
	case BOUND:
		*bytes = process->bound ? process->bound : LOF_NO_LIMIT;
		return process->has_published;
	case LEFTOUT:
		*bytes = process->bound ? 0 :
			 process->emulates ? process->unlocked :
			 process->left_out;
		return process->has_published && process->has_areas;
	case OVER:
		*bytes = process->over;
		return process->has_published;
	case LOCKED:
		*bytes = process->locked;
		break;
	case ONFAULT:
		*bytes = process->onfault;
		break;
	case FULL:
		*bytes = process->full;
		break;
	case RESIDENT:
		*bytes = process->rss;
		break;
	default:
		*bytes = process->swap;
		break;
	}
	return process->has_areas;
}

/* NULL: the cell stays empty; JSON prints null. */
static const char *cell_text(const struct status *status,
			     const struct lof_process *process,
			     enum column column, char *buf)
{
	uint64_t bytes;

	if (column == COMMAND)
		return process->name;
	if (column == SHIM)
		return process->shim;
	if (column == PID) {
		snprintf(buf, LOF_SIZE_CHARS, "%d", process->pid);
		return buf;
	}
	if (column == FAULTS) {
		snprintf(buf, LOF_SIZE_CHARS, "%" PRIu64, process->faults);
		return process->has_mark ? buf : NULL;
	}
	if (!size_of(process, column, &bytes))
		return NULL;
	/* A column has one JSON type: the quotes make a number a string. */
	if ((column == LIMIT || column == BOUND) && bytes == LOF_NO_LIMIT)
		return status->json ? "\"unlimited\"" : "unlimited";
	if (!status->bytes && !status->json)
		return lof_size_column(buf, bytes);
	snprintf(buf, LOF_SIZE_CHARS, "%" PRIu64, bytes);
	return buf;
}

static int add_row(struct status *status, struct lof_process *process)
{
	struct libscols_line *line;
	char buf[LOF_SIZE_CHARS];

	lof_process_read_areas(process);
	lof_process_read_published(process);
	line = scols_table_new_line(status->table, NULL);
	if (!line)
		return -ENOMEM;
	for (size_t i = 0; i < status->nshown; i++) {
		const char *text = cell_text(status, process, status->shown[i],
					     buf);

		if (text && scols_line_set_data(line, i, text))
			return -ENOMEM;
	}
	return 0;
}

static int add_all(struct status *status)
{
	struct lof_process process;
	struct dirent *entry;
	DIR *proc = opendir("/proc");
	int err = 0;

	if (!proc)
		return -errno;
	while (!err && (entry = readdir(proc))) {
		int pid = lof_pid_parse(entry->d_name);

		if (pid > 0 && lof_process_open(&process, pid) == 0 &&
		    process.has_charge && process.charged > 0)
			err = add_row(status, &process);
	}
	closedir(proc);
	return err;
}

/* Sets *missing, after a message, if a process does not exist. */
static int add_named(struct status *status, char **pids, bool *missing)
{
	struct lof_process process;
	int err = 0;

	for (; !err && *pids; pids++) {
		int pid = lof_pid_parse(*pids);

		if (lof_process_open(&process, pid) == 0) {
			err = add_row(status, &process);
			continue;
		}
		warnx("no such process: %d", pid);
		*missing = true;
	}
	return err;
}

static int show(struct status *status, char **pids)
{
	bool missing = false;
	int err;

	/* JSON is UTF-8 in any locale. */
	if (status->json)
		setlocale(LC_CTYPE, "C.UTF-8");
	err = make_table(status);
	if (!err)
		err = *pids ? add_named(status, pids, &missing) :
			      add_all(status);
	if (!err)
		err = scols_print_table(status->table);
	scols_unref_table(status->table);
	if (err) {
		errno = -err;
		warn("cannot show the processes");
		return EXIT_FAILURE;
	}
	return lof_cmd_print("", EXIT_FAILURE) || missing ? EXIT_FAILURE :
							    EXIT_SUCCESS;
}

/* An empty /proc must not look like a machine without locked memory. */
static int check_proc(void)
{
	int err = lof_proc_check();

	if (!err)
		return 0;
	errno = -err;
	if (err == -ENODEV)
		warnx("cannot read /proc: it is not procfs");
	else
		warn("cannot read /proc");
	return -1;
}

static int check_arguments(const struct status *status, char **pids)
{
	if (status->json && status->raw) {
		warnx("--json and --raw are mutually exclusive");
		return -1;
	}
	return lof_pids_check(pids);
}

int lof_cmd_status(int argc, char **argv)
{
	struct status status = { .nshown = 0 };
	const char *list = NULL;
	int c;

	while ((c = getopt_long(argc, argv, "bJno:rhV", long_options,
				NULL)) >= 0)
		switch (c) {
		case 'b':
			status.bytes = true;
			break;
		case 'J':
			status.json = true;
			break;
		case 'n':
			status.noheadings = true;
			break;
		case 'o':
			list = optarg;
			break;
		case 'r':
			status.raw = true;
			break;
		case 'h':
			return print_help();
		case 'V':
			return lof_cmd_version(EXIT_FAILURE);
		default:
			return lof_cmd_bad_usage(argv[0], EXIT_FAILURE);
		}
	if (check_arguments(&status, argv + optind) ||
	    choose_columns(&status, list))
		return lof_cmd_bad_usage(argv[0], EXIT_FAILURE);
	if (check_proc())
		return EXIT_FAILURE;
	return show(&status, argv + optind);
}
