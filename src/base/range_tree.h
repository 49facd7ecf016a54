/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Ordered set of disjoint ranges, each with an attribute; neighbours with the
 * same attribute are one range. A B+ tree. Pure: no system calls, no locking,
 * no allocation: nodes are handed in beforehand.
 */
#ifndef LOF_BASE_RANGE_TREE_H
#define LOF_BASE_RANGE_TREE_H

#include "base/range.h"

/*
 * An attribute is 1 to LOF_TREE_ATTR_MAX; it lies in the low bits of a range's
 * end, so the bounds of ranges are multiples of 4096. 0 means "no range".
 */
#define LOF_TREE_ATTR_MAX	0xfffu

/* Ranges in a leaf, children in an inner node. A node fills 1 KiB (64-bit). */
#define LOF_TREE_ORDER		62
#define LOF_TREE_NKEYS		64	/* whole cache lines */
#define LOF_TREE_NO_KEY		(~(uintptr_t)0)

/*
 * Keys lie apart from values, so that a search reads whole lines of them. Each
 * is the first start in its subtree, exactly; behind the last one NO_KEY fills
 * up, so that a search needs no count.
 */
struct lof_node {
	uintptr_t key[LOF_TREE_NKEYS];
	uintptr_t value[LOF_TREE_ORDER]; /* leaf: end | attr; else child */
	struct lof_node *next;		/* of a leaf, or of a spare node */
	uint32_t count;
};

/* All zero is an empty tree. */
struct lof_tree {
	struct lof_node *root;
	unsigned int height;		/* levels of nodes, 0: empty */
	size_t count;			/* ranges */
	struct lof_node *spare;		/* handed in, not yet used */
	size_t nspare;
};

struct lof_entry {
	struct lof_range range;
	unsigned int attr;
};

/* Hand a node in. Its contents do not matter. */
void lof_tree_give(struct lof_tree *tree, struct lof_node *node);

/*
 * Spare nodes that any sequence of ascending sets of n ranges, or one set or
 * clear (n = 1), can take at most, also if the tree grows by a level before.
 */
size_t lof_tree_need(const struct lof_tree *tree, size_t n);

/* Make range have attr, whatever was there. Takes up to need(1) nodes. */
void lof_tree_set(struct lof_tree *tree, struct lof_range range,
		  unsigned int attr);

/* Remove whatever is in range. Takes up to need(1) nodes. */
void lof_tree_clear(struct lof_tree *tree, struct lof_range range);

/*
 * Copy what lies in from, clipped, to where it lies in the range of the same
 * length at to; what was there goes, from is kept. The two do not overlap.
 * Takes up to need(n) + need(1) nodes, n the ranges in from. False: it is 0.
 */
bool lof_tree_copy(struct lof_tree *tree, struct lof_range from, uintptr_t to);

/* A place in the tree, as long as nothing is changed. */
struct lof_cursor {
	const struct lof_node *leaf;
	uint32_t slot;
};

/*
 * Before the first range that ends behind addr, or behind the last one. False:
 * there are no ranges.
 */
bool lof_tree_seek(const struct lof_tree *tree, uintptr_t addr,
		   struct lof_cursor *cursor);

/* Step over a range, and say which. False: there is no other one. */
bool lof_tree_next(struct lof_cursor *cursor, struct lof_entry *entry);

/* Find the first range that ends behind addr. False: there is none. */
bool lof_tree_find(const struct lof_tree *tree, uintptr_t addr,
		   struct lof_entry *entry);

/*
 * The range that addr lies in; or with attr 0 the gap that it lies in, as far
 * as limit.
 */
void lof_tree_around(const struct lof_tree *tree, uintptr_t addr,
		     uintptr_t limit, struct lof_entry *entry);

/* The same as find, clipped to range, and only if it reaches into range. */
bool lof_tree_find_in(const struct lof_tree *tree, struct lof_range range,
		      struct lof_entry *entry);

#endif
