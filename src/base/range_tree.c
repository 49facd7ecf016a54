/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The tree of ranges. Leaves and inner nodes have the same layout, so that the
 * same code moves entries between two leaves or two inner nodes. Every key is
 * exactly the first start in its subtree. So a descent for an address ends in
 * the leaf with the last range that starts at or below the address, and the way
 * down tells the first start in the next leaf. So most changes are one descent
 * and one splice of one leaf.
 *
 * No system calls, no allocation and no locking here.
 */
#include "base/range_tree.h"

#include <string.h>

#define ORDER		LOF_TREE_ORDER
#define UNDERFULL	(ORDER / 3)
#define HEIGHT_MAX	24	/* no node has less than 3 children: 3^24 */
#define LINE		8	/* keys: a cache line of 64 bytes (64-bit) */

/* The way down to a place in a leaf: level 0 is the root. */
struct path {
	struct lof_node *node[HEIGHT_MAX];
	unsigned int slot[HEIGHT_MAX];
	unsigned int leaf;	/* level of the leaf */
	bool is_before;		/* the address is below all ranges */
	uintptr_t bound;	/* first start in the next leaf, or NO_KEY */
};

static struct lof_node *child_of(const struct lof_node *node, unsigned int slot)
{
	return (struct lof_node *)node->value[slot];
}

static uintptr_t end_of(const struct lof_node *leaf, unsigned int slot)
{
	return leaf->value[slot] & ~(uintptr_t)LOF_TREE_ATTR_MAX;
}

static unsigned int attr_of(const struct lof_node *leaf, unsigned int slot)
{
	return (unsigned int)(leaf->value[slot] & LOF_TREE_ATTR_MAX);
}

static void read_entry(const struct lof_node *leaf, unsigned int slot,
		       struct lof_entry *entry)
{
	entry->range.start = leaf->key[slot];
	entry->range.end = end_of(leaf, slot);
	entry->attr = attr_of(leaf, slot);
}

/* Count the keys of eight that are <= addr, without a branch or a chain. */
static inline unsigned int count_of(const uintptr_t *key, unsigned int stride,
				    uintptr_t addr)
{
	unsigned int a = key[0] <= addr, b = key[stride] <= addr;
	unsigned int c = key[2 * stride] <= addr, d = key[3 * stride] <= addr;

	a += key[4 * stride] <= addr;
	b += key[5 * stride] <= addr;
	c += key[6 * stride] <= addr;
	d += key[7 * stride] <= addr;
	return (a + b) + (c + d);
}

/*
 * Count the keys <= addr; addr is not LOF_TREE_NO_KEY. First the last key of
 * each cache line is compared, which tells the line; then the keys of that
 * line. In a tree that is larger than the caches all values are prefetched
 * meanwhile.
 */
static inline unsigned int rank_of(const struct lof_tree *tree,
				   const struct lof_node *node, uintptr_t addr)
{
	unsigned int line;

	if (tree->height > 2)
		for (unsigned int i = 0; i < ORDER; i += LINE)
			__builtin_prefetch(&node->value[i]);
	line = LINE * count_of(&node->key[LINE - 1], LINE, addr);
	return line + count_of(&node->key[line], 1, addr);
}

/*
 * Go down to the last range that starts <= addr; if there is none, the first.
 */
static void descend(const struct lof_tree *tree, uintptr_t addr,
		    struct path *path)
{
	struct lof_node *node = tree->root;
	unsigned int rank, level;

	path->bound = LOF_TREE_NO_KEY;
	for (level = 0;; level++) {
		rank = rank_of(tree, node, addr);
		path->is_before = rank == 0;
		rank += path->is_before;
		path->node[level] = node;
		path->slot[level] = rank - 1;
		if (level + 1 == tree->height)
			break;
		if (node->key[rank] != LOF_TREE_NO_KEY)
			path->bound = node->key[rank];
		node = child_of(node, rank - 1);
	}
	path->leaf = level;
}

/* The first key at level has changed: copy it to the keys above. */
static void fix_keys(struct path *path, unsigned int level)
{
	while (level > 0 && path->slot[level] == 0) {
		uintptr_t key = path->node[level]->key[0];

		level--;
		path->node[level]->key[path->slot[level]] = key;
	}
}

static void move_entries(struct lof_node *to, unsigned int to_slot,
			 const struct lof_node *from, unsigned int from_slot,
			 unsigned int n)
{
	memmove(&to->key[to_slot], &from->key[from_slot],
		n * sizeof(to->key[0]));
	memmove(&to->value[to_slot], &from->value[from_slot],
		n * sizeof(to->value[0]));
}

/* Set the count, and set the keys that become unused to LOF_TREE_NO_KEY. */
static void set_count(struct lof_node *node, unsigned int count)
{
	for (unsigned int i = count; i < node->count; i++)
		node->key[i] = LOF_TREE_NO_KEY;
	node->count = count;
}

static struct lof_node *take(struct lof_tree *tree)
{
	struct lof_node *node = tree->spare;

	tree->spare = node->next;
	tree->nspare--;
	node->next = NULL;
	node->count = LOF_TREE_NKEYS;
	set_count(node, 0);
	return node;
}

void lof_tree_give(struct lof_tree *tree, struct lof_node *node)
{
	node->next = tree->spare;
	tree->spare = node;
	tree->nspare++;
}

size_t lof_tree_need(const struct lof_tree *tree, size_t n)
{
	return tree->height + 2 + n / (ORDER / 4);
}

static void put(struct lof_node *node, unsigned int slot, uintptr_t key,
		uintptr_t value)
{
	move_entries(node, slot + 1, node, slot, node->count - slot);
	node->key[slot] = key;
	node->value[slot] = value;
	node->count++;
}

/*
 * Move the upper part of a full node into a new node after it. If the new entry
 * goes to an end of the node, ranges are probably added in ascending or
 * descending order (as mmap places them): then the node that gets no more
 * entries stays full.
 */
static struct lof_node *split(struct lof_tree *tree, struct lof_node *left,
			      unsigned int slot)
{
	unsigned int keep = slot == ORDER ? ORDER - 2 :
			    slot <= 1 ? 2 : ORDER / 2;
	struct lof_node *right = take(tree);

	move_entries(right, 0, left, keep, left->count - keep);
	right->count = left->count - keep;
	set_count(left, keep);
	right->next = left->next;
	left->next = right;
	return right;
}

static void grow_root(struct lof_tree *tree, struct lof_node *right)
{
	struct lof_node *left = tree->root, *root = take(tree);

	put(root, 0, left->key[0], (uintptr_t)left);
	put(root, 1, right->key[0], (uintptr_t)right);
	tree->root = root;
	tree->height++;
}

/* Split the leaf of path for an entry at slot. path is invalid afterwards. */
static void split_leaf(struct lof_tree *tree, struct path *path,
		       unsigned int slot)
{
	unsigned int level = path->leaf;
	struct lof_node *right = split(tree, path->node[level], slot);

	while (level-- > 0) {
		struct lof_node *parent = path->node[level], *child = right;

		slot = path->slot[level] + 1;
		if (parent->count < ORDER) {
			put(parent, slot, child->key[0], (uintptr_t)child);
			return;
		}
		right = split(tree, parent, slot);
		if (slot >= parent->count) {
			slot -= parent->count;
			parent = right;
		}
		put(parent, slot, child->key[0], (uintptr_t)child);
	}
	grow_root(tree, right);
}

static void shrink_root(struct lof_tree *tree)
{
	while (tree->height > 1 && tree->root->count == 1) {
		struct lof_node *root = tree->root;

		tree->root = child_of(root, 0);
		tree->height--;
		lof_tree_give(tree, root);
	}
	if (tree->root->count == 0) {
		lof_tree_give(tree, tree->root);
		tree->root = NULL;
		tree->height = 0;
	}
}

/*
 * Merge two neighbours into left, or even out their entries. If left was empty,
 * its first key changes. True: right is not needed any more.
 */
static bool merge(struct lof_node *left, struct lof_node *right)
{
	unsigned int total = left->count + right->count, half = total / 2, n;

	if (total <= ORDER) {
		move_entries(left, left->count, right, 0, right->count);
		left->count = total;
		left->next = right->next;
		return true;
	}
	if (left->count < half) {
		n = half - left->count;
		move_entries(left, left->count, right, 0, n);
		move_entries(right, 0, right, n, right->count - n);
		left->count = half;
		set_count(right, total - half);
	} else {
		n = left->count - half;
		move_entries(right, n, right, 0, right->count);
		move_entries(right, 0, left, half, n);
		right->count = total - half;
		set_count(left, half);
	}
	return false;
}

/*
 * Nodes of path have become small, from the leaf upwards: fill each from its
 * neighbour under the same parent. There is a neighbour, since an inner node
 * has at least two children. path is invalid afterwards.
 */
static void refill(struct lof_tree *tree, struct path *path)
{
	for (unsigned int level = path->leaf; level > 0; level--) {
		struct lof_node *parent = path->node[level - 1], *left, *right;
		unsigned int slot = path->slot[level - 1];

		if (path->node[level]->count >= UNDERFULL)
			return;
		if (slot + 1 == parent->count)
			path->slot[level - 1] = --slot;
		left = child_of(parent, slot);
		right = child_of(parent, slot + 1);
		if (merge(left, right)) {
			move_entries(parent, slot + 1, parent, slot + 2,
				     parent->count - slot - 2);
			set_count(parent, parent->count - 1);
			lof_tree_give(tree, right);
		} else {
			parent->key[slot + 1] = right->key[0];
		}
		parent->key[slot] = left->key[0];
		fix_keys(path, level - 1);
	}
	shrink_root(tree);
}

/* The entries that replace some entries of a leaf. */
struct patch {
	unsigned int slot, nold, nnew;
	uintptr_t key[3], value[3];
};

static void add(struct patch *patch, uintptr_t start, uintptr_t end,
		unsigned int attr)
{
	patch->key[patch->nnew] = start;
	patch->value[patch->nnew] = end | attr;
	patch->nnew++;
}

/*
 * Plan the patch that sets the attribute of range in the leaf of path; attr 0
 * clears range. The next leaf must have no entry in range, and no entry that
 * would be merged with range.
 */
static void plan(const struct path *path, struct lof_range range,
		 unsigned int attr, struct patch *patch)
{
	const struct lof_node *leaf = path->node[path->leaf];
	unsigned int slot = path->slot[path->leaf], next, last_attr = 0;
	uintptr_t last_end = 0;

	next = path->is_before ? 0 : slot + 1;
	patch->slot = next;
	patch->nnew = 0;
	if (!path->is_before) {
		last_end = end_of(leaf, slot);
		last_attr = attr_of(leaf, slot);
		if (last_end > range.start ||
		    (last_end == range.start && last_attr == attr)) {
			patch->slot = slot;
			if (last_attr == attr)
				range.start = leaf->key[slot];
			else if (leaf->key[slot] < range.start)
				add(patch, leaf->key[slot], range.start,
				    last_attr);
		}
	}
	for (; leaf->key[next] < range.end; next++) {
		last_end = end_of(leaf, next);
		last_attr = attr_of(leaf, next);
	}
	if (leaf->key[next] == range.end && attr && attr_of(leaf, next) == attr)
		range.end = end_of(leaf, next++);
	else if (last_end > range.end && last_attr == attr)
		range.end = last_end;
	if (attr)
		add(patch, range.start, range.end, attr);
	if (last_end > range.end)
		add(patch, range.end, last_end, last_attr);
	patch->nold = next - patch->slot;
}

static void apply(struct lof_tree *tree, struct path *path,
		  const struct patch *patch)
{
	struct lof_node *leaf = path->node[path->leaf];
	unsigned int from = patch->slot + patch->nold;
	unsigned int to = patch->slot + patch->nnew;
	unsigned int count = leaf->count - from + to;

	if (from != to) {
		move_entries(leaf, to, leaf, from, leaf->count - from);
		if (from > to)
			set_count(leaf, count);
		leaf->count = count;
		tree->count = tree->count - patch->nold + patch->nnew;
	}
	for (unsigned int i = 0; i < patch->nnew; i++) {
		leaf->key[patch->slot + i] = patch->key[i];
		leaf->value[patch->slot + i] = patch->value[i];
	}
	path->slot[path->leaf] = patch->slot;
	if (patch->slot == 0 && count > 0)
		fix_keys(path, path->leaf);
	if (from > to && count < UNDERFULL)
		refill(tree, path);
}

/*
 * Change range in the leaf that it lies in. False: the leaf was full and has
 * been split; nothing else was changed.
 */
static bool change(struct lof_tree *tree, struct path *path,
		   struct lof_range range, unsigned int attr)
{
	struct patch patch;

	plan(path, range, attr, &patch);
	if (path->node[path->leaf]->count + patch.nnew - patch.nold > ORDER) {
		split_leaf(tree, path, patch.slot);
		return false;
	}
	apply(tree, path, &patch);
	return true;
}

void lof_tree_clear(struct lof_tree *tree, struct lof_range range)
{
	struct path path;

	while (tree->root && !lof_range_is_empty(range)) {
		struct lof_range piece = range;

		descend(tree, range.start, &path);
		if (piece.end > path.bound)
			piece.end = path.bound;
		if (change(tree, &path, piece, 0))
			range.start = piece.end;
	}
}

/*
 * Clear range, and first widen it over a next range that it would merge with.
 */
static void make_room(struct lof_tree *tree, struct lof_range *range,
		      unsigned int attr)
{
	struct lof_entry entry;

	if (lof_tree_find(tree, range->end, &entry) &&
	    entry.range.start <= range->end && entry.attr == attr)
		range->end = entry.range.end;
	lof_tree_clear(tree, *range);
}

/*
 * Go down to the last range that starts below addr. An empty tree gets a leaf.
 */
static void descend_before(struct lof_tree *tree, uintptr_t addr,
			   struct path *path)
{
	if (!tree->root) {
		tree->root = take(tree);
		tree->height = 1;
	}
	descend(tree, addr - (addr > 0), path);
}

void lof_tree_set(struct lof_tree *tree, struct lof_range range,
		  unsigned int attr)
{
	struct path path;

	if (lof_range_is_empty(range))
		return;
	do {
		descend_before(tree, range.start, &path);
		if (range.end >= path.bound) {
			make_room(tree, &range, attr);
			descend_before(tree, range.start, &path);
		}
	} while (!change(tree, &path, range, attr));
}

__attribute__((always_inline))
static inline void seek(const struct lof_tree *tree, uintptr_t addr,
			struct lof_cursor *cursor)
{
	const struct lof_node *node = tree->root;
	unsigned int rank, level = tree->height;

	while (rank = rank_of(tree, node, addr), --level > 0)
		node = child_of(node, rank - (rank > 0));
	/* A branch is predicted: the CPU does not wait for the end's load. */
	if (__builtin_expect(rank > 0 && end_of(node, rank - 1) > addr, 1))
		rank--;
	*cursor = (struct lof_cursor){ node, rank };
}

static inline bool next(struct lof_cursor *cursor, struct lof_entry *entry)
{
	if (cursor->slot == cursor->leaf->count) {
		if (!cursor->leaf->next)
			return false;
		*cursor = (struct lof_cursor){ cursor->leaf->next, 0 };
	}
	read_entry(cursor->leaf, cursor->slot++, entry);
	return true;
}

static inline bool find(const struct lof_tree *tree, uintptr_t addr,
			struct lof_entry *entry)
{
	struct lof_cursor cursor;

	/* No range ends above the last page boundary. */
	if (addr > ~(uintptr_t)LOF_TREE_ATTR_MAX || !tree->root)
		return false;
	seek(tree, addr, &cursor);
	return next(&cursor, entry);
}

bool lof_tree_seek(const struct lof_tree *tree, uintptr_t addr,
		   struct lof_cursor *cursor)
{
	if (addr > ~(uintptr_t)LOF_TREE_ATTR_MAX || !tree->root)
		return false;
	seek(tree, addr, cursor);
	return true;
}

bool lof_tree_next(struct lof_cursor *cursor, struct lof_entry *entry)
{
	return next(cursor, entry);
}

bool lof_tree_find(const struct lof_tree *tree, uintptr_t addr,
		   struct lof_entry *entry)
{
	return find(tree, addr, entry);
}

bool lof_tree_find_in(const struct lof_tree *tree, struct lof_range range,
		      struct lof_entry *entry)
{
	if (!find(tree, range.start, entry))
		return false;
	entry->range = lof_range_both(entry->range, range);
	return !lof_range_is_empty(entry->range);
}

void lof_tree_around(const struct lof_tree *tree, uintptr_t addr,
		     uintptr_t limit, struct lof_entry *entry)
{
	struct lof_entry next;
	struct path path;
	uintptr_t start = 0;

	if (lof_tree_find(tree, addr, &next)) {
		if (next.range.start <= addr) {
			*entry = next;
			return;
		}
		limit = next.range.start;
	}
	if (tree->root) {
		/* LOF_TREE_NO_KEY, the last byte's address, is no key. */
		descend(tree, addr & ~(uintptr_t)LOF_TREE_ATTR_MAX, &path);
		if (!path.is_before)
			start = end_of(path.node[path.leaf],
				       path.slot[path.leaf]);
	}
	*entry = (struct lof_entry){ .range = { start, limit } };
}

bool lof_tree_copy(struct lof_tree *tree, struct lof_range from, uintptr_t to)
{
	uintptr_t start = from.start;
	struct lof_entry entry;
	bool any = false;

	lof_tree_clear(tree, (struct lof_range){
		to, to + lof_range_len(from) });
	while (!lof_range_is_empty(from) &&
	       lof_tree_find_in(tree, from, &entry)) {
		lof_tree_set(tree, (struct lof_range){
			entry.range.start - start + to,
			entry.range.end - start + to }, entry.attr);
		from.start = entry.range.end;
		any = true;
	}
	return any;
}
