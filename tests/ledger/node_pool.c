/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Slabs of nodes, and the nodes taken from them. */
#include "config.h"

#include "support/unit.h"

#include "kernel/own_memory.h"
#include "ledger/node_pool.h"
#include "support/truth.h"
#include "kernel/wrapped_sys.h"

#define KIB		((size_t)1024)
#define MIB		(1024 * KIB)
#define NODES(bytes)	((bytes) / sizeof(struct lof_node))

static struct lof_pool pool;
static struct lof_tree tree;

static void begin(void)
{
	unit_sys = (struct unit_sys){ .no_memory = false };
	pool = (struct lof_pool){ .bytes = 0 };
	tree = (struct lof_tree){ .root = NULL };
}

static struct lof_range add_slab(void)
{
	struct lof_range slab;

	ck_assert_int_eq(lof_own_map(lof_pool_slab_size(&pool), &slab), 0);
	lof_pool_slab_add(&pool, slab);
	return slab;
}

START_TEST(slabs_double_the_pool_from_64_KiB_to_2_MiB)
{
	size_t size = lof_pool_slab_size(&pool), bytes = 0;

	ck_assert_uint_eq(size, 64 * KIB);
	while (bytes < 2 * MIB) {
		size = lof_pool_slab_size(&pool);
		ck_assert_uint_eq(size, bytes ? bytes : 64 * KIB);
		add_slab();
		bytes += size;
		ck_assert_uint_eq(pool.bytes, bytes);
	}
	for (int i = 0; i < 3; i++) {
		ck_assert_uint_eq(lof_pool_slab_size(&pool), 2 * MIB);
		add_slab();
	}
}
END_TEST

START_TEST(empty_pool_fills_nothing)
{
	ck_assert(!lof_pool_fill(&pool, &tree, 1));
	ck_assert(lof_pool_fill(&pool, &tree, 0));
	ck_assert_uint_eq(tree.nspare, 0);
}
END_TEST

START_TEST(fill_hands_over_as_many_as_are_missing)
{
	add_slab();
	ck_assert(lof_pool_fill(&pool, &tree, 5));
	ck_assert_uint_eq(tree.nspare, 5);
	ck_assert(lof_pool_fill(&pool, &tree, 3));
	ck_assert_uint_eq(tree.nspare, 5);
	ck_assert(lof_pool_fill(&pool, &tree, 7));
	ck_assert_uint_eq(tree.nspare, 7);
}
END_TEST

START_TEST(fill_gives_a_whole_slab_and_then_asks_for_another)
{
	struct lof_range slab = add_slab();
	size_t nodes = NODES(lof_range_len(slab));

	ck_assert(lof_pool_fill(&pool, &tree, nodes));
	ck_assert_uint_eq(tree.nspare, nodes);
	ck_assert(!lof_pool_fill(&pool, &tree, nodes + 1));
	ck_assert_uint_eq(tree.nspare, nodes);
	/* Each node lies in the slab, and no two at the same address. */
	for (struct lof_node *node = tree.spare; node; node = node->next) {
		ck_assert_uint_ge((uintptr_t)node, slab.start);
		ck_assert_uint_le((uintptr_t)(node + 1), slab.end);
		ck_assert_uint_eq(node->count, 0);
		node->count = 1;
	}
}
END_TEST

START_TEST(restart_gives_the_same_nodes_again)
{
	struct lof_range slab = add_slab();
	struct lof_node *first;

	ck_assert(lof_pool_fill(&pool, &tree, NODES(lof_range_len(slab))));
	ck_assert(!lof_pool_fill(&pool, &tree, tree.nspare + 1));
	first = tree.spare;
	tree = (struct lof_tree){ .root = NULL };
	lof_pool_restart(&pool);
	ck_assert(lof_pool_fill(&pool, &tree, NODES(lof_range_len(slab))));
	ck_assert_ptr_eq(tree.spare, first);
	ck_assert_uint_eq(pool.bytes, lof_range_len(slab));
}
END_TEST

START_TEST(pages_without_a_node_in_use_are_not_resident)
{
	struct lof_range slab = add_slab();
	size_t page = lof_sys_page_size(), nodes = 2 * NODES(page);

	ck_assert_uint_eq(truth_rss(slab.start, slab.end), 0);
	ck_assert(lof_pool_fill(&pool, &tree, nodes));
	ck_assert_uint_eq(truth_rss(slab.start, slab.end), 2 * page);
	ck_assert_uint_eq(truth_rss(slab.start + 2 * page, slab.end), 0);
}
END_TEST

Suite *suite_node_pool(void)
{
	Suite *suite = suite_create("node_pool");
	TCase *tc = tcase_create("node_pool");

	tcase_add_checked_fixture(tc, begin, NULL);
	tcase_add_test(tc, slabs_double_the_pool_from_64_KiB_to_2_MiB);
	tcase_add_test(tc, empty_pool_fills_nothing);
	tcase_add_test(tc, fill_hands_over_as_many_as_are_missing);
	tcase_add_test(tc, fill_gives_a_whole_slab_and_then_asks_for_another);
	tcase_add_test(tc, restart_gives_the_same_nodes_again);
	tcase_add_test(tc, pages_without_a_node_in_use_are_not_resident);
	suite_add_tcase(suite, tc);
	return suite;
}
