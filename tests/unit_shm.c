/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* shmat and its kin, as the shim calls them: what becomes of notes. */
#include "config.h"

#include "unit.h"

#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/syscall.h>

#include "api.h"
#include "hooked.h"
#include "lockonfault.h"
#include "probe.h"
#include "skip.h"
#include "unit_arena.h"
#include "unit_sys.h"

#define NPAGES	64

static int segment;

static void begin(void)
{
	unit_arena_begin(NPAGES);
#ifndef SYS_shmat
	skip("the headers have no number for shmat");
#endif
	segment = shmget(IPC_PRIVATE, unit_len(4), IPC_CREAT | 0600);
	if (segment < 0)
		skip("no segment can be made");
}

static void end(void)
{
	shmctl(segment, IPC_RMID, NULL);
}

static unsigned int holds_at(size_t n)
{
	struct lof_region region;

	ck_assert_int_eq(lof_query(unit_at(n), &region, sizeof(region)), 0);
	return region.holds;
}

static void attach(size_t n)
{
	ck_assert_ptr_eq(lof_hooked_shmat(segment, unit_at(n), SHM_REMAP),
			 unit_at(n));
}

/* Without a look at /proc, which finds that out, too. */
static int count_held(const struct lof_entry *run, void *arg)
{
	size_t *bytes = arg;

	if (run->attr)
		*bytes += lof_range_len(run->range);
	return 0;
}

static size_t held_in(size_t start, size_t after)
{
	size_t bytes = 0;

	ck_assert_int_eq(lof_ledger_each_run(LOF_NOTED_HOLDS,
					     unit_pages(start, after),
					     count_held, &bytes), 0);
	return bytes;
}

START_TEST(segment_over_locked_pages_is_not_locked)
{
	ck_assert_int_eq(lof_mlock2(unit_at(2), unit_len(8), MLOCK_ONFAULT), 0);
	attach(4);
	unit_arena_assert();
	ck_assert_int_eq(lof_hooked_shmdt(unit_at(4)), 0);
	unit_arena_assert();
}
END_TEST

START_TEST(segment_over_held_pages_ends_holds)
{
	ck_assert_int_eq(lof_hold(unit_at(2), unit_len(8), 0), 0);
	attach(4);
	ck_assert_uint_eq(held_in(0, NPAGES), unit_len(4));
	ck_assert_uint_eq(holds_at(3), 1);
	ck_assert_uint_eq(holds_at(4), 0);
	ck_assert_uint_eq(holds_at(8), 1);
	unit_arena_assert();
}
END_TEST

START_TEST(holds_end_with_the_segment)
{
	attach(4);
	ck_assert_int_eq(lof_hold(unit_at(5), unit_len(5), 0), 0);
	ck_assert_int_eq(lof_hooked_shmdt(unit_at(4)), 0);
	ck_assert_uint_eq(held_in(0, NPAGES), unit_len(2));
	ck_assert_uint_eq(holds_at(8), 1);
	unit_arena_assert();
}
END_TEST

START_TEST(what_is_refused_changes_nothing)
{
	ck_assert_int_eq(lof_hold(unit_at(2), unit_len(8), 0), 0);
	UNIT_ASSERT_FAILS(lof_hooked_shmat(-1, unit_at(4), SHM_REMAP),
			  MAP_FAILED, EINVAL);
	UNIT_ASSERT_FAILS(lof_hooked_shmdt(unit_at(4)), -1, EINVAL);
	ck_assert_uint_eq(held_in(0, NPAGES), unit_len(8));
	unit_arena_assert();
}
END_TEST

/* Holes at the front, and mapped pages behind them. */
START_TEST(end_of_a_hole_is_found)
{
	for (size_t hole = 0; hole <= 8; hole++) {
		unit_arena_begin(NPAGES);
		if (hole)
			ck_assert_int_eq(munmap(unit_at(8), unit_len(hole)), 0);
		ck_assert_uint_eq(lof_hole_end(unit_pages(8, 16)),
				  (uintptr_t)unit_at(8 + hole));
	}
}
END_TEST

Suite *suite_shm(void)
{
	Suite *suite = suite_create("shm");
	TCase *tc = tcase_create("calls");

	tcase_add_checked_fixture(tc, begin, end);
	tcase_add_test(tc, segment_over_locked_pages_is_not_locked);
	tcase_add_test(tc, segment_over_held_pages_ends_holds);
	tcase_add_test(tc, holds_end_with_the_segment);
	tcase_add_test(tc, what_is_refused_changes_nothing);
	tcase_add_test(tc, end_of_a_hole_is_found);
	suite_add_tcase(suite, tc);
	return suite;
}
