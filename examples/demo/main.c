/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The demo: a program that measures the gain of lock-on-fault on this machine.
 * It locks a range in full, on fault and not at all, writes to a part of the
 * pages, makes the range grow and moves it. It shows how long each step takes,
 * how much memory is resident and locked after it, and the flags of the lock in
 * smaps. Then it measures memcached by "lockonfault bench".
 */
#include "config.h"

#include "demo.h"

#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <langinfo.h>
#include <limits.h>
#include <locale.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/size.h"
#include "cmd.h"
#include "lockonfault.h"

#define DEFAULT_SIZE	(1ULL << 30)

static const char help[] =
	"Usage:\n"
	" demo [options]\n"
	"\n"
	"Measure lock-on-fault against locking in full and not at all.\n"
	"\n"
	"Options:\n"
	" -s, --size SIZE     size of the memory to lock (default: 1G)\n"
	"     --color[=WHEN]  auto (default), always or never\n"
	" -h, --help          display this help\n"
	" -V, --version       display version\n";

enum { OPTION_COLOR = CHAR_MAX + 1 };

static const struct option long_options[] = {
	{ "size", required_argument, NULL, 's' },
	{ "color", optional_argument, NULL, OPTION_COLOR },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{ NULL, 0, NULL, 0 },
};

static const char *const way_names[LOF_NWAYS + 1] = {
	[LOF_WAY_FULL] = "in full",
	[LOF_WAY_ONFAULT] = "on fault",
	[LOF_WAY_NONE] = "no lock",
};

enum row {
	LOCK_TIME, RSS_LOCKED, TOUCH_TIME, FAULTS, RSS_TOUCHED, PINNED, FLAGS,
	RSS_GROWN, NROWS
};

static const char *const row_names[NROWS] = {
	[LOCK_TIME] = "duration of the lock call",
	[RSS_LOCKED] = "  resident afterwards",
	[TOUCH_TIME] = "duration of writing",
	[FAULTS] = "  page faults",
	[RSS_TOUCHED] = "  resident afterwards",
	[PINNED] = "  resident and locked",
	[FLAGS] = "grown and moved: VmFlags",
	[RSS_GROWN] = "  resident afterwards",
};

/* A column of the table. */
struct cells {
	char text[NROWS][LOF_SIZE_CHARS];
};

static void fill_cells(struct cells *cells, const struct lof_look *look,
		       const struct lof_measured *measured, enum lof_way way)
{
	strcpy(cells->text[LOCK_TIME], "-");
	if (way != LOF_WAY_NONE)
		lof_demo_time(cells->text[LOCK_TIME], look,
			      measured->lock_time);
	lof_size_text(cells->text[RSS_LOCKED], measured->rss_locked);
	lof_demo_time(cells->text[TOUCH_TIME], look, measured->touch_time);
	snprintf(cells->text[FAULTS], LOF_SIZE_CHARS, "%" PRIu64,
		 measured->faults);
	lof_size_text(cells->text[RSS_TOUCHED], measured->rss_touched);
	lof_size_text(cells->text[PINNED], measured->pinned);
	strcpy(cells->text[FLAGS], *measured->flags ? measured->flags : "-");
	lof_size_text(cells->text[RSS_GROWN], measured->rss_grown);
}

static int show_table(const struct lof_look *look,
		      const struct lof_measured *measured)
{
	struct libscols_table *table = lof_demo_table(look, "", way_names);
	struct cells cells[LOF_NWAYS];
	int err = table ? 0 : -ENOMEM;

	for (int way = 0; way < LOF_NWAYS; way++)
		fill_cells(&cells[way], look, &measured[way],
			   (enum lof_way)way);
	for (int row = 0; !err && row < NROWS; row++) {
		const char *values[LOF_NWAYS];

		for (int way = 0; way < LOF_NWAYS; way++)
			values[way] = cells[way].text[row];
		err = lof_demo_row(table, row_names[row], values);
	}
	if (!err)
		err = scols_print_table(table);
	scols_unref_table(table);
	return err;
}

static void show_strips(const struct lof_look *look,
			const struct lof_measured *measured)
{
	static const char *const colors[LOF_NWAYS] = {
		[LOF_WAY_FULL] = "\033[31m",
		[LOF_WAY_ONFAULT] = "\033[32m",
		[LOF_WAY_NONE] = "",
	};

	printf("\nResident pages after writing, from the first to the last:\n");
	for (int way = 0; way < LOF_NWAYS; way++) {
		printf("%-10s%s", way_names[way],
		       look->colors ? colors[way] : "");
		lof_strip_print(&measured[way].strip, look->utf8);
		printf("%s\n", look->colors ? "\033[0m" : "");
	}
}

static void show_gain(const struct lof_measured *measured)
{
	uint64_t onfault = measured[LOF_WAY_ONFAULT].rss_touched;
	uint64_t full = measured[LOF_WAY_FULL].rss_touched;
	char text[2][LOF_SIZE_CHARS];

	printf("resident: %s on fault, %s in full: %.1f %%\n",
	       lof_size_text(text[0], onfault), lof_size_text(text[1], full),
	       full ? 100.0 * (double)onfault / (double)full : 0.0);
}

static void show_plan(uint64_t size)
{
	char text[3][LOF_SIZE_CHARS];

	printf("The demo locks %s of anonymous memory in pages of %ld KiB.\n"
	       "It writes to %d %% of the pages (%s).\n"
	       "Then it grows the range to %s and moves it.\n\n",
	       lof_size_text(text[0], size), sysconf(_SC_PAGESIZE) / 1024,
	       LOF_DEMO_PERCENT,
	       lof_size_text(text[1], lof_demo_touched(size)),
	       lof_size_text(text[2], lof_demo_grown(size)));
}

/* Returns the exit status: failure if stdout could not be written. */
static int finish(void)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return EXIT_SUCCESS;
	warn("write error");
	return EXIT_FAILURE;
}

static int demo(const struct lof_look *look, uint64_t size)
{
	struct lof_measured measured[LOF_NWAYS];
	int err;

	size = lof_demo_choose_size(size);
	if (size == 0)
		return EXIT_FAILURE;
	show_plan(size);
	for (int way = 0; way < LOF_NWAYS; way++)
		if (lof_demo_measure((enum lof_way)way, (size_t)size,
				     &measured[way]))
			return EXIT_FAILURE;
	err = show_table(look, measured);
	if (err) {
		errno = -err;
		warn("cannot show the table");
		return EXIT_FAILURE;
	}
	show_strips(look, measured);
	putchar('\n');
	lof_demo_memcached();
	putchar('\n');
	show_gain(measured);
	return finish();
}

/* 1: colors, 0: no colors, -1: the word is unknown. */
static int parse_color(const char *when)
{
	const char *no_color = getenv("NO_COLOR");

	if (strcmp(when, "always") == 0)
		return 1;
	if (strcmp(when, "never") == 0)
		return 0;
	if (strcmp(when, "auto") == 0)
		return isatty(STDOUT_FILENO) && !(no_color && *no_color);
	return -1;
}

static int parse_size(const char *text, uint64_t *size)
{
	int err = lof_size_parse(text, size);

	if (err) {
		errno = -err;
		warn("invalid argument '%s' for --size", text);
	}
	return err;
}

static int refuse_usage(void)
{
	fprintf(stderr, "Try '%s --help' for more information.\n",
		program_invocation_short_name);
	return EXIT_FAILURE;
}

int main(int argc, char **argv)
{
	struct lof_look look = { .colors = parse_color("auto") > 0 };
	uint64_t size = DEFAULT_SIZE;
	int c, color;

	setlocale(LC_ALL, "");
	look.utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
	while ((c = getopt_long(argc, argv, "s:hV", long_options, NULL)) >= 0)
		switch (c) {
		case 's':
			if (parse_size(optarg, &size))
				return refuse_usage();
			break;
		case OPTION_COLOR:
			color = parse_color(optarg ? optarg : "auto");
			if (color < 0) {
				warnx("invalid argument '%s' for --color",
				      optarg);
				return refuse_usage();
			}
			look.colors = color > 0;
			break;
		case 'h':
			fputs(help, stdout);
			return finish();
		case 'V':
			printf("demo from liblockonfault %s\n", lof_version());
			return finish();
		default:
			return refuse_usage();
		}
	if (optind < argc) {
		warnx("too many arguments");
		return refuse_usage();
	}
	return demo(&look, size);
}
