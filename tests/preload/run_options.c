/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The variables of the options of run, for programs that need more than
 * conversion. */
#include "config.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "kernel/syscall.h"
#include "preload/run.h"
#include "support/tool.h"

#define HOLDS	"LOCKONFAULT_HOLDS=1"
#define FAKE	"LOCKONFAULT_RLIMIT=fake"

static void need_root(void)
{
	if (geteuid())
		skip("not root");
}

START_TEST(a_refused_limit_stays_refused)
{
	ck_assert_str_eq(run("rlimit-all", NULL),
			 "EPERM limit as before\nok ");
	ck_assert_str_eq(run("rlimit-all", "LOCKONFAULT_RLIMIT=keep", NULL),
			 "EPERM limit as before\nok ");
	ck_assert_str_eq(run("rlimit-all", FAKE, "LOCKONFAULT_DISABLE=1", NULL),
			 tool_is_limited() ?
			 "EPERM limit as before\nENOMEM " :
			 "EPERM limit as before\nok ");
}
END_TEST

START_TEST(a_limit_that_does_not_apply_is_faked)
{
	ck_assert_str_eq(run("rlimit-all", FAKE, NULL),
			 "ok limit as before\nok ");
	ck_assert_str_eq(run("rlimit-ways", FAKE, NULL),
			 "ok ok ok old\nok old\nok limit as before\n");
}
END_TEST

START_TEST(a_limit_that_applies_is_faked_if_mlockall_is_emulated)
{
	need_root();
	ck_assert_str_eq(run("rlimit-nobody", FAKE, NULL),
			 "ok limit as before\nok ");
	ck_assert_str_eq(run("rlimit-nobody", FAKE, "LOCKONFAULT_MAX=1M", NULL),
			 "ok limit as before\nok ");
	ck_assert_str_eq(run("rlimit-nobody", FAKE, "LOCKONFAULT_FUTURE=kernel",
			     NULL), "EPERM limit as before\nENOMEM ");
	ck_assert_str_eq(run("rlimit-nobody", FAKE, "LOCKONFAULT_CONVERT=0",
			     NULL), "EPERM limit as before\nENOMEM ");
	ck_assert_str_eq(run("rlimit-none", FAKE, NULL),
			 "EPERM limit as before\nEPERM ");
}
END_TEST

START_TEST(a_limit_is_faked_without_conversion_by_the_capability)
{
	if (tool_is_limited())
		skip("no CAP_IPC_LOCK");
	ck_assert_str_eq(run("rlimit-all", FAKE, "LOCKONFAULT_CONVERT=0", NULL),
			 "ok limit as before\nok ");
}
END_TEST

/* The parent's limit: EPERM by its user's other process, too. */
START_TEST(no_other_failure_is_faked)
{
	ck_assert_str_eq(run("rlimit-others", FAKE, NULL),
			 "EINVAL Bad address Bad address EINVAL EPERM EPERM ok "
			 "limit as before\n");
}
END_TEST

START_TEST(a_faked_limit_is_told)
{
	run_told("rlimit-all", FAKE, "LOCKONFAULT_VERBOSE=1", NULL);
	ck_assert_ptr_nonnull(strstr(ran.err, " preload_helper: setrlimit of "
		"RLIMIT_MEMLOCK, refused by the kernel (EPERM), is answered "
		"with success\n"));
}
END_TEST

START_TEST(locks_stack)
{
	ck_assert_str_eq(run("holds-stack", HOLDS, NULL),
			 "ok ok OOFFFF.. 4\nok ..FFFF.. 4\n"
			 "ok ok .....O.. 4\nok ........ 4\nok ........ 4\n");
	ck_assert_str_eq(run("holds-stack", "LOCKONFAULT_HOLDS=0", NULL),
			 "ok ok OOFFFF.. 4\nok ....FF.. 4\n"
			 "ok ok ........ 4\nok ........ 4\nok ........ 4\n");
	ck_assert_str_eq(run("holds-live", HOLDS, NULL),
			 "ok ok ok ok ok ok ..O...OO 0\n"
			 "ok ok ...O.... 0\n..O...OO 0\nok ........ 0\n"
			 "ok ok ........ 0\n");
	ck_assert_str_eq(run("holds-many", HOLDS, NULL),
			 "0 .O...... 0\nok ........ 0\n");
	ck_assert_str_eq(run("holds-all", HOLDS, NULL),
			 "ok ok ok O...OOOO 0\n");
}
END_TEST

START_TEST(locks_stack_unconverted)
{
	ck_assert_str_eq(run("holds-stack", HOLDS, "LOCKONFAULT_CONVERT=0",
			     NULL),
			 "ok ok FFFFFF.. 6\nok ..FFFF.. 6\n"
			 "ok ok .....O.. 6\nok ........ 6\nok ........ 6\n");
}
END_TEST

START_TEST(locks_stack_by_number)
{
#ifndef LOF_SYSCALL_IS_OURS
	skip("the shim does not intercept syscall()");
#endif
	ck_assert_str_eq(run("holds-by-number", HOLDS, NULL),
			 "ok ok ok ..OO.... 0\nok ........ 0\n");
}
END_TEST

START_TEST(locks_that_stack_fail_as_bare)
{
	ck_assert_str_eq(run("holds-fail", HOLDS, NULL),
			 "ok ENOMEM EINVAL EINVAL EINVAL EINVAL ok ok ENOMEM "
			 "OO...... 0\n");
	need_root();
	/* Without mlock2, a lock on fault within 8 pages populates. */
	ck_assert_str_eq(run("holds-nobody", HOLDS, NULL),
			 tool_is(TOOL_NO_MLOCK2) ?
			 "ok ENOMEM ok .....O.. 6\n" :
			 "ok ENOMEM ok .....O.. 0\n");
}
END_TEST

START_TEST(locks_stack_under_a_bound)
{
	if (tool_is(TOOL_NO_MLOCK2))
		skip("touched pages are locked in full");
	ck_assert_str_eq(run("holds-bound", HOLDS, "LOCKONFAULT_MAX=1M", NULL),
			 "ok ok ..OOOO.. 8\n");
}
END_TEST

/* Each row: the lists, and the output of the commands of skip.c. */
static const struct {
	const char *lists[2];
	const char *locks, *fails, *maps, *all, *current;
} kinds[] = {
	{ { "LOCKONFAULT_SKIP=file" },
	  "ok ..OOOO.. 0\nok ok ..FFF... 4\n"
	  "ok heap O stack . text . ..FFF... 4\n",
	  "ENOMEM EINVAL EINVAL ..OOO... 0\n", "ok ok ..OO.... 0\n",
	  "ok heap O stack O text . ..OOOOOO 0\nok ok ..OOOOOO 0\nthread O\n",
	  "ok heap O stack O text . ..OOOOOO 0\nok ok ...O.OOO 0\nthread .\n" },
	{ { "LOCKONFAULT_SKIP=shm,file:*preload_helper" },
	  "ok OO..OO.. 0\nok ok .F..F... 4\n"
	  "ok heap O stack . text . .F..F... 4\n",
	  "ENOMEM EINVAL EINVAL OO..O... 0\n", "ok ok ..O..... 0\n",
	  "ok heap O stack O text . OO..OOOO 0\nok ok OOO..OOO 0\nthread O\n",
	  "ok heap O stack O text . OO..OOOO 0\nok ok OO...OOO 0\nthread .\n" },
	{ { "LOCKONFAULT_SKIP=anon" },
	  "ok OOOO.... 0\nok ok .FFF.... 4\n"
	  "ok heap O stack . text . .FFF.... 4\n",
	  "ENOMEM EINVAL EINVAL OOOO.... 0\n", "ok ok ...O.... 0\n",
	  "ok heap O stack O text O OOOO.... 0\nok ok OO.OO... 0\nthread .\n",
	  "ok heap O stack O text O OOOO.... 0\nok ok OO.O.... 0\nthread .\n" },
	{ { "LOCKONFAULT_SKIP=heap,stack", "LOCKONFAULT_ONLY=heap,anon" },
	  "ok ....OO.. 0\nok ok ....F... 4\n"
	  "ok heap . stack . text . ....F... 4\n",
	  "ENOMEM EINVAL EINVAL ....O... 0\n", "ok ok ..O..... 0\n",
	  "ok heap . stack . text . ....OOOO 0\nok ok ..O..OOO 0\nthread O\n",
	  "ok heap . stack . text . ....OOOO 0\nok ok .....OOO 0\nthread .\n" },
	{ { "LOCKONFAULT_ONLY=file" },
	  "ok OO...... 0\nok ok .F...... 4\n"
	  "ok heap . stack . text . .F...... 4\n",
	  "ENOMEM EINVAL EINVAL OO...... 0\n", "ok ok ........ 0\n",
	  "ok heap . stack . text O OO...... 0\nok ok OO...... 0\nthread .\n",
	  "ok heap . stack . text O OO...... 0\nok ok OO...... 0\nthread .\n" },
};

#define NKINDS	((int)(sizeof(kinds) / sizeof(kinds[0])))
#define KINDS	kinds[_i].lists[0], kinds[_i].lists[1], NULL

START_TEST(some_kinds_stay_unlocked_by_mlock)
{
	ck_assert_str_eq(run("skip-locks", KINDS), kinds[_i].locks);
	ck_assert_str_eq(run("skip-fails", KINDS), kinds[_i].fails);
	ck_assert_str_eq(run("skip-maps", KINDS), kinds[_i].maps);
}
END_TEST

/* Neither now nor later, and munlockall() ends it. */
START_TEST(some_kinds_stay_unlocked_by_mlockall)
{
	if (tool_is(TOOL_NO_MLOCK2) || tool_is_limited())
		skip("a limit applies, or there is no mlock2");
	run("skip-all", KINDS);
	ck_assert_mem_eq(ran.out, kinds[_i].all, strlen(kinds[_i].all));
	ck_assert_str_eq(ran.out + strlen(kinds[_i].all), "ok ........ 0\n");
	run("skip-current", KINDS);
	ck_assert_mem_eq(ran.out, kinds[_i].current, strlen(kinds[_i].current));
}
END_TEST

/* As without the limit, but a stack of 8 MiB is more than the limit. */
START_TEST(some_kinds_stay_unlocked_under_a_limit)
{
	char *thread;

	need_root();
	if (tool_is(TOOL_NO_MLOCK2))
		skip("no mlock2");
	run("skip-nobody", "LOCKONFAULT_SKIP=shm,file:*preload_helper", NULL);
	thread = strstr(ran.out, "thread");
	ck_assert_ptr_nonnull(thread);
	*thread = '\0';
	ck_assert_str_eq(ran.out, "ok heap O stack O text . OO..OOOO 0\n"
			 "ok ok OOO..OOO 0\n");
}
END_TEST

START_TEST(some_kinds_stay_unlocked_with_other_options)
{
	if (tool_is(TOOL_NO_MLOCK2) || tool_is_limited())
		skip("a limit applies, or there is no mlock2");
	ck_assert_str_eq(run("skip-loaded", "LOCKONFAULT_ALL=1",
			     "LOCKONFAULT_ONLY=stack,file:*_helper", NULL),
			 "heap - stack O text O ........ 0\n");
	ck_assert_str_eq(run("skip-bound", "LOCKONFAULT_MAX=1M",
			     "LOCKONFAULT_SKIP=file", NULL),
			 "ok ..OOOO.. 8\n");
	ck_assert_str_eq(run("skip-grows", "LOCKONFAULT_SKIP=file", NULL),
			 "ok heap O stack O text . ..OOOOOO 0\n");
	ck_assert_str_eq(run("skip-grows", "LOCKONFAULT_SKIP=heap", NULL),
			 "ok heap . stack O text O OOOOOOOO 0\n");
	ck_assert_str_eq(run("skip-locks", "LOCKONFAULT_SKIP=file", HOLDS,
			     NULL), kinds[0].locks);
}
END_TEST

START_TEST(nothing_is_skipped_if_maps_cannot_be_read)
{
	/* Without mlock2, a lock on fault reads /proc, or it populates. */
	ck_assert_str_eq(run_told("skip-blind", "LOCKONFAULT_SKIP=file",
				  "LOCKONFAULT_VERBOSE=1", NULL),
			 tool_is(TOOL_NO_MLOCK2) ? "ok OOOOOO.. 6\n" :
						   "ok OOOOOO.. 0\n");
	ck_assert_ptr_nonnull(strstr(ran.err, ": nothing is skipped: "
		"/proc/self/maps cannot be read\n"));
}
END_TEST

START_TEST(what_is_skipped_is_told)
{
	char expected[64];

	snprintf(expected, sizeof(expected),
		 ": %ld bytes are not locked: skipped\n",
		 2 * sysconf(_SC_PAGESIZE));
	run_told("skip-fails", "LOCKONFAULT_SKIP=file",
		 "LOCKONFAULT_VERBOSE=1", NULL);
	ck_assert_ptr_nonnull(strstr(ran.err, expected));
	run_told("nothing", "LOCKONFAULT_SKIP=anon,none", NULL);
	ck_assert_str_eq(ran.err, "lockonfault: LOCKONFAULT_SKIP: unknown "
			 "value, ignored; known: anon, heap, stack, shm, file, "
			 "file:GLOB, with commas between\n");
}
END_TEST

TCase *run_option_case(void)
{
	TCase *tcase = tcase_create("run options");

	tcase_set_timeout(tcase, 30);
	tcase_add_test(tcase, a_refused_limit_stays_refused);
	tcase_add_test(tcase, a_limit_that_does_not_apply_is_faked);
	tcase_add_test(tcase,
		       a_limit_that_applies_is_faked_if_mlockall_is_emulated);
	tcase_add_test(tcase,
		       a_limit_is_faked_without_conversion_by_the_capability);
	tcase_add_test(tcase, no_other_failure_is_faked);
	tcase_add_test(tcase, a_faked_limit_is_told);
	tcase_add_test(tcase, locks_stack);
	tcase_add_test(tcase, locks_stack_unconverted);
	tcase_add_test(tcase, locks_stack_by_number);
	tcase_add_test(tcase, locks_that_stack_fail_as_bare);
	tcase_add_test(tcase, locks_stack_under_a_bound);
	tcase_add_loop_test(tcase, some_kinds_stay_unlocked_by_mlock, 0, NKINDS);
	tcase_add_loop_test(tcase, some_kinds_stay_unlocked_by_mlockall, 0,
			    NKINDS);
	tcase_add_test(tcase, some_kinds_stay_unlocked_under_a_limit);
	tcase_add_test(tcase, some_kinds_stay_unlocked_with_other_options);
	tcase_add_test(tcase, nothing_is_skipped_if_maps_cannot_be_read);
	tcase_add_test(tcase, what_is_skipped_is_told);
	return tcase;
}
