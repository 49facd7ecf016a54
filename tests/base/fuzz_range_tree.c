/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libFuzzer: the same operations on a tree and on an array with the attribute
 * of each page. After each operation the structure of the tree is sound, the
 * tree took no more nodes than lof_tree_need() said, and both are equal.
 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/tree.h"

#define NPAGES	256
#define NNODES	80
#define BASE	((uintptr_t)0x10000000)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct unit_tree t;
static unsigned int attrs[NPAGES];

static void demand(bool condition, const char *message)
{
	if (condition)
		return;
	fprintf(stderr, "%s\n", message);
	abort();
}

static struct lof_range at_pages(size_t start, size_t end)
{
	return (struct lof_range){ BASE + start * PAGE, BASE + end * PAGE };
}

/* The run of pages with one attribute around a page. */
static struct lof_entry run_around(size_t page)
{
	size_t start = page, end = page;

	while (start > 0 && attrs[start - 1] == attrs[page])
		start--;
	while (end < NPAGES && attrs[end] == attrs[page])
		end++;
	return (struct lof_entry){ at_pages(start, end), attrs[page] };
}

static bool is_same(const struct lof_entry *a, const struct lof_entry *b)
{
	return a->range.start == b->range.start &&
	       a->range.end == b->range.end && a->attr == b->attr;
}

static void check_structure(void)
{
	struct lof_entry list[NPAGES], run;
	const char *fault = unit_tree_fault(&t, list, NPAGES);
	size_t n = 0;

	if (fault)
		demand(false, fault);
	for (size_t page = 0; page < NPAGES;) {
		run = run_around(page);
		page = (run.range.end - BASE) / PAGE;
		if (!run.attr)
			continue;
		demand(n < t.tree.count && is_same(&list[n], &run),
		       "the tree holds something else");
		n++;
	}
	demand(n == t.tree.count, "the tree holds more");
}

static void set(size_t start, size_t end, unsigned int attr)
{
	unit_tree_allow(&t, lof_tree_need(&t.tree, 1));
	if (attr)
		lof_tree_set(&t.tree, at_pages(start, end), attr);
	else
		lof_tree_clear(&t.tree, at_pages(start, end));
	while (start < end)
		attrs[start++] = attr;
}

static void copy(size_t start, size_t end, size_t to)
{
	size_t n = end - start, ranges = 0;

	if (to + n > NPAGES || (to < end && start < to + n))
		return;
	for (size_t i = start; i < end; i++)
		ranges += attrs[i] && (i == start || attrs[i] != attrs[i - 1]);
	unit_tree_allow(&t, lof_tree_need(&t.tree, ranges) +
			    lof_tree_need(&t.tree, 1));
	lof_tree_copy(&t.tree, at_pages(start, end), BASE + to * PAGE);
	memcpy(&attrs[to], &attrs[start], n * sizeof(*attrs));
}

static void find(size_t start, size_t end)
{
	struct lof_entry found, wanted = { .attr = 0 };
	size_t page = start;
	bool is_there;

	while (page < NPAGES && !attrs[page])
		page++;
	if (page < NPAGES)
		wanted = run_around(page);
	is_there = lof_tree_find(&t.tree, BASE + start * PAGE, &found);
	demand(is_there == (page < NPAGES) &&
	       (!is_there || is_same(&found, &wanted)), "find");
	is_there = lof_tree_find_in(&t.tree, at_pages(start, end), &found);
	wanted.range = lof_range_both(wanted.range, at_pages(start, end));
	demand(is_there == (page < end) &&
	       (!is_there || is_same(&found, &wanted)), "find_in");
	lof_tree_around(&t.tree, BASE + start * PAGE, BASE + NPAGES * PAGE,
			&found);
	wanted = run_around(start);
	if (wanted.range.start == BASE && !wanted.attr)
		wanted.range.start = 0;
	demand(is_same(&found, &wanted), "around");
}

/* Fill the tree with ranges before the first operation, for more levels. */
static void fill(uint8_t how)
{
	size_t step = 2 + (how & 3);

	for (size_t page = 0; how >> 2 && page < NPAGES; page += step)
		if (page / step % 64 < (size_t)how >> 2)
			set(page, page + 1, 1 + page / step % 2);
}

/* Four bytes: operation and attribute; first page; pages; target page. */
static void operate(const uint8_t op[4])
{
	size_t start = op[1], end = start + 1 + op[2] % 64;

	if (end > NPAGES)
		end = NPAGES;
	switch (op[0] & 3) {
	case 0:
		set(start, end, 1 + (op[0] >> 2) % 5);
		break;
	case 1:
		set(start, end, 0);
		break;
	case 2:
		copy(start, end, op[3]);
		break;
	default:
		find(start, end);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!size)
		return 0;
	memset(attrs, 0, sizeof(attrs));
	unit_tree_begin(&t, NNODES);
	fill(data[0]);
	check_structure();
	for (size_t at = 1; at + 4 <= size; at += 4) {
		operate(data + at);
		check_structure();
	}
	unit_tree_end(&t);
	return 0;
}
