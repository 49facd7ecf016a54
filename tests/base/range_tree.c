/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The range tree, by examples. */
#include "config.h"

#include "support/unit.h"

#include <stdio.h>

#include "base/tree.h"

#define LIMIT	(1000 * PAGE)		/* of lof_tree_around() */

static struct unit_tree t;

static void begin(void)
{
	unit_tree_begin(&t, 64);
}

static void end(void)
{
	unit_tree_end(&t);
}

static struct lof_range pages(size_t start, size_t after)
{
	return (struct lof_range){ start * PAGE, after * PAGE };
}

static void set(size_t start, size_t after, unsigned int attr)
{
	unit_tree_allow(&t, lof_tree_need(&t.tree, 1));
	lof_tree_set(&t.tree, pages(start, after), attr);
}

static void clear(size_t start, size_t after)
{
	unit_tree_allow(&t, lof_tree_need(&t.tree, 1));
	lof_tree_clear(&t.tree, pages(start, after));
}

static void copy(size_t start, size_t after, size_t to)
{
	unit_tree_allow(&t, lof_tree_need(&t.tree, t.tree.count) +
			    lof_tree_need(&t.tree, 1));
	lof_tree_copy(&t.tree, pages(start, after), to * PAGE);
}

static void assert_sound(void)
{
	const char *fault = unit_tree_fault(&t, NULL, 0);

	ck_assert_msg(!fault, "%s", fault);
}

/* Expect these ranges of pages and their attributes, as "1-3:1 5-7:2". */
static void assert_holds(const char *expected)
{
	struct lof_entry list[64];
	char text[64 * 24] = "", *at = text;
	const char *fault = unit_tree_fault(&t, list, 64);

	ck_assert_msg(!fault, "%s", fault);
	ck_assert_uint_le(t.tree.count, 64);
	for (size_t i = 0; i < t.tree.count; i++)
		at += sprintf(at, "%s%zu-%zu:%u", i ? " " : "",
			      (size_t)(list[i].range.start / PAGE),
			      (size_t)(list[i].range.end / PAGE),
			      list[i].attr);
	ck_assert_str_eq(text, expected);
}

static void assert_entry(const struct lof_entry *entry, size_t start,
			 size_t after, unsigned int attr)
{
	ck_assert_uint_eq(entry->range.start, start * PAGE);
	ck_assert_uint_eq(entry->range.end, after * PAGE);
	ck_assert_uint_eq(entry->attr, attr);
}

START_TEST(node_fills_1_KiB)
{
	if (sizeof(void *) == 8)
		ck_assert_uint_eq(sizeof(struct lof_node), 1024);
	else
		ck_assert_uint_le(sizeof(struct lof_node), 1024);
}
END_TEST

START_TEST(tree_of_zeros_is_empty)
{
	struct lof_entry entry;

	assert_holds("");
	ck_assert(!lof_tree_find(&t.tree, 0, &entry));
	ck_assert(!lof_tree_find_in(&t.tree, pages(0, 9), &entry));
	lof_tree_clear(&t.tree, pages(0, 9));
	lof_tree_copy(&t.tree, pages(0, 4), 4 * PAGE);
	assert_holds("");
}
END_TEST

START_TEST(set_alone_is_one_range)
{
	set(3, 5, 1);
	assert_holds("3-5:1");
}
END_TEST

START_TEST(set_of_an_empty_range_does_nothing)
{
	set(3, 5, 1);
	set(4, 4, 2);
	set(8, 6, 2);
	assert_holds("3-5:1");
}
END_TEST

START_TEST(set_in_the_middle_splits_the_range)
{
	set(1, 9, 1);
	set(3, 5, 2);
	assert_holds("1-3:1 3-5:2 5-9:1");
}
END_TEST

START_TEST(set_of_the_same_attribute_inside_changes_nothing)
{
	set(1, 9, 1);
	set(3, 5, 1);
	set(1, 2, 1);
	set(8, 9, 1);
	assert_holds("1-9:1");
}
END_TEST

START_TEST(set_beside_the_left_one_coalesces)
{
	set(1, 3, 1);
	set(3, 5, 1);
	assert_holds("1-5:1");
}
END_TEST

START_TEST(set_beside_the_right_one_coalesces)
{
	set(3, 5, 1);
	set(1, 3, 1);
	assert_holds("1-5:1");
}
END_TEST

START_TEST(set_between_two_coalesces_with_both)
{
	set(1, 3, 1);
	set(5, 7, 1);
	set(3, 5, 1);
	assert_holds("1-7:1");
}
END_TEST

START_TEST(set_over_the_edges_of_two_coalesces_with_both)
{
	set(1, 4, 1);
	set(6, 9, 1);
	set(3, 7, 1);
	assert_holds("1-9:1");
}
END_TEST

START_TEST(neighbours_of_different_attributes_stay_apart)
{
	set(1, 3, 1);
	set(5, 7, 3);
	set(3, 5, 2);
	assert_holds("1-3:1 3-5:2 5-7:3");
}
END_TEST

START_TEST(set_coalesces_with_the_neighbour_of_its_attribute_only)
{
	set(1, 3, 1);
	set(5, 7, 2);
	set(3, 5, 2);
	assert_holds("1-3:1 3-7:2");
	set(3, 4, 1);
	assert_holds("1-4:1 4-7:2");
}
END_TEST

START_TEST(set_one_page_away_does_not_coalesce)
{
	set(1, 3, 1);
	set(4, 6, 1);
	assert_holds("1-3:1 4-6:1");
}
END_TEST

START_TEST(set_over_several_replaces_them)
{
	for (size_t i = 0; i < 10; i++)
		set(10 * i, 10 * i + 4, 1 + i % 2);
	set(12, 83, 3);
	assert_holds("0-4:1 10-12:2 12-83:3 83-84:1 90-94:2");
}
END_TEST

START_TEST(set_cuts_the_edges_it_overlaps)
{
	set(1, 5, 1);
	set(8, 12, 2);
	set(4, 9, 3);
	assert_holds("1-4:1 4-9:3 9-12:2");
}
END_TEST

START_TEST(every_bit_of_an_attribute_is_kept)
{
	set(1, 3, LOF_TREE_ATTR_MAX);
	set(3, 5, LOF_TREE_ATTR_MAX - 1);
	assert_holds("1-3:4095 3-5:4094");
}
END_TEST

START_TEST(set_reaches_both_ends_of_the_address_space)
{
	struct lof_range all = lof_range_all(PAGE);
	struct lof_entry entry;

	unit_tree_allow(&t, lof_tree_need(&t.tree, 1));
	lof_tree_set(&t.tree, all, 1);
	assert_sound();
	set(5, 6, 2);
	assert_sound();
	ck_assert(lof_tree_find(&t.tree, all.end - PAGE, &entry));
	ck_assert_uint_eq(entry.range.start, 6 * PAGE);
	ck_assert_uint_eq(entry.range.end, all.end);
	unit_tree_allow(&t, lof_tree_need(&t.tree, 1));
	lof_tree_clear(&t.tree, all);
	assert_holds("");
}
END_TEST

START_TEST(clear_in_the_middle_leaves_both_ends)
{
	set(1, 9, 1);
	clear(3, 5);
	assert_holds("1-3:1 5-9:1");
}
END_TEST

START_TEST(clear_of_the_front_leaves_the_back)
{
	set(3, 9, 1);
	clear(1, 5);
	assert_holds("5-9:1");
}
END_TEST

START_TEST(clear_of_the_back_leaves_the_front)
{
	set(3, 9, 1);
	clear(5, 12);
	assert_holds("3-5:1");
}
END_TEST

START_TEST(clear_of_the_whole_removes_the_range)
{
	set(1, 3, 1);
	set(4, 6, 1);
	set(7, 9, 1);
	clear(4, 6);
	assert_holds("1-3:1 7-9:1");
	clear(0, 20);
	assert_holds("");
	ck_assert_ptr_null(t.tree.root);
}
END_TEST

START_TEST(clear_of_a_gap_or_nothing_changes_nothing)
{
	set(1, 3, 1);
	set(5, 7, 1);
	clear(3, 5);
	clear(0, 1);
	clear(7, 99);
	clear(2, 2);
	clear(6, 2);
	assert_holds("1-3:1 5-7:1");
}
END_TEST

START_TEST(clear_over_several_cuts_the_outer_ones)
{
	for (size_t i = 0; i < 10; i++)
		set(10 * i, 10 * i + 4, 1);
	clear(12, 83);
	assert_holds("0-4:1 10-12:1 83-84:1 90-94:1");
}
END_TEST

START_TEST(copy_takes_clipped_ranges_along)
{
	set(0, 4, 1);
	set(6, 8, 2);
	set(9, 15, 1);
	copy(2, 11, 102);
	assert_holds("0-4:1 6-8:2 9-15:1 102-104:1 106-108:2 109-111:1");
}
END_TEST

START_TEST(copy_works_downwards_too)
{
	set(100, 104, 1);
	set(106, 108, 2);
	copy(102, 107, 2);
	assert_holds("2-4:1 6-7:2 100-104:1 106-108:2");
}
END_TEST

START_TEST(copy_replaces_the_target)
{
	set(0, 2, 1);
	set(8, 20, 2);
	copy(0, 4, 10);
	assert_holds("0-2:1 8-10:2 10-12:1 14-20:2");
}
END_TEST

START_TEST(copy_of_a_gap_clears_the_target)
{
	set(8, 20, 2);
	copy(0, 4, 10);
	assert_holds("8-10:2 14-20:2");
}
END_TEST

START_TEST(copy_coalesces_with_the_neighbours_of_the_target)
{
	set(0, 4, 1);
	set(8, 10, 1);
	set(14, 16, 1);
	copy(0, 4, 10);
	assert_holds("0-4:1 8-16:1");
	copy(0, 4, 4);
	assert_holds("0-16:1");
}
END_TEST

START_TEST(find_gives_the_first_range_that_ends_behind)
{
	struct lof_entry entry;

	set(2, 4, 1);
	set(4, 6, 2);
	set(9, 11, 3);
	ck_assert(lof_tree_find(&t.tree, 0, &entry));
	assert_entry(&entry, 2, 4, 1);
	ck_assert(lof_tree_find(&t.tree, 2 * PAGE, &entry));
	assert_entry(&entry, 2, 4, 1);
	ck_assert(lof_tree_find(&t.tree, 4 * PAGE - 1, &entry));
	assert_entry(&entry, 2, 4, 1);
	ck_assert(lof_tree_find(&t.tree, 4 * PAGE, &entry));
	assert_entry(&entry, 4, 6, 2);
	ck_assert(lof_tree_find(&t.tree, 6 * PAGE, &entry));
	assert_entry(&entry, 9, 11, 3);
	ck_assert(!lof_tree_find(&t.tree, 11 * PAGE, &entry));
}
END_TEST

START_TEST(find_in_clips_to_the_given_range)
{
	struct lof_entry entry;

	set(2, 6, 1);
	ck_assert(lof_tree_find_in(&t.tree, pages(3, 5), &entry));
	assert_entry(&entry, 3, 5, 1);
	ck_assert(lof_tree_find_in(&t.tree, pages(0, 3), &entry));
	assert_entry(&entry, 2, 3, 1);
	ck_assert(lof_tree_find_in(&t.tree, pages(5, 9), &entry));
	assert_entry(&entry, 5, 6, 1);
}
END_TEST

START_TEST(find_in_a_gap_finds_nothing)
{
	struct lof_entry entry;

	set(2, 4, 1);
	set(6, 8, 1);
	ck_assert(!lof_tree_find_in(&t.tree, pages(0, 2), &entry));
	ck_assert(!lof_tree_find_in(&t.tree, pages(4, 6), &entry));
	ck_assert(!lof_tree_find_in(&t.tree, pages(8, 99), &entry));
	ck_assert(!lof_tree_find_in(&t.tree, pages(3, 3), &entry));
	ck_assert(!lof_tree_find_in(&t.tree, pages(7, 3), &entry));
}
END_TEST

START_TEST(around_a_tracked_page_is_its_range)
{
	struct lof_entry entry;

	set(2, 6, 1);
	set(6, 8, 2);
	lof_tree_around(&t.tree, 5 * PAGE, LIMIT, &entry);
	assert_entry(&entry, 2, 6, 1);
	lof_tree_around(&t.tree, 6 * PAGE + 1, LIMIT, &entry);
	assert_entry(&entry, 6, 8, 2);
}
END_TEST

START_TEST(around_an_untracked_page_is_the_gap)
{
	struct lof_entry entry;

	lof_tree_around(&t.tree, 5 * PAGE, LIMIT, &entry);
	assert_entry(&entry, 0, 1000, 0);
	set(2, 4, 1);
	set(6, 8, 2);
	lof_tree_around(&t.tree, 0, LIMIT, &entry);
	assert_entry(&entry, 0, 2, 0);
	lof_tree_around(&t.tree, 4 * PAGE, LIMIT, &entry);
	assert_entry(&entry, 4, 6, 0);
	lof_tree_around(&t.tree, 6 * PAGE - 1, LIMIT, &entry);
	assert_entry(&entry, 4, 6, 0);
	lof_tree_around(&t.tree, 8 * PAGE, LIMIT, &entry);
	assert_entry(&entry, 8, 1000, 0);
}
END_TEST

START_TEST(around_the_last_byte_of_all_is_the_last_gap)
{
	struct lof_entry entry;

	for (size_t n = 1; n <= 8 * LOF_TREE_ORDER; n++) {
		set(2 * n, 2 * n + 1, 1);
		lof_tree_around(&t.tree, UINTPTR_MAX, UINTPTR_MAX, &entry);
		ck_assert_uint_eq(entry.range.start, (2 * n + 1) * PAGE);
		ck_assert_uint_eq(entry.range.end, UINTPTR_MAX);
		ck_assert_uint_eq(entry.attr, 0);
		ck_assert(!lof_tree_find(&t.tree, UINTPTR_MAX, &entry));
	}
}
END_TEST

static TCase *examples(void)
{
	TCase *tc = tcase_create("examples");

	tcase_add_checked_fixture(tc, begin, end);
	tcase_add_test(tc, node_fills_1_KiB);
	tcase_add_test(tc, tree_of_zeros_is_empty);
	tcase_add_test(tc, set_alone_is_one_range);
	tcase_add_test(tc, set_of_an_empty_range_does_nothing);
	tcase_add_test(tc, set_in_the_middle_splits_the_range);
	tcase_add_test(tc, set_of_the_same_attribute_inside_changes_nothing);
	tcase_add_test(tc, set_beside_the_left_one_coalesces);
	tcase_add_test(tc, set_beside_the_right_one_coalesces);
	tcase_add_test(tc, set_between_two_coalesces_with_both);
	tcase_add_test(tc, set_over_the_edges_of_two_coalesces_with_both);
	tcase_add_test(tc, neighbours_of_different_attributes_stay_apart);
	tcase_add_test(tc,
		set_coalesces_with_the_neighbour_of_its_attribute_only);
	tcase_add_test(tc, set_one_page_away_does_not_coalesce);
	tcase_add_test(tc, set_over_several_replaces_them);
	tcase_add_test(tc, set_cuts_the_edges_it_overlaps);
	tcase_add_test(tc, every_bit_of_an_attribute_is_kept);
	tcase_add_test(tc, set_reaches_both_ends_of_the_address_space);
	tcase_add_test(tc, clear_in_the_middle_leaves_both_ends);
	tcase_add_test(tc, clear_of_the_front_leaves_the_back);
	tcase_add_test(tc, clear_of_the_back_leaves_the_front);
	tcase_add_test(tc, clear_of_the_whole_removes_the_range);
	tcase_add_test(tc, clear_of_a_gap_or_nothing_changes_nothing);
	tcase_add_test(tc, clear_over_several_cuts_the_outer_ones);
	tcase_add_test(tc, copy_takes_clipped_ranges_along);
	tcase_add_test(tc, copy_works_downwards_too);
	tcase_add_test(tc, copy_replaces_the_target);
	tcase_add_test(tc, copy_of_a_gap_clears_the_target);
	tcase_add_test(tc, copy_coalesces_with_the_neighbours_of_the_target);
	tcase_add_test(tc, find_gives_the_first_range_that_ends_behind);
	tcase_add_test(tc, find_in_clips_to_the_given_range);
	tcase_add_test(tc, find_in_a_gap_finds_nothing);
	tcase_add_test(tc, around_a_tracked_page_is_its_range);
	tcase_add_test(tc, around_an_untracked_page_is_the_gap);
	tcase_add_test(tc, around_the_last_byte_of_all_is_the_last_gap);
	return tc;
}

Suite *suite_range_tree(void)
{
	Suite *suite = suite_create("range_tree");

	suite_add_tcase(suite, examples());
	suite_add_tcase(suite, unit_tree_many());
	suite_add_tcase(suite, unit_tree_random());
	return suite;
}
