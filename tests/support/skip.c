/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Skipped checks: a table of reasons, in memory shared with the processes that
 * libcheck runs the checks in.
 */
#define _GNU_SOURCE
#include "config.h"

#include "support/skip.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define NREASONS	64	/* more reasons share the last row */

static struct table {
	pid_t runner;
	int in_checks;		/* skipped by skip(): libcheck counts them */
	struct reason {
		char why[120];
		int count;
	} reasons[NREASONS];
} *table;

/*
 * Runs before any case is made. The timeout is for checks that never end: the 4
 * seconds of libcheck are too few on a busy machine.
 */
__attribute__((constructor)) static void begin(void)
{
	table = mmap(NULL, sizeof(*table), PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (table == MAP_FAILED)
		abort();
	table->runner = getpid();
	setenv("CK_DEFAULT_TIMEOUT", "60", 0);
}

void skip_count(const char *why)
{
	struct reason *row = table->reasons;
	struct reason *last = row + NREASONS - 1;

	while (row < last && row->count && strcmp(row->why, why))
		row++;
	snprintf(row->why, sizeof(row->why), "%s", why);
	row->count++;
}

_Noreturn void skip(const char *why)
{
	/* With CK_FORK=no the check runs in this process. */
	if (getpid() == table->runner)
		ck_abort_msg("skip: %s", why);
	printf("skip: %s\n", why);
	skip_count(why);
	table->in_checks++;
	exit(EXIT_SUCCESS);
}

int run_suites(SRunner *runner)
{
	const char *program = program_invocation_short_name;
	int ran, failed, skipped = 0;

	srunner_run_all(runner, CK_ENV);
	ran = srunner_ntests_run(runner) - table->in_checks;
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	for (int i = 0; i < NREASONS; i++)
		skipped += table->reasons[i].count;
	printf("%s: %d checks, %d skipped\n", program, ran, skipped);
	for (int i = 0; i < NREASONS && table->reasons[i].count; i++)
		printf("%s: %d skipped: %s\n", program,
		       table->reasons[i].count, table->reasons[i].why);
	if (failed)
		return EXIT_FAILURE;
	return ran || !skipped ? EXIT_SUCCESS : 77;
}
