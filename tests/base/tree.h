/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A range tree for tests. Its nodes are counted; some nodes are traps that no
 * operation may take. unit_tree_fault() checks the whole structure.
 */
#ifndef UNIT_TREE_H
#define UNIT_TREE_H

#include <check.h>

#include "base/range_tree.h"

#define PAGE	((uintptr_t)4096)

struct unit_tree {
	struct lof_tree tree;
	size_t given;			/* nodes of the tree, in use or spare */
	struct lof_node *kept;		/* nodes not yet given to the tree */
	struct lof_node *trap;		/* the last spare nodes, never taken */
	struct lof_node *arena;
};

/* Begin with an empty tree, and n nodes that the tree does not have yet. */
void unit_tree_begin(struct unit_tree *t, size_t n);
void unit_tree_end(struct unit_tree *t);

/* Give the tree exactly n spare nodes besides the traps. */
void unit_tree_allow(struct unit_tree *t, size_t n);

/* Nodes in use. */
size_t unit_tree_used(const struct unit_tree *t);

/*
 * Check the structure. Returns NULL, or a description of the fault. Writes up
 * to max ranges of the tree to list, in order.
 */
const char *unit_tree_fault(const struct unit_tree *t, struct lof_entry *list,
			    size_t max);

/* The parts of suite_range_tree() that have a file of their own. */
TCase *unit_tree_many(void);
TCase *unit_tree_random(void);

#endif
