/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A check of the whole structure of a tree. */
#include "config.h"

#include "base/tree.h"

#include <stdlib.h>

#define NTRAPS		16
#define TRAP_MARK	0x7a9b7a9bu

/* The least entries of a node. HEIGHT_MAX of range_tree.c relies on it. */
#define LEAST		3

void unit_tree_begin(struct unit_tree *t, size_t n)
{
	*t = (struct unit_tree){ .given = NTRAPS };
	t->arena = calloc(n + NTRAPS, sizeof(*t->arena));
	t->trap = t->arena + n;
	for (size_t i = 0; i < NTRAPS; i++) {
		lof_tree_give(&t->tree, &t->trap[i]);
		t->trap[i].count = TRAP_MARK;
	}
	for (size_t i = 0; i < n; i++) {
		t->arena[i].next = t->kept;
		t->kept = &t->arena[i];
	}
}

void unit_tree_end(struct unit_tree *t)
{
	free(t->arena);
}

void unit_tree_allow(struct unit_tree *t, size_t n)
{
	struct lof_node *node;

	for (; t->tree.nspare < NTRAPS + n; t->given++) {
		node = t->kept;
		if (!node)
			abort();	/* the test began with too few nodes */
		t->kept = node->next;
		lof_tree_give(&t->tree, node);
	}
	for (; t->tree.nspare > NTRAPS + n; t->given--) {
		node = t->tree.spare;
		t->tree.spare = node->next;
		t->tree.nspare--;
		node->next = t->kept;
		t->kept = node;
	}
}

size_t unit_tree_used(const struct unit_tree *t)
{
	return t->given - t->tree.nspare;
}

/* The state of a walk over the nodes. */
struct walk {
	const struct lof_tree *tree;
	struct lof_entry *list;
	size_t max, ranges, nodes;
	const struct lof_node *leaf;	/* the last leaf */
	struct lof_entry last;
};

static const char *leaf_fault(struct walk *walk, const struct lof_node *leaf)
{
	if (walk->leaf && walk->leaf->next != leaf)
		return "a leaf is not chained to the next";
	walk->leaf = leaf;
	for (uint32_t i = 0; i < leaf->count; i++) {
		struct lof_entry entry = {
			{ leaf->key[i],
			  leaf->value[i] & ~(uintptr_t)LOF_TREE_ATTR_MAX },
			(unsigned int)(leaf->value[i] & LOF_TREE_ATTR_MAX),
		};

		if (lof_range_is_empty(entry.range))
			return "a range is empty";
		if (!entry.attr)
			return "a range has no attribute";
		if (walk->ranges && entry.range.start < walk->last.range.end)
			return "ranges overlap or are out of order";
		if (walk->ranges && entry.attr == walk->last.attr &&
		    entry.range.start == walk->last.range.end)
			return "equal neighbours are not one range";
		if (walk->ranges < walk->max)
			walk->list[walk->ranges] = entry;
		walk->last = entry;
		walk->ranges++;
	}
	return NULL;
}

static const char *node_fault(struct walk *walk, const struct lof_node *node,
			      unsigned int level)
{
	bool is_leaf = level + 1 == walk->tree->height;
	unsigned int least = level ? LEAST : is_leaf ? 1 : 2;
	const char *fault;

	walk->nodes++;
	if (node->count > LOF_TREE_ORDER)
		return "a node has more entries than fit";
	if (node->count < least)
		return "a node has too few entries";
	for (uint32_t i = 1; i < node->count; i++)
		if (node->key[i - 1] >= node->key[i])
			return "keys are not in order";
	if (is_leaf)
		return leaf_fault(walk, node);
	for (uint32_t i = 0; i < node->count; i++) {
		const struct lof_node *child =
			(const struct lof_node *)node->value[i];

		if (node->key[i] != child->key[0])
			return "a separator is not the first start below it";
		fault = node_fault(walk, child, level + 1);
		if (fault)
			return fault;
	}
	return NULL;
}

static const char *spare_fault(const struct unit_tree *t)
{
	size_t n = 0;

	for (const struct lof_node *node = t->tree.spare; node;
	     node = node->next)
		if (++n > t->tree.nspare)
			break;
	if (n != t->tree.nspare)
		return "nspare is not the number of spare nodes";
	for (size_t i = 0; i < NTRAPS; i++)
		if (t->trap[i].count != TRAP_MARK)
			return "more nodes were taken than said";
	return NULL;
}

const char *unit_tree_fault(const struct unit_tree *t, struct lof_entry *list,
			    size_t max)
{
	const struct lof_tree *tree = &t->tree;
	struct walk walk = { .tree = tree, .list = list, .max = max };
	const char *fault = spare_fault(t);

	if (fault)
		return fault;
	if (!tree->root != !tree->height)
		return "height and root do not fit";
	if (tree->root)
		fault = node_fault(&walk, tree->root, 0);
	if (fault)
		return fault;
	if (walk.leaf && walk.leaf->next)
		return "the last leaf has a next one";
	if (walk.ranges != tree->count)
		return "count is not the number of ranges";
	if (walk.nodes != unit_tree_used(t))
		return "a node is lost, or in use and spare";
	return NULL;
}
