/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* lof_populate() before Linux 5.14, and lof_discard() before Linux 5.18. */
#include "config.h"

#include "support/unit.h"

#include <string.h>
#include <sys/mman.h>

#include "kernel/caps.h"
#include "lockonfault.h"
#include "support/unit_arena.h"

#define NPAGES	32

static size_t rss(size_t start, size_t after)
{
	return truth_rss((uintptr_t)unit_at(start), (uintptr_t)unit_at(after));
}

static void begin(void)
{
	unit_arena_begin(NPAGES);
	lof_cap_override(LOF_CAP_POPULATE, 0);
	lof_cap_override(LOF_CAP_DONTNEED_LOCKED, 0);
}

static void end(void)
{
	lof_cap_override(LOF_CAP_POPULATE, -1);
	lof_cap_override(LOF_CAP_DONTNEED_LOCKED, -1);
}

START_TEST(populate_before_5_14_touches_each_page)
{
	char *page = unit_at(4);

	*page = 'x';
	ck_assert_int_eq(lof_populate(unit_at(2), unit_len(6), PROT_WRITE), 0);
	ck_assert_uint_eq(rss(0, NPAGES), unit_len(6));
	ck_assert_int_eq(*page, 'x');
	ck_assert_int_eq(lof_populate(unit_at(10), unit_len(2), PROT_READ), 0);
}
END_TEST

START_TEST(populate_before_5_14_fails_as_the_kernel_does)
{
	ck_assert_int_eq(mprotect(unit_at(3), unit_len(1), PROT_READ), 0);
	UNIT_ASSERT_FAILS(lof_populate(unit_at(2), unit_len(4), PROT_WRITE), -1,
			  EFAULT);
	ck_assert_int_eq(lof_munmap(unit_at(12), unit_len(1)), 0);
	UNIT_ASSERT_FAILS(lof_populate(unit_at(10), unit_len(4), PROT_WRITE),
			  -1, ENOMEM);
	/* The pages before the hole are resident, as in the kernel. */
	ck_assert_uint_eq(rss(10, 12), unit_len(2));
	ck_assert_uint_eq(rss(13, 14), 0);
}
END_TEST

START_TEST(discard_before_5_18_keeps_locks_of_both_kinds)
{
	ck_assert_int_eq(lof_mlock2(unit_at(2), unit_len(4), MLOCK_ONFAULT), 0);
	ck_assert_int_eq(lof_mlock2(unit_at(6), unit_len(4), 0), 0);
	memset(unit_at(2), 1, unit_len(8));
	ck_assert_int_eq(lof_discard(unit_at(4), unit_len(2)), 0);
	ck_assert_uint_eq(rss(4, 6), 0);
	ck_assert_int_eq(*(char *)unit_at(3), 1);
	/* A full lock populates its range again, with new pages. */
	ck_assert_int_eq(lof_discard(unit_at(8), unit_len(2)), 0);
	ck_assert_int_eq(*(char *)unit_at(8), 0);
	ck_assert_int_eq(*(char *)unit_at(7), 1);
	unit_arena_assert();
	ck_assert_int_eq(truth_kind_at(unit_at(4)), LOF_ONFAULT);
	ck_assert_int_eq(truth_kind_at(unit_at(8)), LOF_FULL);
}
END_TEST

START_TEST(discard_before_5_18_of_unlocked_memory_is_madvise)
{
	memset(unit_at(0), 1, unit_len(4));
	ck_assert_int_eq(lof_discard(unit_at(1), unit_len(2)), 0);
	ck_assert_uint_eq(rss(0, 4), unit_len(2));
	unit_arena_assert();
}
END_TEST

Suite *suite_old_kernels(void)
{
	Suite *suite = suite_create("old kernels");
	TCase *tc = tcase_create("before 5.14 and 5.18");

	tcase_add_checked_fixture(tc, begin, end);
	tcase_add_test(tc, populate_before_5_14_touches_each_page);
	tcase_add_test(tc, populate_before_5_14_fails_as_the_kernel_does);
	tcase_add_test(tc, discard_before_5_18_keeps_locks_of_both_kinds);
	tcase_add_test(tc, discard_before_5_18_of_unlocked_memory_is_madvise);
	suite_add_tcase(suite, tc);
	return suite;
}
