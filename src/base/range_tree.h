/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Ordered set of disjoint ranges, each with an attribute; neighbours with the
 * same attribute are one range. A B+ tree. Pure: no system calls, no locking
 * and no allocation: the caller gives nodes to the tree before a change.
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
 * Keys lie apart from values, so that a search reads whole cache lines of keys.
 * Each key is exactly the first start in its subtree. The unused keys are
 * LOF_TREE_NO_KEY, so that a search needs no count.
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
	struct lof_node *spare;		/* given to the tree, not yet used */
	size_t nspare;
};

struct lof_entry {
	struct lof_range range;
	unsigned int attr;
};

/* Give a node to the tree. Its contents do not matter. */
void lof_tree_give(struct lof_tree *tree, struct lof_node *node);

/*
 * The most spare nodes that n sets in ascending order, or one set or clear
 * (n = 1), can take; also if the tree has grown by a level before them.
 */
size_t lof_tree_need(const struct lof_tree *tree, size_t n);

/*
 * Set the attribute of range. Ranges that were in it are replaced. Takes up to
 * lof_tree_need(tree, 1) nodes.
 */
void lof_tree_set(struct lof_tree *tree, struct lof_range range,
		  unsigned int attr);

/*
 * Remove ranges, or their parts, that lie in range. Takes up to
 * lof_tree_need(tree, 1) nodes.
 */
void lof_tree_clear(struct lof_tree *tree, struct lof_range range);

/*
 * Copy the ranges in from, clipped, to the same offsets from to. Ranges that
 * were at to, for the length of from, are removed; those in from stay. The two
 * must not overlap. For n ranges in from it takes up to lof_tree_need(tree, n)
 * + lof_tree_need(tree, 1) nodes. False: n is 0.
 */
bool lof_tree_copy(struct lof_tree *tree, struct lof_range from, uintptr_t to);

/* A place in the tree; valid until the tree is changed. */
struct lof_cursor {
	const struct lof_node *leaf;
	uint32_t slot;
};

/*
 * Set cursor before the first range that ends above addr; after the last range
 * if all end at or below addr. False: the tree is empty, or addr is above the
 * last page boundary.
 */
bool lof_tree_seek(const struct lof_tree *tree, uintptr_t addr,
		   struct lof_cursor *cursor);

/* Get the range at cursor and step over it. False: there are no more ranges. */
bool lof_tree_next(struct lof_cursor *cursor, struct lof_entry *entry);

/* Find the first range that ends above addr. False: there is none. */
bool lof_tree_find(const struct lof_tree *tree, uintptr_t addr,
		   struct lof_entry *entry);

/*
 * Get the range that addr lies in; or, with attr 0, the gap that addr lies in,
 * up to limit.
 */
void lof_tree_around(const struct lof_tree *tree, uintptr_t addr,
		     uintptr_t limit, struct lof_entry *entry);

/* Find the first range that overlaps range, clipped. False: there is none. */
bool lof_tree_find_in(const struct lof_tree *tree, struct lof_range range,
		      struct lof_entry *entry);

#endif
