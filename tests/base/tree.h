/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A tree of ranges in the hands of a test: nodes that are counted, some of them
 * traps that no operation may take, and a check of the whole structure.
 */
#ifndef UNIT_TREE_H
#define UNIT_TREE_H

#include <check.h>

#include "base/range_tree.h"

#define PAGE	((uintptr_t)4096)

struct unit_tree {
	struct lof_tree tree;
	size_t given;			/* nodes handed in, in use or spare */
	struct lof_node *kept;		/* nodes not handed in */
	struct lof_node *trap;		/* spare for ever, below all others */
	struct lof_node *arena;
};

/* Begin with an empty tree and n nodes that are not yet handed in. */
void unit_tree_begin(struct unit_tree *t, size_t n);
void unit_tree_end(struct unit_tree *t);

/* Make the tree have n nodes that it may take, no more and no less. */
void unit_tree_allow(struct unit_tree *t, size_t n);

/* Nodes in use. */
size_t unit_tree_used(const struct unit_tree *t);

/*
 * Everything that is true of every tree; a sentence about what is not, else
 * NULL. The ranges found go to list, in order, as far as max.
 */
const char *unit_tree_fault(const struct unit_tree *t, struct lof_entry *list,
			    size_t max);

/* The parts of suite_range_tree() that have a file of their own. */
TCase *unit_tree_many(void);
TCase *unit_tree_random(void);

#endif
