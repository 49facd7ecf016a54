/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A range tree with many ranges: its size, its height, its need of nodes. */
#include "config.h"

#include "support/unit.h"

#include <stdlib.h>

#include "base/tree.h"

static struct unit_tree t;

/* Slot i is page 2 * i, so that no two slots touch. */
#define MANY	((size_t)100000)

static void begin(void)
{
	unit_tree_begin(&t, 16384);
}

static void end(void)
{
	unit_tree_end(&t);
}

static struct lof_range pages(size_t start, size_t after)
{
	return (struct lof_range){ start * PAGE, after * PAGE };
}

static void set(size_t start, size_t after)
{
	unit_tree_allow(&t, lof_tree_need(&t.tree, 1));
	lof_tree_set(&t.tree, pages(start, after), 1);
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

/* The tree is sound and has n ranges. */
static void assert_count(size_t n)
{
	const char *fault = unit_tree_fault(&t, NULL, 0);

	ck_assert_msg(!fault, "%s", fault);
	ck_assert_uint_eq(t.tree.count, n);
}

static void set_slot(size_t slot)
{
	set(2 * slot, 2 * slot + 1);
}

static void clear_slot(size_t slot)
{
	clear(2 * slot, 2 * slot + 1);
}

/* The slots 0 to n - 1 in random order. The caller frees the array. */
static size_t *shuffled(size_t n)
{
	size_t *slot = malloc(n * sizeof(*slot));
	uint64_t state = unit_seed;

	ck_assert_ptr_nonnull(slot);
	for (size_t i = 0; i < n; i++) {
		size_t j = unit_below(&state, i + 1);

		slot[i] = slot[j];
		slot[j] = i;
	}
	return slot;
}

static size_t bytes_a_range(void)
{
	return (unit_tree_used(&t) * sizeof(struct lof_node) +
		t.tree.count - 1) / t.tree.count;
}

START_TEST(ascending_sets_take_at_most_18_bytes_a_range)
{
	for (size_t i = 0; i < MANY; i++)
		set_slot(i);
	assert_count(MANY);
	ck_assert_uint_le(bytes_a_range(), 18);
}
END_TEST

START_TEST(descending_sets_take_at_most_18_bytes_a_range)
{
	for (size_t i = MANY; i-- > 0;)
		set_slot(i);
	assert_count(MANY);
	ck_assert_uint_le(bytes_a_range(), 18);
}
END_TEST

START_TEST(random_sets_take_at_most_26_bytes_a_range)
{
	size_t *slot = shuffled(MANY);

	for (size_t i = 0; i < MANY; i++)
		set_slot(slot[i]);
	free(slot);
	assert_count(MANY);
	ck_assert_uint_le(bytes_a_range(), 26);
}
END_TEST

START_TEST(removal_of_nine_in_ten_leaves_at_most_55_bytes_a_range)
{
	size_t *slot = shuffled(MANY);

	for (size_t i = 0; i < MANY; i++)
		set_slot(slot[i]);
	for (size_t i = 0; i < MANY / 10 * 9; i++)
		clear_slot(slot[i]);
	free(slot);
	assert_count(MANY / 10);
	ck_assert_uint_le(bytes_a_range(), 55);
}
END_TEST

/*
 * So many ranges need four levels. The test clears them from the front, from
 * the back, or in random order.
 */
#define FOUR_LEVELS	((size_t)260000)

START_TEST(tree_grows_four_levels_and_shrinks_to_none)
{
	size_t *slot = shuffled(FOUR_LEVELS);

	for (size_t i = 0; i < FOUR_LEVELS; i++)
		set_slot(i);
	assert_count(FOUR_LEVELS);
	ck_assert_uint_eq(t.tree.height, 4);
	for (size_t i = 0; i < FOUR_LEVELS; i++) {
		clear_slot(_i == 0 ? i : _i == 1 ? FOUR_LEVELS - 1 - i
						 : slot[i]);
		if (i % 8192 == 0 || i + 100 > FOUR_LEVELS)
			assert_count(FOUR_LEVELS - 1 - i);
	}
	free(slot);
	ck_assert_uint_eq(unit_tree_used(&t), 0);
}
END_TEST

START_TEST(one_clear_over_many_removes_them_all)
{
	for (size_t i = 0; i < MANY; i++)
		set_slot(i);
	clear(11, 2 * MANY - 12);
	assert_count(12);
	clear(0, 2 * MANY);
	assert_count(0);
	ck_assert_uint_eq(unit_tree_used(&t), 0);
}
END_TEST

START_TEST(one_set_over_many_replaces_them_all)
{
	for (size_t i = 0; i < MANY; i++)
		set_slot(i);
	set(1, 2 * MANY - 2);
	assert_count(1);
	ck_assert_uint_eq(unit_tree_used(&t), 1);
}
END_TEST

START_TEST(copy_of_many_takes_no_more_nodes_than_said)
{
	const size_t n = MANY / 4;

	for (size_t i = 0; i < n; i++)
		set_slot(i);
	copy(0, 2 * n, 8 * MANY);
	assert_count(2 * n);
	/* Into a gap between ranges, which splits leaves in halves. */
	clear(8 * MANY + n, 8 * MANY + n + n / 2);
	copy(0, n / 2, 8 * MANY + n);
	assert_count(2 * n);
	/* Over other ranges, and onto the odd pages between them. */
	copy(8 * MANY, 8 * MANY + 2 * n, MANY + 1);
	assert_count(3 * n);
	copy(0, 2 * n, MANY);
	assert_count(3 * n);
}
END_TEST

TCase *unit_tree_many(void)
{
	TCase *tc = tcase_create("many");

	tcase_add_checked_fixture(tc, begin, end);
	tcase_set_timeout(tc, UNIT_TIMEOUT);
	tcase_add_test(tc, ascending_sets_take_at_most_18_bytes_a_range);
	tcase_add_test(tc, descending_sets_take_at_most_18_bytes_a_range);
	tcase_add_test(tc, random_sets_take_at_most_26_bytes_a_range);
	tcase_add_test(tc,
		removal_of_nine_in_ten_leaves_at_most_55_bytes_a_range);
	tcase_add_loop_test(tc, tree_grows_four_levels_and_shrinks_to_none,
			    0, 3);
	tcase_add_test(tc, one_clear_over_many_removes_them_all);
	tcase_add_test(tc, one_set_over_many_replaces_them_all);
	tcase_add_test(tc, copy_of_many_takes_no_more_nodes_than_said);
	return tc;
}
