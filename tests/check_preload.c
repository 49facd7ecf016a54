/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The shim, from outside: preload_helper runs under the shim and prints its
 * locks by smaps. A run must print nothing else.
 */
#include "config.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "preload/run.h"
#include "support/tool.h"

START_TEST(locks_are_on_fault_by_default)
{
	ck_assert_str_eq(run("locks", NULL), LOCKS_ON_FAULT);
	ck_assert_str_eq(run("all", NULL), ALL_ON_FAULT);
	ck_assert_str_eq(run("maps", NULL), MAPS_ON_FAULT);
}
END_TEST

START_TEST(locks_by_number_are_on_fault)
{
	ck_assert_str_eq(run("syscall-locks", NULL), LOCKS_ON_FAULT);
	ck_assert_str_eq(run("syscall-all", NULL), ALL_ON_FAULT);
	ck_assert_str_eq(run("syscall-maps", NULL), MAPS_ON_FAULT);
}
END_TEST

START_TEST(convert_1_is_the_default)
{
	ck_assert_str_eq(run("locks", "LOCKONFAULT_CONVERT=1", NULL),
			 LOCKS_ON_FAULT);
	ck_assert_str_eq(run("all", "LOCKONFAULT_CONVERT=1", NULL),
			 ALL_ON_FAULT);
	ck_assert_str_eq(run("maps", "LOCKONFAULT_CONVERT=1", NULL),
			 MAPS_ON_FAULT);
}
END_TEST

START_TEST(convert_2_drops_map_populate)
{
	ck_assert_str_eq(run("locks", "LOCKONFAULT_CONVERT=2", NULL),
			 LOCKS_ON_FAULT);
	ck_assert_str_eq(run("maps", "LOCKONFAULT_CONVERT=2", NULL),
			 MAPS_DROPPED);
	ck_assert_str_eq(run("syscall-maps", "LOCKONFAULT_CONVERT=2", NULL),
			 MAPS_DROPPED);
}
END_TEST

START_TEST(convert_2_drops_map_populate_of_memory_that_is_locked_later)
{
	static const char keeps[] = "ok ........ 8\nok OOOOOOOO 8\n"
				    "ok ........ 8\nok ........ 8\n";

	ck_assert_str_eq(run("lfs-model", NULL), keeps);
	ck_assert_str_eq(run("lfs-model", "LOCKONFAULT_CONVERT=2", NULL),
			 "ok ........ 0\nok OOOOOOOO 0\n"
			 "ok ........ 0\nok ........ 0\n");
	ck_assert_str_eq(run("lfs-model", "LOCKONFAULT_CONVERT=2",
			     "LOCKONFAULT_DISABLE=1", NULL),
			 "ok ........ 8\nok FFFFFFFF 8\n"
			 "ok ........ 8\nok ........ 8\n");
}
END_TEST

/* Both settings keep full locks. Only the first uses the ledger. */
static const char *const eager[] = {
	"LOCKONFAULT_CONVERT=0", "LOCKONFAULT_DISABLE=1",
};

START_TEST(locks_are_full_without_conversion)
{
	ck_assert_str_eq(run("locks", eager[_i], NULL), LOCKS_FULL);
	ck_assert_str_eq(run("all", eager[_i], NULL), ALL_FULL);
	ck_assert_str_eq(run("maps", eager[_i], NULL), MAPS_FULL);
	ck_assert_str_eq(run("syscall-locks", eager[_i], NULL), LOCKS_FULL);
	ck_assert_str_eq(run("syscall-all", eager[_i], NULL), ALL_FULL);
	ck_assert_str_eq(run("syscall-maps", eager[_i], NULL), MAPS_FULL);
}
END_TEST

START_TEST(mmap_of_large_files_is_interposed)
{
	ck_assert_str_eq(run("lfs-map", NULL), "ok .OOO.... 0\n");
	ck_assert_str_eq(run("lfs-map64", NULL), "ok .OOO.... 0\n");
	ck_assert_str_eq(run("lfs-map", eager[1], NULL), "ok .FFF.... 3\n");
	ck_assert_str_eq(run("lfs-map64", eager[1], NULL), "ok .FFF.... 3\n");
	ck_assert_str_eq(run("lfs-map-far", NULL),
			 "ok ok ok ok ff OO..OO.. 2\n");
	ck_assert_str_eq(run("lfs-map-far", eager[1], NULL),
			 "ok ok ok ok ff FF..FF.. 4\n");
}
END_TEST

START_TEST(offsets_of_2_gib_and_more_are_positive)
{
	ck_assert_str_eq(run("map-far", NULL), "ok f\n");
	ck_assert_str_eq(run("map-far", eager[1], NULL), "ok f\n");
}
END_TEST

START_TEST(a_ring_is_mapped_into_a_hole)
{
	ck_assert_str_eq(run("ring", NULL),
			 "ok ok ok r OOOO 0\nOOOOOOOO 1\n");
	ck_assert_str_eq(run("ring", eager[1], NULL),
			 "ok ok ok r FFFF 4\nFFFFFFFF 8\n");
}
END_TEST

START_TEST(mremap_keeps_locks_on_fault)
{
	ck_assert_str_eq(run("remaps", NULL),
			 "ok ok ok OOOOOO-- 1\nok OOOOOOOO 1\n"
			 "ok OOOOOO-- 1\nok 1 O..OOO-- 0\nOO 1\nb 6\n"
			 "EINVAL O..OOO-- 0\n");
	ck_assert_str_eq(run("syscall-remaps", NULL),
			 "ok ok ----OOOO 1\nok ----OO-- 1\n"
			 "ok OO--..-- 1\nb\n");
}
END_TEST

START_TEST(other_system_calls_pass_through)
{
	const char expected[] = "ok ok EAGAIN EBADF ok ok yz\n";

	ck_assert_str_eq(run("syscall-others", NULL), expected);
	ck_assert_str_eq(run("syscall-others", eager[1], NULL), expected);
}
END_TEST

START_TEST(bits_that_no_int_holds_are_answered_as_by_the_kernel)
{
	char bare[sizeof(ran.out)];

	strcpy(bare, run("syscall-wide", "LD_PRELOAD=", NULL));
	ck_assert_uint_gt(strlen(bare), 0);
	ck_assert_str_eq(run("syscall-wide", NULL), bare);
	ck_assert_str_eq(run("syscall-wide", eager[0], NULL), bare);
	ck_assert_str_eq(run("syscall-wide", eager[1], NULL), bare);
}
END_TEST

START_TEST(discard_is_translated_if_locks_are_converted)
{
	ck_assert_str_eq(run("discard", NULL), "ok ok ok OO...... 0\n");
	ck_assert_str_eq(run("discard", "LOCKONFAULT_CONVERT=0", NULL),
			 "ok EINVAL ok FF...... 2\n");
	ck_assert_str_eq(run("discard", "LOCKONFAULT_CONVERT=0",
			     "LOCKONFAULT_DISCARD=translate", NULL),
			 "ok ok ok FF...... 0\n");
	ck_assert_str_eq(run("discard", "LOCKONFAULT_DISCARD=fail", NULL),
			 "ok EINVAL ok OO...... 1\n");
	ck_assert_str_eq(run("discard", "LOCKONFAULT_DISCARD=translate", NULL),
			 "ok ok ok OO...... 0\n");
	ck_assert_str_eq(run("syscall-discard",
			     "LOCKONFAULT_DISCARD=translate", NULL),
			 "ok ok OO...... 0\n");
	ck_assert_str_eq(run("discard", "LOCKONFAULT_DISCARD=translate",
			     "LOCKONFAULT_DISABLE=1", NULL),
			 "ok EINVAL ok FF...... 2\n");
}
END_TEST

START_TEST(refusals_by_the_limit_change_nothing)
{
	ck_assert_str_eq(run("limits", NULL),
			 "ok ok EAGAIN OO..---- 2\nEAGAIN OO..---- 2\nbc\n"
			 "ENOMEM ENOMEM ok OO..---- 2\n"
			 "EPERM EPERM OO..---- 2\n");
}
END_TEST

/* The errno of a mapping that the kernel refuses for more than one reason. */
START_TEST(mapping_of_any_size_is_refused_as_by_the_kernel)
{
	static const char *const limits[] = {
		"sizes-limited", "sizes-unprivileged", "sizes-narrow",
	};
	char bare[sizeof(ran.out)];

	strcpy(bare, run(limits[_i], "LD_PRELOAD=", NULL));
	ck_assert_str_eq(run(limits[_i], NULL), bare);
}
END_TEST

START_TEST(mlockall_of_current_memory_locks_what_fits)
{
	ck_assert_str_eq(run("limit-current", NULL),
			 "ok .... 0\nOOOOOOOO 0\nok OO..OOOO 0\n");
	ck_assert_str_eq(run("limit-current", eager[_i], NULL),
			 "ENOMEM .... 0\n........ 0\nok ........ 0\n");
}
END_TEST

START_TEST(memory_that_fits_the_limit_is_locked)
{
	ck_assert_str_eq(run("limit-fits", NULL), "ok O ok OOOOOOOO 0\n");
}
END_TEST

START_TEST(program_that_asks_for_onfault_is_answered_by_the_kernel)
{
	if (tool_is(TOOL_NO_MLOCK2))
		skip("without mlock2 the kernel does not know MCL_ONFAULT");
	ck_assert_str_eq(run("limit-asked", NULL), "ok EAGAIN ........ 0\n");
	ck_assert_str_eq(run("limit-asked", "LOCKONFAULT_MAX=1M", NULL),
			 "ok EAGAIN ........ 0\n");
}
END_TEST

START_TEST(child_starts_unlocked_and_locks_on_fault)
{
	ck_assert_str_eq(run("child", NULL),
			 "ok ........ 1\nok ..OO.... 1\nOOOO.... 1\n");
}
END_TEST

START_TEST(child_locks_on_fault_again_if_told)
{
	ck_assert_str_eq(run("child", "LOCKONFAULT_FORK=relock", NULL),
			 "ok OOOO.... 1\nok OOOO.... 1\nOOOO.... 1\n");
	ck_assert_str_eq(run("child", "LOCKONFAULT_FORK=relock", eager[0],
			     NULL),
			 "ok OOOO.... 4\nok OOFF.... 4\nFFFF.... 4\n");
	ck_assert_str_eq(run("child", "LOCKONFAULT_FORK=forget", NULL),
			 "ok ........ 1\nok ..OO.... 1\nOOOO.... 1\n");
}
END_TEST

START_TEST(huge_pages_are_split_if_told)
{
	ck_assert_str_eq(run("huge", NULL), "ok huge\n");
	ck_assert_str_eq(run("huge", "LOCKONFAULT_HUGE=split", NULL),
			 "ok split\n");
	ck_assert_str_eq(run("huge", "LOCKONFAULT_HUGE=keep", NULL),
			 "ok huge\n");
}
END_TEST

START_TEST(droppable_memory_is_answered_as_by_the_kernel)
{
	char plain[64];

	snprintf(plain, sizeof(plain), "%s", run("droppable", eager[1], NULL));
	if (strcmp(plain, "none\n") == 0)
		skip("no MAP_DROPPABLE before Linux 6.11");
	ck_assert_str_eq(plain, "ok ok ........ 8\n");
	ck_assert_str_eq(run("droppable", NULL), plain);
}
END_TEST

static const char *const ways_to_call[][2] = {
	{ "shm", "remap-file" }, { "syscall-shm", "syscall-remap-file" },
};

/*
 * Without /proc the library does not know the size of a segment that the kernel
 * locked, and reports its first page. Without mlock2, or under a limit, the
 * library itself locked the segment.
 */
START_TEST(attached_segments_are_tracked)
{
	char told[200];

	snprintf(told, sizeof(told), "ok ok O..O.... O..O.... 0\n"
		 "EINVAL EINVAL ok O.OO.... O.OO.... 0\n"
		 "ok EINVAL O..O.... O--O.... 0\n"
		 "ok ok %s OOOO.... 0\nok ",
		 tool_is(TOOL_NO_MLOCK2) || tool_is_limited() ? "OOOO...."
							      : "OO.O....");
	ck_assert_str_eq(run(ways_to_call[_i][0], NULL), told);
}
END_TEST

/* libc maps the stacks unseen, and the library emulates MCL_FUTURE. */
START_TEST(stacks_of_threads_are_locked)
{
	ck_assert_str_eq(run("stacks", "LOCKONFAULT_FUTURE=emulate", NULL),
			 "OO\nOO\n");
}
END_TEST

START_TEST(stacks_of_threads_in_the_place_of_others_are_locked)
{
	if (tool_is_limited())
		skip("the stacks do not fit a limit");
	ck_assert_str_eq(run("large-stacks", "LOCKONFAULT_FUTURE=emulate",
			     NULL),
			 "OO\nOO\n");
}
END_TEST

/* The kernel locks the pages of remap_file_pages() in full. */
START_TEST(remapped_pages_are_tracked_as_full)
{
	ck_assert_str_eq(run(ways_to_call[_i][1], NULL),
			 "ok ok ok OFOO.... OFOO.... 1\n"
			 "EINVAL OFOO.... OFOO.... 1\n");
}
END_TEST

/* preload_own is preload_helper with its own functions of these names. */
static const char *run_own(const char *command, const char *setting)
{
	return run_as(built("preload_own"), command, setting, NULL);
}

START_TEST(program_with_its_own_calls_locks_on_fault)
{
	static const char *const commands[] = {
		"locks", "all", "maps", "remaps", "discard", "limits", "shm",
		"remap-file", "syscall-locks", "syscall-maps",
	};
	char expected[sizeof(ran.out)];

	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		strcpy(expected, run(commands[i], NULL));
		ck_assert_str_eq(run_own(commands[i], NULL), expected);
	}
}
END_TEST

START_TEST(program_with_its_own_calls_is_left_alone)
{
	ck_assert_str_eq(run_own("locks", eager[_i]), LOCKS_FULL);
	ck_assert_str_eq(run_own("all", eager[_i]), ALL_FULL);
	ck_assert_str_eq(run_own("maps", eager[_i]), MAPS_FULL);
	ck_assert_str_eq(run_own("discard", eager[_i]),
			 "ok EINVAL ok FF...... 2\n");
}
END_TEST

/* The shim's constructor runs after that of preload_early, then before. */
START_TEST(locks_before_main_are_on_fault)
{
	char order[2][2 * PATH_MAX];

	snprintf(order[0], sizeof(order[0]), "LD_PRELOAD=%s:%s",
		 built(SHIM),
		 built(".libs/preload_early.so"));
	snprintf(order[1], sizeof(order[1]), "LD_PRELOAD=%s:%s",
		 built(".libs/preload_early.so"),
		 built(SHIM));
	for (int i = 0; i < 2; i++) {
		ck_assert_str_eq(run("early", order[i], NULL),
				 "OOOO 0\nOOOO 0\nOOOO 0\n");
		ck_assert_str_eq(run("early", order[i], eager[1], NULL),
				 "FFFF 4\nFFFF 4\nFFFF 4\n");
		ck_assert_str_eq(run("early", order[i], eager[0], NULL),
				 "FFFF 4\nFFFF 4\nFFFF 4\n");
	}
}
END_TEST

START_TEST(programs_that_lock_to_prefault_are_left_alone)
{
	static const char *const name[] = {
		"fio", "memlockd", "prelockd", "vmtouch",
	};
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", scratch, name[_i]);
	ck_assert_int_eq(symlink(built("preload_helper"), path), 0);
	ck_assert_str_eq(run_as(path, "locks", NULL), LOCKS_FULL);
	ck_assert_str_eq(run_as(path, "syscall-maps", NULL), MAPS_FULL);
	ck_assert_int_eq(unlink(path), 0);
	strcat(path, "2");
	ck_assert_int_eq(symlink(built("preload_helper"), path), 0);
	ck_assert_str_eq(run_as(path, "locks", NULL), LOCKS_ON_FAULT);
	ck_assert_int_eq(unlink(path), 0);
}
END_TEST

START_TEST(program_that_links_the_library_has_one_ledger)
{
	ck_assert_str_eq(run_as(built("preload_linked"), "", NULL),
			 "..O.F.OO 2 6 2\n");
}
END_TEST

START_TEST(mappings_before_libc_starts_decide_nothing)
{
	const char *path = built("preload_preinit");

	ck_assert_str_eq(run_as(path, "", NULL), "OOOOOOOO\n");
	ck_assert_str_eq(run_as(path, "", eager[0], NULL), "FFFFFFFF\n");
	ck_assert_str_eq(run_as(path, "", eager[1], NULL), "FFFFFFFF\n");
}
END_TEST

/*
 * Bytes of stack that the shim and the library take besides the bare call. With
 * the frame of a signal, which takes 3 KiB with AVX-512, the sum is 5 KiB.
 */
#define STACK_MORE	2160

START_TEST(calls_use_little_stack)
{
	char bare[sizeof(ran.out)], *at = bare, *more = ran.out;
	unsigned long alone, taken;

#ifndef __OPTIMIZE__
	skip("unoptimized code takes more of the stack");
#endif
	strcpy(bare, run("stack", "LD_PRELOAD=", NULL));
	run("stack", NULL);
	for (int call = 0; call < 18; call++) {
		alone = strtoul(at, &at, 10);
		taken = strtoul(more, &more, 10);
		ck_assert(alone && taken);
		ck_assert_msg(taken <= alone + STACK_MORE,
			      "call %d: %lu, alone %lu", call, taken, alone);
	}
}
END_TEST

START_TEST(nothing_is_printed_unasked)
{
	ck_assert_str_eq(run("nothing", NULL), "");
}
END_TEST

static Suite *preload_suite(void)
{
	Suite *suite = suite_create("preload");
	TCase *tcase = tcase_create("shim");

	suite_add_tcase(suite, tcase);
	tcase_set_timeout(tcase, 30);
	tcase_add_test(tcase, locks_are_on_fault_by_default);
	tcase_add_test(tcase, locks_by_number_are_on_fault);
	tcase_add_test(tcase, convert_1_is_the_default);
	tcase_add_test(tcase, convert_2_drops_map_populate);
	tcase_add_test(tcase,
		convert_2_drops_map_populate_of_memory_that_is_locked_later);
	tcase_add_loop_test(tcase, locks_are_full_without_conversion, 0, 2);
	tcase_add_test(tcase, mmap_of_large_files_is_interposed);
	tcase_add_test(tcase, offsets_of_2_gib_and_more_are_positive);
	tcase_add_test(tcase, a_ring_is_mapped_into_a_hole);
	tcase_add_test(tcase, mremap_keeps_locks_on_fault);
	tcase_add_test(tcase, other_system_calls_pass_through);
	tcase_add_test(tcase,
		       bits_that_no_int_holds_are_answered_as_by_the_kernel);
	tcase_add_test(tcase, discard_is_translated_if_locks_are_converted);
	tcase_add_test(tcase, refusals_by_the_limit_change_nothing);
	tcase_add_test(tcase, memory_that_fits_the_limit_is_locked);
	tcase_add_loop_test(tcase, mlockall_of_current_memory_locks_what_fits,
			    0, 2);
	tcase_add_loop_test(tcase,
			    mapping_of_any_size_is_refused_as_by_the_kernel, 0,
			    3);
	tcase_add_test(tcase,
		       program_that_asks_for_onfault_is_answered_by_the_kernel);
	tcase_add_test(tcase, child_starts_unlocked_and_locks_on_fault);
	tcase_add_test(tcase, child_locks_on_fault_again_if_told);
	tcase_add_test(tcase, huge_pages_are_split_if_told);
	tcase_add_test(tcase, droppable_memory_is_answered_as_by_the_kernel);
	tcase_add_loop_test(tcase, attached_segments_are_tracked, 0, 2);
	tcase_add_test(tcase, stacks_of_threads_are_locked);
	tcase_add_test(tcase,
		       stacks_of_threads_in_the_place_of_others_are_locked);
	tcase_add_loop_test(tcase, remapped_pages_are_tracked_as_full, 0, 2);
	tcase_add_test(tcase, program_with_its_own_calls_locks_on_fault);
	tcase_add_loop_test(tcase, program_with_its_own_calls_is_left_alone, 0,
			    2);
	tcase_add_test(tcase, locks_before_main_are_on_fault);
	tcase_add_loop_test(tcase,
			    programs_that_lock_to_prefault_are_left_alone, 0, 4);
	tcase_add_test(tcase, program_that_links_the_library_has_one_ledger);
	tcase_add_test(tcase, mappings_before_libc_starts_decide_nothing);
	tcase_add_test(tcase, calls_use_little_stack);
	tcase_add_test(tcase, nothing_is_printed_unasked);
	suite_add_tcase(suite, log_case());
	suite_add_tcase(suite, environment_case());
	suite_add_tcase(suite, chain_case());
	suite_add_tcase(suite, filter_case());
	suite_add_tcase(suite, run_option_case());
	suite_add_tcase(suite, thread_case());
	return suite;
}

int main(void)
{
	int status = run_begin();

	if (status)
		return status;
	status = run_suites(srunner_create(preload_suite()));
	run_end();
	return status;
}
