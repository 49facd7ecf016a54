/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Lock on fault by mlock alone: each way to do it, and other threads that
 * interfere. The tests override the probe of mlock2.
 */
#include "config.h"

#include "support/unit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "kernel/caps.h"
#include "kernel/probe.h"
#include "ledger/resync.h"
#include "ledger/runs.h"
#include "lockonfault.h"
#include "support/truth.h"
#include "support/unit_arena.h"
#include "kernel/wrapped_sys.h"

#define NPAGES	64

static void begin(void)
{
	lof_cap_override(LOF_CAP_MLOCK2, 0);
	lof_cap_override(LOF_CAP_ONFAULT_BY_MLOCK, -1);
	ck_assert(lof_cap_is_there(LOF_CAP_ONFAULT_BY_MLOCK));
	/* The ledger maps its memory at the first lock. */
	unit_arena_begin(NPAGES);
	ck_assert_int_eq(lof_mlock(unit_at(0), 1), 0);
	unit_arena_begin(NPAGES);
}

static void end(void)
{
	lof_cap_override(LOF_CAP_MLOCK2, -1);
}

static void make_hole(size_t start, size_t after)
{
	ck_assert_int_eq(munmap(unit_at(start), unit_len(after - start)), 0);
}

static void lock(size_t start, size_t after)
{
	ck_assert_int_eq(lof_mlock2(unit_at(start), unit_len(after - start),
				    MLOCK_ONFAULT), 0);
}

static size_t resident(size_t start, size_t after)
{
	unsigned char present[NPAGES];
	size_t n = 0;

	ck_assert_int_eq(lof_sys_mincore(unit_pages(start, after), present), 0);
	for (size_t i = 0; i < after - start; i++)
		n += present[i] & 1;
	return n;
}

/* smaps does not show that the lock is on fault, but the ledger does. */
static void assert_tracked(size_t start, size_t after)
{
	struct lof_range range = unit_pages(start, after);
	struct lof_entry run;

	ck_assert_int_eq(lof_ledger_resync(unit_pages(0, NPAGES)), 0);
	ck_assert_int_eq(lof_ledger_around(range.start, &run), 0);
	ck_assert_uint_eq(run.range.start, range.start);
	ck_assert_uint_eq(run.range.end, range.end);
	ck_assert_uint_eq(run.attr, LOF_ATTR(LOF_ONFAULT, LOF_BY_FLAG));
}

/* Only this range is locked, and none of its pages is resident. */
static void assert_locked_alone(size_t start, size_t after)
{
	for (size_t i = 0; i < NPAGES; i++)
		ck_assert_int_eq(lof_is_locked(unit_pages(i, i + 1)),
				 i >= start && i < after);
	ck_assert_uint_eq(resident(start, after), 0);
	assert_tracked(start, after);
}

/* A guard page, as below the stack of a thread. */
static void make_guard(size_t at)
{
	ck_assert_int_eq(mprotect(unit_at(at), unit_len(1), PROT_NONE), 0);
}

START_TEST(guard_below_makes_mlock_stop)
{
	make_guard(9);
	lock(10, 14);
	ck_assert_int_eq(unit_sys.mlock, 1);
	assert_locked_alone(10, 14);
}
END_TEST

/* The library maps no guard page into a hole of the program. */
START_TEST(nothing_is_mapped_beside_the_range)
{
	make_hole(9, 10);
	lock(10, 14);
	ck_assert_int_eq(unit_sys.mmap, 0);
	assert_locked_alone(10, 14);
	ck_assert_uint_eq(lof_first_hole(unit_pages(9, 10)),
			  (uintptr_t)unit_at(9));
}
END_TEST

START_TEST(a_hole_above_makes_mlock_stop)
{
	make_hole(14, 15);
	lock(10, 14);
	ck_assert_int_eq(unit_sys.mlock, 1);
	ck_assert_int_eq(unit_sys.mmap, 0);
	assert_locked_alone(10, 14);
}
END_TEST

START_TEST(a_distant_hole_makes_mlock_stop)
{
	make_hole(50, 51);
	lock(20, 22);
	assert_locked_alone(20, 22);
}
END_TEST

/* The locks between the range and the hole keep their kinds. */
START_TEST(neighbours_keep_their_locks)
{
	make_hole(30, 31);
	lock(24, 26);
	ck_assert_int_eq(lof_mlock2(unit_at(27), unit_len(1), 0), 0);
	lock(20, 22);
	for (size_t i = 0; i < NPAGES; i++)
		ck_assert_int_eq(lof_is_locked(unit_pages(i, i + 1)),
				 (i >= 20 && i < 22) || (i >= 24 && i < 26) ||
				 i == 27);
	ck_assert_uint_eq(resident(0, 30), 1);
	assert_tracked(20, 22);
	assert_tracked(24, 26);
}
END_TEST

static void map_the_hole(void)
{
	ck_assert_ptr_eq(mmap(unit_at(14), unit_len(1), PROT_READ | PROT_WRITE,
			      UNIT_MAP | MAP_FIXED, -1, 0), unit_at(14));
}

/* The range is populated. The page of the other thread is unlocked again. */
START_TEST(hole_that_another_thread_maps_is_left_alone)
{
	make_hole(14, 15);
	unit_sys.before = map_the_hole;
	lock(10, 14);
	for (size_t i = 0; i < NPAGES; i++)
		ck_assert_int_eq(lof_is_locked(unit_pages(i, i + 1)),
				 i >= 10 && i < 14);
	ck_assert_uint_eq(resident(10, 14), 4);
	assert_tracked(10, 14);
}
END_TEST

static void map_a_guard(void)
{
	map_the_hole();
	make_guard(14);
}

/* mlock marks the new page as locked, but fails, as for the hole. */
START_TEST(hole_that_another_thread_maps_a_guard_into_is_left_alone)
{
	make_hole(14, 15);
	unit_sys.before = map_a_guard;
	lock(10, 14);
	for (size_t i = 0; i < NPAGES; i++)
		ck_assert_int_eq(lof_is_locked(unit_pages(i, i + 1)),
				 i >= 10 && i < 14);
	assert_tracked(10, 14);
}
END_TEST

static void unmap_within(void)
{
	make_hole(12, 13);
}

/* Another thread makes a hole in pages 10 to 15, and mlock stops there. */
static void assert_stops_within(void (*make_it)(void))
{
	unit_sys.before = make_it;
	ck_assert_int_eq(lof_mlock2(unit_at(10), unit_len(6), MLOCK_ONFAULT),
			 -1);
	ck_assert_int_eq(errno, ENOMEM);
	ck_assert_ptr_null(unit_sys.before);
	for (size_t i = 0; i < NPAGES; i++)
		ck_assert_int_eq(lof_is_locked(unit_pages(i, i + 1)),
				 i == 10 || i == 11 || i == 15);
}

START_TEST(hole_within_a_range_with_a_locked_end_is_noticed)
{
	make_hole(16, 17);
	lock(15, 16);
	assert_stops_within(unmap_within);
}
END_TEST

static void unmap_within_and_lock_the_end(void)
{
	unmap_within();
	ck_assert_int_eq(lof_sys_mlock(unit_pages(15, 16)), 0);
}

START_TEST(end_that_another_thread_locks_hides_no_hole)
{
	make_hole(16, 17);
	assert_stops_within(unmap_within_and_lock_the_end);
}
END_TEST

static void map_within(void)
{
	ck_assert_ptr_eq(mmap(unit_at(12), unit_len(1), PROT_READ | PROT_WRITE,
			      UNIT_MAP | MAP_FIXED, -1, 0), unit_at(12));
}

/* Then mlock can mark the range at the second try. */
START_TEST(hole_within_that_is_gone_again_is_noticed)
{
	make_hole(16, 17);
	lock(15, 16);
	unit_sys.before = unmap_within;
	unit_sys.after = map_within;
	lock(10, 16);
	ck_assert_ptr_null(unit_sys.after);
	for (size_t i = 0; i < NPAGES; i++)
		ck_assert_int_eq(lof_is_locked(unit_pages(i, i + 1)),
				 i >= 10 && i < 16);
}
END_TEST

static void open_the_guard(void)
{
	ck_assert_int_eq(mprotect(unit_at(9), unit_len(1),
				  PROT_READ | PROT_WRITE), 0);
	*(char *)unit_at(9) = 'x';
}

/* mlock does not stop at the page any more, and populates the range. */
START_TEST(guard_that_another_thread_opens_is_left_alone)
{
	make_guard(9);
	unit_sys.before = open_the_guard;
	lock(10, 14);
	ck_assert_int_eq(*(char *)unit_at(9), 'x');
	for (size_t i = 0; i < NPAGES; i++)
		ck_assert_int_eq(lof_is_locked(unit_pages(i, i + 1)),
				 i >= 10 && i < 14);
	assert_tracked(10, 14);
}
END_TEST

static void unmap_the_guard(void)
{
	ck_assert_int_eq(lof_munmap(unit_at(9), unit_len(1)), 0);
}

/* mlock fails then, as it does for the limit. */
START_TEST(guard_that_another_thread_unmaps_is_not_needed)
{
	make_guard(9);
	unit_sys.before = unmap_the_guard;
	lock(10, 14);
	ck_assert_ptr_null(unit_sys.before);
	for (size_t i = 0; i < NPAGES; i++)
		ck_assert_int_eq(lof_is_locked(unit_pages(i, i + 1)),
				 i >= 10 && i < 14);
	assert_tracked(10, 14);
}
END_TEST

/* The program has locked the guard page itself. */
START_TEST(guard_that_is_locked_stays_locked)
{
	make_guard(9);
	ck_assert_int_eq(lof_sys_mlock(unit_pages(9, 10)), -ENOMEM);
	lock(10, 14);
	for (size_t i = 0; i < NPAGES; i++)
		ck_assert_int_eq(lof_is_locked(unit_pages(i, i + 1)),
				 i >= 9 && i < 14);
	ck_assert_uint_eq(resident(10, 14), 0);
	assert_tracked(10, 14);
}
END_TEST

static void lock_the_guard(void)
{
	ck_assert_int_eq(lof_sys_mlock(unit_pages(9, 10)), -ENOMEM);
}

/* Another thread locks the guard just after smaps showed it unlocked. */
START_TEST(guard_that_another_thread_locks_stays_locked)
{
	make_guard(9);
	unit_sys.read = 0;
	lock(10, 14);
	ck_assert_int_eq(lof_munlock(unit_at(10), unit_len(4)), 0);
	unit_sys.reading_at = unit_sys.read;
	unit_sys.reading = lock_the_guard;
	unit_sys.read = 0;
	lock(10, 14);
	for (size_t i = 0; i < NPAGES; i++)
		ck_assert_int_eq(lof_is_locked(unit_pages(i, i + 1)),
				 i >= 9 && i < 14);
}
END_TEST

static void sync_all(void)
{
	ck_assert_int_eq(lof_sync(), 0);
	ck_assert(lof_is_locked(unit_pages(9, 10)));
}

static void let_another_sync(void)
{
	unit_by_another(sync_all);
}

/* lof_sync() sees the guard locked, but it must not stay in the ledger. */
START_TEST(guard_locked_during_a_sync_is_forgotten)
{
	make_guard(9);
	unit_sys.after = let_another_sync;
	lock(10, 14);
	ck_assert_ptr_null(unit_sys.after);
	for (size_t i = 0; i < NPAGES; i++)
		ck_assert_int_eq(lof_is_locked(unit_pages(i, i + 1)),
				 i >= 10 && i < 14);
	assert_tracked(10, 14);
}
END_TEST

/* A page below the stack would be in the way of its growth. */
START_TEST(no_page_is_put_below_the_stack)
{
	FILE *maps = fopen("/proc/self/maps", "r");
	unsigned long start = 0;
	char line[512], *stack = NULL;

	ck_assert_ptr_nonnull(maps);
	while (!stack && fgets(line, sizeof(line), maps))
		if (strstr(line, "[stack]") &&
		    sscanf(line, "%lx-", &start) == 1)
			stack = (char *)start;
	fclose(maps);
	ck_assert_ptr_nonnull(stack);
	unit_sys.mmap = 0;
	ck_assert_int_eq(lof_mlock2(stack, unit_len(1), MLOCK_ONFAULT), 0);
	ck_assert_int_eq(unit_sys.mmap, 0);
	ck_assert_int_ne(truth_kind_at(stack), LOF_NONE);
	ck_assert_int_eq(truth_kind_at(stack + unit_len(1)), LOF_NONE);
	ck_assert_int_eq(lof_munlock(stack, unit_len(1)), 0);
}
END_TEST

Suite *suite_flag(void)
{
	Suite *suite = suite_create("flag");
	TCase *tc = tcase_create("ways");

	tcase_add_checked_fixture(tc, begin, end);
	tcase_add_test(tc, guard_below_makes_mlock_stop);
	tcase_add_test(tc, nothing_is_mapped_beside_the_range);
	tcase_add_test(tc, a_hole_above_makes_mlock_stop);
	tcase_add_test(tc, a_distant_hole_makes_mlock_stop);
	tcase_add_test(tc, neighbours_keep_their_locks);
	tcase_add_test(tc, hole_that_another_thread_maps_is_left_alone);
	tcase_add_test(tc,
		hole_that_another_thread_maps_a_guard_into_is_left_alone);
	tcase_add_test(tc, hole_within_a_range_with_a_locked_end_is_noticed);
	tcase_add_test(tc, end_that_another_thread_locks_hides_no_hole);
	tcase_add_test(tc, hole_within_that_is_gone_again_is_noticed);
	tcase_add_test(tc, guard_that_another_thread_opens_is_left_alone);
	tcase_add_test(tc, guard_that_another_thread_unmaps_is_not_needed);
	tcase_add_test(tc, guard_that_is_locked_stays_locked);
	tcase_add_test(tc, guard_that_another_thread_locks_stays_locked);
	tcase_add_test(tc, guard_locked_during_a_sync_is_forgotten);
	tcase_add_test(tc, no_page_is_put_below_the_stack);
	suite_add_tcase(suite, tc);
	return suite;
}
