/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The calls of hooked.h, which only the shim uses. */
#include "config.h"

#include "support/unit.h"

#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/syscall.h>

#include "api/hooked.h"
#include "api/result.h"
#include "kernel/probe.h"
#include "ledger/runs.h"
#include "lockonfault.h"
#include "support/skip.h"
#include "support/unit_arena.h"
#include "kernel/wrapped_sys.h"

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

/* Reads only the ledger: to read /proc would correct the ledger. */
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

START_TEST(refused_shmat_and_shmdt_change_nothing)
{
	ck_assert_int_eq(lof_hold(unit_at(2), unit_len(8), 0), 0);
	UNIT_ASSERT_FAILS(lof_hooked_shmat(-1, unit_at(4), SHM_REMAP),
			  MAP_FAILED, EINVAL);
	UNIT_ASSERT_FAILS(lof_hooked_shmdt(unit_at(4)), -1, EINVAL);
	ck_assert_uint_eq(held_in(0, NPAGES), unit_len(8));
	unit_arena_assert();
}
END_TEST

/* Holes at the front of the range, and mapped pages behind them. */
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

/* If a page cannot be populated, the kernel leaves the range locked. */
START_TEST(lock_that_fails_is_left_as_the_kernel_leaves_it)
{
	ck_assert_int_eq(mprotect(unit_at(6), unit_len(1), PROT_NONE), 0);
	UNIT_ASSERT_FAILS(lof_mlock2(unit_at(4), unit_len(4), 0), -1, ENOMEM);
	ck_assert(!lof_is_locked(unit_pages(4, 8)));
	UNIT_ASSERT_FAILS(lof_hooked_mlock2(unit_at(4), unit_len(4), 0), -1,
			  ENOMEM);
	ck_assert(tool_is(TOOL_NO_MLOCK2) || lof_is_locked(unit_pages(4, 5)));
	UNIT_ASSERT_FAILS(lof_hooked_mlock2(unit_at(4), unit_len(4), 2), -1,
			  EINVAL);
	unit_arena_assert();
}
END_TEST

START_TEST(hooked_mlock_obeys_convert)
{
	ck_assert_int_eq(lof_hooked_mlock(unit_at(2), unit_len(2)), 0);
	ck_assert_int_eq(truth_kind_at(unit_at(2)), LOF_FULL);
	ck_assert_int_eq(lof_set(LOF_CONVERT, LOF_CONVERT_LOCKS), 0);
	ck_assert_int_eq(lof_hooked_mlock(unit_at(8), unit_len(2)), 0);
	ck_assert_int_eq(lof_set(LOF_CONVERT, LOF_CONVERT_OFF), 0);
	if (!tool_is(TOOL_NO_MLOCK2))
		ck_assert_int_eq(truth_kind_at(unit_at(8)), LOF_ONFAULT);
	unit_arena_assert();
}
END_TEST

static char *map_as_libc_does(void)
{
	char *memory = mmap(NULL, unit_len(4), PROT_READ | PROT_WRITE, UNIT_MAP,
			    -1, 0);

	ck_assert_ptr_ne(memory, MAP_FAILED);
	return memory;
}

START_TEST(followed_memory_is_locked)
{
	char *memory = map_as_libc_does();

	lof_hooked_follow(memory, unit_len(2));
	ck_assert_int_eq(truth_kind_at(memory), LOF_NONE);
	ck_assert_int_eq(lof_set(LOF_FUTURE, LOF_FUTURE_EMULATE), 0);
	if (lof_mlockall(MCL_FUTURE | MCL_ONFAULT))
		skip("mlockall is refused");
	memory = map_as_libc_does();
	lof_hooked_follow(memory + unit_len(1), unit_len(2));
	ck_assert_int_eq(truth_kind_at(memory), LOF_NONE);
	ck_assert_int_ne(truth_kind_at(memory + unit_len(1)), LOF_NONE);
	ck_assert_int_ne(truth_kind_at(memory + unit_len(2)), LOF_NONE);
	ck_assert_int_eq(truth_kind_at(memory + unit_len(3)), LOF_NONE);
	ck_assert_int_eq(lof_munlockall(), 0);
}
END_TEST

START_TEST(remapped_pages_are_locked_as_the_kernel_does)
{
	char *shared = mmap(unit_at(10), unit_len(4), PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0);

	ck_assert_ptr_eq(shared, unit_at(10));
	ck_assert_int_eq(lof_mlock2(shared, unit_len(2), MLOCK_ONFAULT), 0);
	ck_assert_int_eq(lof_hooked_remap_file_pages(shared, unit_len(1), 0, 3,
						     0), 0);
	unit_arena_assert();
	ck_assert_int_eq(lof_hooked_remap_file_pages(unit_at(12), unit_len(1),
						     0, 0, 0), 0);
	ck_assert(!lof_is_locked(unit_pages(12, 13)));
	unit_arena_assert();
	UNIT_ASSERT_FAILS(lof_hooked_remap_file_pages(unit_at(20), unit_len(1),
						      0, 3, 0), -1, EINVAL);
	unit_arena_assert();
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
	tcase_add_test(tc, refused_shmat_and_shmdt_change_nothing);
	tcase_add_test(tc, end_of_a_hole_is_found);
	tcase_add_test(tc, lock_that_fails_is_left_as_the_kernel_leaves_it);
	tcase_add_test(tc, hooked_mlock_obeys_convert);
	tcase_add_test(tc, followed_memory_is_locked);
	tcase_add_test(tc, remapped_pages_are_locked_as_the_kernel_does);
	suite_add_tcase(suite, tc);
	return suite;
}
