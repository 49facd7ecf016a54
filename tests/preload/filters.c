/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Programs that confine themselves: under the shim each call returns what it
 * returns without, as much memory is locked, and nothing kills the process.
 */
#include "config.h"

#include <string.h>

#include "preload/run.h"
#include "support/tool.h"

static const char *const commands[] = {
	"filter-kill", "filter-trap", "filter-errno", "filter-by-number",
	"filter-strict",
};

static const char *const settings[] = {
	"LOCKONFAULT_CONVERT=1", "LOCKONFAULT_CONVERT=0",
	"LOCKONFAULT_FUTURE=emulate", "LOCKONFAULT_FALLBACK=full",
};

#define NCOMMANDS	((int)(sizeof(commands) / sizeof(commands[0])))
#define NSETTINGS	((int)(sizeof(settings) / sizeof(settings[0])))

START_TEST(a_confined_program_sees_no_difference)
{
	const char *command = commands[_i / NSETTINGS];
	char bare[sizeof(ran.out)];

	strcpy(bare, run(command, "LD_PRELOAD=", NULL));
	ck_assert_ptr_nonnull(strstr(bare, "ok "));
	ck_assert_str_eq(bare + strlen(bare) - 3, " 0\n");
	ck_assert_str_eq(run(command, settings[_i % NSETTINGS], NULL), bare);
}
END_TEST

START_TEST(a_filter_that_the_kernel_refuses_changes_nothing)
{
	char bare[sizeof(ran.out)], *kinds;

	if (tool_is(TOOL_NO_MLOCK2))
		skip("without mlock2 the locked pages are populated");
	strcpy(bare, run("filter-refused", "LD_PRELOAD=", NULL));
	kinds = strstr(bare, "FFFF 4");
	ck_assert_ptr_nonnull(kinds);
	memcpy(kinds, "OOOO 0", 6);
	ck_assert_str_eq(run("filter-refused", NULL), bare);
}
END_TEST

/* The filter does not permit the thread, which scans every 100 s. */
START_TEST(memory_touched_before_a_filter_is_locked_under_a_bound)
{
	if (tool_is(TOOL_NO_MLOCK2))
		skip("without mlock2 the touched pages are locked at once");
	ck_assert_str_eq(run("filter-bounded", "LOCKONFAULT_MAX=1M",
			     "LOCKONFAULT_SYNC_MS=100000", NULL),
			 "ok ok 4 0\n");
}
END_TEST

TCase *filter_case(void)
{
	TCase *tcase = tcase_create("filters");

	tcase_set_timeout(tcase, 30);
	tcase_add_loop_test(tcase, a_confined_program_sees_no_difference, 0,
			    NCOMMANDS * NSETTINGS);
	tcase_add_test(tcase, a_filter_that_the_kernel_refuses_changes_nothing);
	tcase_add_test(tcase,
		       memory_touched_before_a_filter_is_locked_under_a_bound);
	return tcase;
}
