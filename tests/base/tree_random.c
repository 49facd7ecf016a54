/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The same random operations on a tree and on an array with the attribute of
 * each page. The tree gets exactly the nodes that lof_tree_need() asks for.
 */
#include "config.h"

#include "support/unit.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/tree.h"

static struct unit_tree t;

struct model {
	size_t npages;
	uintptr_t base;			/* of the first page */
	unsigned int *attr;
	struct lof_entry *list;
	uint64_t random;
	size_t operation;
	size_t reach;			/* pages of an operation, usually */
	unsigned int tallest;		/* largest height so far */
	bool shrinks;
};

#define ASSERT_OP(m, condition, ...) do {				\
	if (!(condition)) {						\
		fprintf(stderr, "LOF_TEST_SEED=%" PRIu64		\
			", operation %zu\n", unit_seed, (m)->operation); \
		ck_abort_msg(__VA_ARGS__);				\
	}								\
} while (0)

static size_t below(struct model *m, size_t n)
{
	return unit_below(&m->random, n);
}

/* The page numbers of a random part of the pages. */
static void piece_of(struct model *m, size_t *start, size_t *after)
{
	size_t reach = below(m, 100) ? m->reach : m->npages;

	*start = below(m, m->npages);
	*after = *start + 1 + below(m, reach);
	if (*after > m->npages)
		*after = m->npages;
}

static struct lof_range at_pages(const struct model *m, size_t start,
				 size_t after)
{
	return (struct lof_range){ m->base + start * PAGE,
				   m->base + after * PAGE };
}

static void random_set(struct model *m)
{
	unsigned int attr = 1 + (unsigned int)below(m, 3);
	size_t start, after;

	if (below(m, 16) == 0)
		attr = 1 + (unsigned int)below(m, LOF_TREE_ATTR_MAX);
	piece_of(m, &start, &after);
	unit_tree_allow(&t, lof_tree_need(&t.tree, 1));
	lof_tree_set(&t.tree, at_pages(m, start, after), attr);
	while (start < after)
		m->attr[start++] = attr;
}

static void random_clear(struct model *m)
{
	size_t start, after;

	piece_of(m, &start, &after);
	unit_tree_allow(&t, lof_tree_need(&t.tree, 1));
	lof_tree_clear(&t.tree, at_pages(m, start, after));
	while (start < after)
		m->attr[start++] = 0;
}

static void random_copy(struct model *m)
{
	size_t start, after, to, n, ranges = 0;

	piece_of(m, &start, &after);
	n = after - start;
	to = below(m, m->npages);
	if (to + n > m->npages || (to < after && start < to + n))
		return;
	for (size_t i = start; i < after; i++)
		ranges += m->attr[i] && (i == start ||
					 m->attr[i] != m->attr[i - 1]);
	unit_tree_allow(&t, lof_tree_need(&t.tree, ranges) +
			    lof_tree_need(&t.tree, 1));
	lof_tree_copy(&t.tree, at_pages(m, start, after),
		      m->base + to * PAGE);
	memcpy(&m->attr[to], &m->attr[start], n * sizeof(*m->attr));
}

/* The run of pages with one attribute around a page. */
static struct lof_entry run_around(const struct model *m, size_t page)
{
	size_t start = page, after = page;

	while (start > 0 && m->attr[start - 1] == m->attr[page])
		start--;
	while (after < m->npages && m->attr[after] == m->attr[page])
		after++;
	return (struct lof_entry){ at_pages(m, start, after), m->attr[page] };
}

static bool is_same(const struct lof_entry *a, const struct lof_entry *b)
{
	return a->range.start == b->range.start &&
	       a->range.end == b->range.end && a->attr == b->attr;
}

static void random_find(struct model *m)
{
	struct lof_entry found, expected = { .attr = 0 };
	size_t start, after, page;
	bool is_there;

	piece_of(m, &start, &after);
	for (page = start; page < m->npages && !m->attr[page]; page++)
		;
	if (page < m->npages)
		expected = run_around(m, page);
	is_there = lof_tree_find(&t.tree, m->base + start * PAGE +
				 below(m, PAGE), &found);
	ASSERT_OP(m, is_there == (page < m->npages) &&
		     (!is_there || is_same(&found, &expected)),
		  "find at page %zu", start);
	is_there = lof_tree_find_in(&t.tree, at_pages(m, start, after), &found);
	ASSERT_OP(m, is_there == (page < after),
		  "find_in pages %zu to %zu", start, after);
	if (!is_there)
		return;
	expected.range = lof_range_both(expected.range,
					at_pages(m, start, after));
	ASSERT_OP(m, is_same(&found, &expected),
		  "find_in pages %zu to %zu", start, after);
}

static void random_around(struct model *m)
{
	size_t page = below(m, m->npages);
	uintptr_t limit = m->base + m->npages * PAGE;
	struct lof_entry found, expected = run_around(m, page);

	if (!expected.attr && expected.range.start == m->base)
		expected.range.start = 0;
	lof_tree_around(&t.tree, m->base + page * PAGE + below(m, PAGE), limit,
			&found);
	ASSERT_OP(m, is_same(&found, &expected), "around page %zu", page);
}

static void compare(struct model *m)
{
	const char *fault = unit_tree_fault(&t, m->list, m->npages);
	size_t page = 0, after, i;

	ASSERT_OP(m, !fault, "%s", fault);
	if (t.tree.height > m->tallest)
		m->tallest = t.tree.height;
	for (i = 0; i < t.tree.count; i++, page = after) {
		struct lof_entry run;

		while (page < m->npages && !m->attr[page])
			page++;
		ASSERT_OP(m, page < m->npages, "a range too many");
		after = page + 1;
		while (after < m->npages && m->attr[after] == m->attr[page])
			after++;
		run = (struct lof_entry){ at_pages(m, page, after),
					  m->attr[page] };
		ASSERT_OP(m, is_same(&run, &m->list[i]),
			  "the range at page %zu is another", page);
	}
	while (page < m->npages && !m->attr[page])
		page++;
	ASSERT_OP(m, page == m->npages, "a range is missing");
}

/* The tree grows and shrinks in turns, and so passes all its heights. */
static void random_operation(struct model *m, size_t noperations)
{
	size_t dice = below(m, 100);

	if (m->operation % (noperations / 6 + 1) == 0)
		m->shrinks = m->operation / (noperations / 6 + 1) % 3 == 2;
	if (m->shrinks && dice >= 30 && dice < 60)
		random_clear(m);
	else if (dice < 60)
		random_set(m);
	else if (dice < 80)
		random_clear(m);
	else if (dice < 85)
		random_copy(m);
	else if (dice < 95)
		random_find(m);
	else
		random_around(m);
}

/* Begin with n ranges of one page each. */
static void fill(struct model *m, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		m->attr[i] = 1 + (unsigned int)(i & 1);
		unit_tree_allow(&t, lof_tree_need(&t.tree, 1));
		lof_tree_set(&t.tree, at_pages(m, i, i + 1), m->attr[i]);
	}
}

static void run_model(struct model *m, size_t filled, size_t noperations,
		      size_t compare_every)
{
	m->random = unit_seed + (uint64_t)m->base;
	m->attr = calloc(m->npages, sizeof(*m->attr));
	m->list = calloc(m->npages, sizeof(*m->list));
	ck_assert(m->attr && m->list);
	fill(m, filled);
	compare(m);
	for (m->operation = 1; m->operation <= noperations; m->operation++) {
		random_operation(m, noperations);
		if (m->operation % compare_every == 0)
			compare(m);
	}
	compare(m);
	free(m->list);
	free(m->attr);
}

START_TEST(random_operations_agree_with_an_array_of_pages)
{
	const size_t npages = 4096;
	const uintptr_t base[] = {
		0, (uintptr_t)1 << (sizeof(base[0]) * 8 - 3),
		lof_range_limit(PAGE) - npages * PAGE,
	};
	struct model m = { .npages = npages, .base = base[_i], .reach = 8 };

	run_model(&m, 0, unit_ops(100000), 1);
}
END_TEST

START_TEST(random_operations_on_three_levels_agree_with_an_array)
{
	struct model m = { .npages = 65536, .base = (uintptr_t)1 << 30,
			   .reach = 3 };

	run_model(&m, 20000, unit_ops(300000), 64);
	ck_assert_uint_ge(m.tallest, 3);
}
END_TEST

static void begin(void)
{
	unit_tree_begin(&t, 16384);
}

static void end(void)
{
	unit_tree_end(&t);
}

TCase *unit_tree_random(void)
{
	TCase *tc = tcase_create("random");

	tcase_add_checked_fixture(tc, begin, end);
	tcase_set_timeout(tc, UNIT_TIMEOUT);
	tcase_add_loop_test(tc, random_operations_agree_with_an_array_of_pages,
			    0, 3);
	tcase_add_test(tc,
		random_operations_on_three_levels_agree_with_an_array);
	return tc;
}
