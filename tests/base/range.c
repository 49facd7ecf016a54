/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Ranges: rounding to pages, and sums that must not wrap. */
#include "config.h"

#include "support/unit.h"

#include "base/range.h"

#define PAGE	((size_t)4096)
#define LIMIT	(UINTPTR_MAX - PAGE + 1)	/* of lof_range_limit() */

static void assert_widened(uintptr_t addr, size_t len, uintptr_t start,
			   uintptr_t end)
{
	struct lof_range range = { 1, 2 };

	ck_assert_int_eq(lof_range_widen(&range, addr, len, PAGE), 0);
	ck_assert_uint_eq(range.start, start);
	ck_assert_uint_eq(range.end, end);
}

static void assert_refused(uintptr_t addr, size_t len)
{
	struct lof_range range = { 1, 2 };

	ck_assert_int_eq(lof_range_widen(&range, addr, len, PAGE), -EINVAL);
	ck_assert_uint_eq(range.start, 1);
	ck_assert_uint_eq(range.end, 2);
}

START_TEST(widen_of_whole_pages_changes_nothing)
{
	assert_widened(3 * PAGE, 2 * PAGE, 3 * PAGE, 5 * PAGE);
	assert_widened(0, PAGE, 0, PAGE);
}
END_TEST

START_TEST(widen_rounds_the_start_down_and_the_end_up)
{
	assert_widened(3 * PAGE + 1, 1, 3 * PAGE, 4 * PAGE);
	assert_widened(4 * PAGE - 1, 1, 3 * PAGE, 4 * PAGE);
	assert_widened(4 * PAGE - 1, 2, 3 * PAGE, 5 * PAGE);
	assert_widened(3 * PAGE, PAGE + 1, 3 * PAGE, 5 * PAGE);
	assert_widened(3 * PAGE + 1, PAGE - 1, 3 * PAGE, 4 * PAGE);
}
END_TEST

START_TEST(widen_of_no_bytes_at_a_boundary_is_empty)
{
	struct lof_range range;

	ck_assert_int_eq(lof_range_widen(&range, 3 * PAGE, 0, PAGE), 0);
	ck_assert(lof_range_is_empty(range));
	ck_assert_uint_eq(range.start, 3 * PAGE);
}
END_TEST

/* As in the kernel: mlock(addr + 1, 0) covers the page of addr. */
START_TEST(widen_of_no_bytes_inside_a_page_is_that_page)
{
	assert_widened(3 * PAGE + 1, 0, 3 * PAGE, 4 * PAGE);
}
END_TEST

START_TEST(widen_uses_the_given_page_size)
{
	struct lof_range range;

	ck_assert_int_eq(lof_range_widen(&range, 0x12345, 1, 0x10000), 0);
	ck_assert_uint_eq(range.start, 0x10000);
	ck_assert_uint_eq(range.end, 0x20000);
}
END_TEST

START_TEST(widen_up_to_the_last_boundary_is_allowed)
{
	assert_widened(LIMIT - PAGE, PAGE, LIMIT - PAGE, LIMIT);
	assert_widened(LIMIT - 1, 1, LIMIT - PAGE, LIMIT);
	assert_widened(0, LIMIT, 0, LIMIT);
	assert_widened(LIMIT, 0, LIMIT, LIMIT);
}
END_TEST

START_TEST(widen_behind_the_last_boundary_is_einval)
{
	assert_refused(LIMIT, 1);
	assert_refused(LIMIT - PAGE, PAGE + 1);
	assert_refused(LIMIT + 1, 0);
	assert_refused(UINTPTR_MAX, 0);
	assert_refused(0, SIZE_MAX);
}
END_TEST

START_TEST(widen_that_wraps_is_einval)
{
	assert_refused(2 * PAGE, SIZE_MAX);
	assert_refused(UINTPTR_MAX, 2);
	assert_refused(UINTPTR_MAX, SIZE_MAX);
}
END_TEST

/* The end is 0, or is rounded to 0. The kernel returns success. */
START_TEST(widen_that_wraps_to_0_is_einval)
{
	assert_refused(PAGE, SIZE_MAX - PAGE + 1);
	assert_refused(PAGE, SIZE_MAX - PAGE);
	assert_refused(LIMIT, PAGE);
	assert_refused(LIMIT, PAGE - 1);
}
END_TEST

START_TEST(limit_is_the_last_boundary_of_any_page_size)
{
	ck_assert_uint_eq(lof_range_limit(PAGE), LIMIT);
	ck_assert_uint_eq(lof_range_limit(0x10000), UINTPTR_MAX - 0xffff);
	ck_assert_uint_eq(lof_range_all(PAGE).start, 0);
	ck_assert_uint_eq(lof_range_all(PAGE).end, LIMIT);
}
END_TEST

START_TEST(len_of_an_empty_or_turned_range_is_0)
{
	ck_assert_uint_eq(lof_range_len((struct lof_range){ 5, 9 }), 4);
	ck_assert_uint_eq(lof_range_len((struct lof_range){ 5, 5 }), 0);
	ck_assert_uint_eq(lof_range_len((struct lof_range){ 9, 5 }), 0);
	ck_assert(!lof_range_is_empty((struct lof_range){ 5, 6 }));
	ck_assert(lof_range_is_empty((struct lof_range){ 5, 5 }));
	ck_assert(lof_range_is_empty((struct lof_range){ 9, 5 }));
}
END_TEST

START_TEST(both_is_the_overlap_of_two_ranges)
{
	const struct lof_range a = { 2, 8 }, b = { 5, 9 }, c = { 3, 4 };
	struct lof_range both = lof_range_both(a, b);

	ck_assert_uint_eq(both.start, 5);
	ck_assert_uint_eq(both.end, 8);
	both = lof_range_both(b, a);
	ck_assert_uint_eq(both.start, 5);
	ck_assert_uint_eq(both.end, 8);
	both = lof_range_both(a, c);
	ck_assert_uint_eq(both.start, 3);
	ck_assert_uint_eq(both.end, 4);
	ck_assert(lof_range_is_empty(lof_range_both(b, c)));
}
END_TEST

START_TEST(overlaps_asks_for_a_shared_byte)
{
	const struct lof_range a = { 2, 8 }, inside = { 4, 4 };

	ck_assert(lof_range_overlaps(a, (struct lof_range){ 7, 9 }));
	ck_assert(lof_range_overlaps(a, (struct lof_range){ 0, 3 }));
	ck_assert(lof_range_overlaps(a, (struct lof_range){ 3, 4 }));
	ck_assert(lof_range_overlaps((struct lof_range){ 3, 4 }, a));
	ck_assert(!lof_range_overlaps(a, (struct lof_range){ 8, 9 }));
	ck_assert(!lof_range_overlaps(a, (struct lof_range){ 0, 2 }));
	ck_assert(!lof_range_overlaps(a, inside));
	ck_assert(!lof_range_overlaps(inside, a));
}
END_TEST

Suite *suite_range(void)
{
	Suite *suite = suite_create("range");
	TCase *tc = tcase_create("range");

	tcase_add_test(tc, widen_of_whole_pages_changes_nothing);
	tcase_add_test(tc, widen_rounds_the_start_down_and_the_end_up);
	tcase_add_test(tc, widen_of_no_bytes_at_a_boundary_is_empty);
	tcase_add_test(tc, widen_of_no_bytes_inside_a_page_is_that_page);
	tcase_add_test(tc, widen_uses_the_given_page_size);
	tcase_add_test(tc, widen_up_to_the_last_boundary_is_allowed);
	tcase_add_test(tc, widen_behind_the_last_boundary_is_einval);
	tcase_add_test(tc, widen_that_wraps_is_einval);
	tcase_add_test(tc, widen_that_wraps_to_0_is_einval);
	tcase_add_test(tc, limit_is_the_last_boundary_of_any_page_size);
	tcase_add_test(tc, len_of_an_empty_or_turned_range_is_0);
	tcase_add_test(tc, both_is_the_overlap_of_two_ranges);
	tcase_add_test(tc, overlaps_asks_for_a_shared_byte);
	suite_add_tcase(suite, tc);
	return suite;
}
