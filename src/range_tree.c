/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The tree of ranges. Leaves and inner nodes have the same layout, so moving
 * entries between two nodes is the same code for both. Every key is the first
 * start in its subtree, exactly: so the leaf that a descent for an address
 * ends in holds the last range that starts at or before it.
 * No system calls, no allocation, no locking here.
 */
#include "range_tree.h"

#include <string.h>

#define ORDER		LOF_TREE_ORDER
#define UNDERFULL	(ORDER / 4)
#define HEIGHT_MAX	24	/* no node has less than 3 children: 3^24 */

/* The way down to a place in a leaf: level 0 is the root. */
struct path {
	struct lof_node *node[HEIGHT_MAX];
	unsigned int slot[HEIGHT_MAX];
	unsigned int leaf;	/* level of the leaf */
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

/* Keys at or below addr: counted without a branch, so that it vectorises. */
static unsigned int rank_of(const struct lof_node *node, uintptr_t addr)
{
	unsigned int rank = 0;

	for (uint32_t i = 0; i < node->count; i++)
		rank += node->key[i] <= addr;
	return rank;
}

/*
 * Go down to the last range that starts at or before addr. False: there is
 * none, and path leads to the first range of all. The tree is not empty.
 */
static bool descend(const struct lof_tree *tree, uintptr_t addr,
		    struct path *path)
{
	struct lof_node *node = tree->root;
	unsigned int rank, level;

	for (level = 0;; level++) {
		rank = rank_of(node, addr);
		path->node[level] = node;
		path->slot[level] = rank ? rank - 1 : 0;
		if (level + 1 == tree->height)
			break;
		node = child_of(node, path->slot[level]);
	}
	path->leaf = level;
	return rank > 0;
}

/* Step to the next range; only the leaf of the path is right afterwards. */
static bool step(struct path *path)
{
	struct lof_node **leaf = &path->node[path->leaf];
	unsigned int *slot = &path->slot[path->leaf];

	if (++*slot < (*leaf)->count)
		return true;
	*leaf = (*leaf)->next;
	*slot = 0;
	return *leaf != NULL;
}

/* The first key at level has changed: tell the separators above. */
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

static struct lof_node *take(struct lof_tree *tree)
{
	struct lof_node *node = tree->spare;

	tree->spare = node->next;
	tree->nspare--;
	node->next = NULL;
	node->count = 0;
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
 * Move the upper part of a full node into a new one behind it. Where the entry
 * to come goes to the very end, ranges are probably added in ascending order:
 * what is left behind stays full then.
 */
static struct lof_node *split(struct lof_tree *tree, struct lof_node *left,
			      unsigned int slot)
{
	unsigned int keep = slot == ORDER ? ORDER - 2 : ORDER / 2;
	struct lof_node *right = take(tree);

	move_entries(right, 0, left, keep, ORDER - keep);
	right->count = ORDER - keep;
	left->count = keep;
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

/* Insert into the leaf before path's slot, which may be one behind the last. */
static void insert_at(struct lof_tree *tree, struct path *path, uintptr_t key,
		      uintptr_t value)
{
	unsigned int level = path->leaf;

	for (;;) {
		struct lof_node *node = path->node[level], *right;
		unsigned int slot = path->slot[level];

		if (node->count < ORDER) {
			put(node, slot, key, value);
			fix_keys(path, level);
			return;
		}
		right = split(tree, node, slot);
		if (slot >= node->count)
			put(right, slot - node->count, key, value);
		else
			put(node, slot, key, value);
		fix_keys(path, level);
		if (level == 0) {
			grow_root(tree, right);
			return;
		}
		level--;
		path->slot[level]++;
		key = right->key[0];
		value = (uintptr_t)right;
	}
}

static void remove_at(struct lof_tree *tree, struct path *path,
		      unsigned int level, unsigned int n);

/*
 * Node at level has become small: even it out with a neighbour under the same
 * parent, or make one node of the two. An inner node has two children at least,
 * so the neighbour exists.
 */
static void refill(struct lof_tree *tree, struct path *path, unsigned int level)
{
	struct lof_node *parent = path->node[level - 1], *left, *right;
	unsigned int slot = path->slot[level - 1], total, n;

	if (slot + 1 == parent->count)
		slot--;
	left = child_of(parent, slot);
	right = child_of(parent, slot + 1);
	total = left->count + right->count;
	path->slot[level - 1] = slot;
	if (total <= ORDER) {
		move_entries(left, left->count, right, 0, right->count);
		left->count = total;
		left->next = right->next;
	} else if (left->count < total / 2) {
		n = total / 2 - left->count;
		move_entries(left, left->count, right, 0, n);
		move_entries(right, 0, right, n, right->count - n);
		left->count += n;
		right->count -= n;
	} else {
		n = left->count - total / 2;
		move_entries(right, n, right, 0, right->count);
		move_entries(right, 0, left, left->count - n, n);
		left->count -= n;
		right->count += n;
	}
	/* The left one may have been empty and have a first key only now. */
	parent->key[slot] = left->key[0];
	fix_keys(path, level - 1);
	path->slot[level - 1] = slot + 1;
	if (total <= ORDER) {
		lof_tree_give(tree, right);
		remove_at(tree, path, level - 1, 1);
	} else {
		parent->key[slot + 1] = right->key[0];
	}
}

/* Remove n entries from path->slot[level] on; path is used up by it. */
static void remove_at(struct lof_tree *tree, struct path *path,
		      unsigned int level, unsigned int n)
{
	struct lof_node *node = path->node[level];
	unsigned int slot = path->slot[level];

	move_entries(node, slot, node, slot + n, node->count - slot - n);
	node->count -= n;
	if (slot == 0 && node->count > 0)
		fix_keys(path, level);
	if (level > 0) {
		if (node->count < UNDERFULL)
			refill(tree, path, level);
		return;
	}
	while (tree->height > 1 && tree->root->count == 1) {
		node = tree->root;
		tree->root = child_of(node, 0);
		tree->height--;
		lof_tree_give(tree, node);
	}
	if (tree->root->count == 0) {
		lof_tree_give(tree, tree->root);
		tree->root = NULL;
		tree->height = 0;
	}
}

static void insert_range(struct lof_tree *tree, struct lof_range range,
			 unsigned int attr)
{
	struct path path;

	if (!tree->root) {
		tree->root = take(tree);
		tree->height = 1;
	}
	if (descend(tree, range.start, &path))
		path.slot[path.leaf]++;
	insert_at(tree, &path, range.start, range.end | attr);
	tree->count++;
}

bool lof_tree_find(const struct lof_tree *tree, uintptr_t addr,
		   struct lof_entry *entry)
{
	struct lof_node *leaf;
	struct path path;
	unsigned int slot;

	if (!tree->root)
		return false;
	if (descend(tree, addr, &path) &&
	    end_of(path.node[path.leaf], path.slot[path.leaf]) <= addr &&
	    !step(&path))
		return false;
	leaf = path.node[path.leaf];
	slot = path.slot[path.leaf];
	entry->range.start = leaf->key[slot];
	entry->range.end = end_of(leaf, slot);
	entry->attr = attr_of(leaf, slot);
	return true;
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
	if (tree->root && descend(tree, addr, &path))
		start = end_of(path.node[path.leaf], path.slot[path.leaf]);
	*entry = (struct lof_entry){ .range = { start, limit } };
}

bool lof_tree_find_in(const struct lof_tree *tree, struct lof_range range,
		      struct lof_entry *entry)
{
	if (!lof_tree_find(tree, range.start, entry))
		return false;
	entry->range = lof_range_both(entry->range, range);
	return !lof_range_is_empty(entry->range);
}

/* Ranges from slot on that lie in the leaf and wholly before end. */
static unsigned int covered(const struct lof_node *leaf, unsigned int slot,
			    uintptr_t end)
{
	unsigned int n = 0;

	while (slot + n < leaf->count && end_of(leaf, slot + n) <= end)
		n++;
	return n;
}

void lof_tree_clear(struct lof_tree *tree, struct lof_range range)
{
	struct lof_entry entry;

	while (lof_tree_find_in(tree, range, &entry)) {
		struct path path;
		struct lof_node *leaf;
		unsigned int slot, n;
		uintptr_t end;

		descend(tree, entry.range.start, &path);
		leaf = path.node[path.leaf];
		slot = path.slot[path.leaf];
		end = end_of(leaf, slot);
		if (leaf->key[slot] < range.start) {
			leaf->value[slot] = range.start | entry.attr;
			if (end > range.end)
				insert_range(tree, (struct lof_range){
					range.end, end }, entry.attr);
			range.start = entry.range.end;
		} else if (end > range.end) {
			leaf->key[slot] = range.end;
			fix_keys(&path, path.leaf);
			return;
		} else {
			n = covered(leaf, slot, range.end);
			range.start = end_of(leaf, slot + n - 1);
			tree->count -= n;
			remove_at(tree, &path, path.leaf, n);
		}
	}
}

void lof_tree_set(struct lof_tree *tree, struct lof_range range,
		  unsigned int attr)
{
	struct lof_entry entry;
	struct path path;

	if (lof_range_is_empty(range))
		return;
	lof_tree_clear(tree, range);
	/* One range with the one behind it: take that one in. */
	if (lof_tree_find(tree, range.end, &entry) &&
	    entry.range.start == range.end && entry.attr == attr) {
		lof_tree_clear(tree, entry.range);
		range.end = entry.range.end;
	}
	/* One range with the one before it: let that one grow. */
	if (tree->root && descend(tree, range.start, &path)) {
		uintptr_t *value;

		value = &path.node[path.leaf]->value[path.slot[path.leaf]];
		if (*value == (range.start | attr)) {
			*value = range.end | attr;
			return;
		}
	}
	insert_range(tree, range, attr);
}

void lof_tree_copy(struct lof_tree *tree, struct lof_range from, uintptr_t to)
{
	uintptr_t start = from.start;
	struct lof_entry entry;

	lof_tree_clear(tree, (struct lof_range){
		to, to + lof_range_len(from) });
	while (lof_tree_find_in(tree, from, &entry)) {
		lof_tree_set(tree, (struct lof_range){
			entry.range.start - start + to,
			entry.range.end - start + to }, entry.attr);
		from.start = entry.range.end;
	}
}
