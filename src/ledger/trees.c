/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Changes of the ledger's trees, all with its lock held: effects of calls, and
 * suspicion. If there are no nodes for a note of locks, everything becomes
 * suspect.
 */
#include "config.h"

#include "ledger/inflight.h"
#include "ledger/trees.h"

#include <stdatomic.h>

#ifndef CLEAR_EVERY
#define CLEAR_EVERY	16	/* calls that found nothing noted */
#endif

void lof_note_as(enum lof_note note, struct lof_range range, unsigned int attr)
{
	if (lof_range_is_empty(range))
		return;
	if (attr) {
		lof_blocks_set(&lof_ledger.front.summary, range);
		lof_tree_set(&lof_ledger.tree[note], range, attr);
	} else {
		lof_tree_clear(&lof_ledger.tree[note], range);
	}
}

static size_t need_of(enum lof_note note, size_t n)
{
	return lof_tree_need(&lof_ledger.tree[note], n);
}

static bool has(enum lof_note note, struct lof_range range)
{
	struct lof_entry entry;

	return !lof_range_is_empty(range) &&
	       lof_tree_find_in(&lof_ledger.tree[note], range, &entry);
}

struct lof_entry lof_run_in(enum lof_note note, struct lof_range range)
{
	struct lof_entry run;

	if (!lof_tree_find_in(&lof_ledger.tree[note], range, &run))
		return (struct lof_entry){ .range = range };
	if (run.range.start > range.start)
		return (struct lof_entry){
			.range = { range.start, run.range.start },
		};
	return run;
}

/* The number of noted ranges that overlap range. */
static size_t count_in(enum lof_note note, struct lof_range range)
{
	const struct lof_tree *tree = &lof_ledger.tree[note];
	struct lof_cursor cursor;
	struct lof_entry entry;
	size_t n = 0;

	if (!lof_range_is_empty(range) &&
	    lof_tree_seek(tree, range.start, &cursor))
		while (lof_tree_next(&cursor, &entry) &&
		       entry.range.start < range.end)
			n++;
	return n;
}

static struct lof_range moved_to(const struct lof_change *change)
{
	return (struct lof_range){
		change->moved_to,
		change->moved_to + lof_range_len(change->moved)
	};
}

/* Move the notes of a mapping to its new place. */
static void move(enum lof_note note, const struct lof_change *change)
{
	struct lof_tree *tree = &lof_ledger.tree[note];
	struct lof_range to = moved_to(change);

	if (lof_range_is_empty(change->moved))
		return;
	if (!lof_tree_copy(tree, change->moved, to.start))
		return;
	/* The move counts as blind until the bits are set. */
	lof_blocks_set(&lof_ledger.front.summary, to);
	atomic_fetch_add(&lof_ledger.front.moves, 1);
	lof_tree_clear(tree, change->moved);
}

/* Nodes for the first ranges. A child need not empty them. */
static struct lof_node first_nodes[64];

bool lof_nodes_have(enum lof_note note, size_t n)
{
	struct lof_pool *pool = &lof_ledger.pool[note];

	if (note == LOF_NOTED_LOCKS && !pool->bytes)
		lof_pool_slab_add(pool, (struct lof_range){
			(uintptr_t)first_nodes,
			(uintptr_t)first_nodes + sizeof(first_nodes) });
	return lof_pool_fill(pool, &lof_ledger.tree[note], n);
}

/* One clear or set for each range of the effect. */
size_t lof_nodes_for(enum lof_note note, const struct lof_change *change)
{
	size_t need = 6 * need_of(note, 1);

	if (!lof_range_is_empty(change->moved))
		need += need_of(note, count_in(note, change->moved) + 1);
	return need;
}

static bool has_nodes(enum lof_note note, const struct lof_change *change)
{
	return change->has_nodes ||
	       lof_nodes_have(note, lof_nodes_for(note, change));
}

/* Without nodes: clear whole noted ranges, also their parts outside range. */
static void forget(enum lof_note note, struct lof_range range)
{
	struct lof_tree *tree = &lof_ledger.tree[note];
	struct lof_entry entry;

	while (!lof_range_is_empty(range) &&
	       lof_tree_find_in(tree, range, &entry)) {
		lof_tree_find(tree, range.start, &entry);
		lof_tree_clear(tree, entry.range);
	}
}

static void apply_to(enum lof_note note, const struct lof_change *change)
{
	lof_note_as(note, change->unmapped[0], 0);
	lof_note_as(note, change->unmapped[1], 0);
	move(note, change);
}

void lof_apply_to_attrs(const struct lof_change *change)
{
	if (!atomic_load_explicit(&lof_ledger.nattrs, memory_order_relaxed))
		return;
	for (enum lof_note note = LOF_NOTED_HOLDS; note <= LOF_NOTED_BUDGETS;
	     note++) {
		if (!lof_ledger.tree[note].count)
			continue;
		lof_edit_begin(note);
		if (has_nodes(note, change)) {
			apply_to(note, change);
		} else {
			forget(note, change->unmapped[0]);
			forget(note, change->unmapped[1]);
			forget(note, change->moved);
		}
		lof_edit_end();
	}
	lof_count_attrs();
}

/* The attribute of a page: of the last page before a mapping grew. */
static unsigned int attr_like(uintptr_t page)
{
	struct lof_entry entry;

	lof_tree_around(&lof_ledger.tree[LOF_NOTED_LOCKS], page, ~(uintptr_t)0,
			&entry);
	return entry.attr;
}

bool lof_apply_to_locks(const struct lof_change *change)
{
	unsigned int attr = change->attr;

	lof_edit_begin(LOF_NOTED_LOCKS);
	if (!has_nodes(LOF_NOTED_LOCKS, change)) {
		lof_edit_end();
		return false;
	}
	if (!attr && change->like) {
		attr = attr_like(change->like);
		if (attr)
			atomic_fetch_add(&lof_ledger.front.moves, 1);
	}
	apply_to(LOF_NOTED_LOCKS, change);
	lof_note_as(LOF_NOTED_LOCKS, change->unlocked, 0);
	lof_note_as(LOF_NOTED_LOCKS, change->locked, attr);
	lof_edit_end();
	return true;
}

/* The attribute that a suspect run gets. */
static unsigned int suspect_attr(unsigned int attr, unsigned int assumed)
{
	if (assumed && LOF_ATTR_KIND(attr))
		attr = assumed;
	return attr | LOF_ATTR_SUSPECT;
}

static void mark_runs(struct lof_range range, unsigned int assumed)
{
	struct lof_entry run;

	for (; !lof_range_is_empty(range); range.start = run.range.end) {
		run = lof_run_in(LOF_NOTED_LOCKS, range);
		lof_note_as(LOF_NOTED_LOCKS, run.range,
			    suspect_attr(run.attr, assumed));
	}
}

/* Mark the noted ranges in range. The gaps are suspect since everything is. */
static void mark_noted(struct lof_range range, unsigned int assumed)
{
	struct lof_entry entry;

	while (lof_tree_find_in(&lof_ledger.tree[LOF_NOTED_LOCKS], range,
				&entry)) {
		lof_note_as(LOF_NOTED_LOCKS, entry.range,
			suspect_attr(entry.attr, assumed));
		range.start = entry.range.end;
	}
}

void lof_mark_suspect(struct lof_range range, unsigned int assumed)
{
	bool is_much = lof_is_much(range);
	size_t n;

	if (lof_range_is_empty(range))
		return;
	n = 2 * count_in(LOF_NOTED_LOCKS, range) + 1;
	lof_edit_begin(LOF_NOTED_LOCKS);
	if (is_much)
		lof_doubt_all();
	if (!lof_nodes_have(LOF_NOTED_LOCKS, need_of(LOF_NOTED_LOCKS, n)))
		lof_doubt_all();
	else if (is_much && assumed)
		mark_noted(range, assumed);
	else if (!is_much)
		mark_runs(range, assumed);
	lof_edit_end();
	if (is_much && assumed)
		lof_ledger.assumed = assumed;
}

bool lof_is_noted(struct lof_range range)
{
	for (enum lof_note note = 0; note < LOF_NNOTES; note++)
		if (lof_ledger.tree[note].count && has(note, range))
			return true;
	return false;
}

/*
 * A call in flight sets its bits before its system call, without the lock. So
 * the clearing of bits counts as a blind call: no fast call that ends meanwhile
 * relies on the bits.
 */
static void clear_bits(struct lof_range range)
{
	struct lof_blocks *summary = &lof_ledger.front.summary;

	if (!lof_blocks_has(summary, range) ||
	    lof_is_noted(lof_blocks_whole(range)))
		return;
	atomic_fetch_add(&lof_ledger.front.blind, 1);
	LOF_SEAM();
	lof_blocks_clear(summary, range);
	LOF_SEAM();
	if (!lof_inflight_is_none())
		lof_blocks_set(summary, lof_blocks_whole(range));
	LOF_SEAM();
	atomic_fetch_sub(&lof_ledger.front.blind, 1);
}

void lof_clear_unused_bits(struct lof_range range)
{
	if (++lof_ledger.looks % CLEAR_EVERY == 0 &&
	    !atomic_load(&lof_ledger.front.blind) &&
	    !atomic_load(&lof_ledger.nleft) && lof_inflight_is_none())
		clear_bits(range);
}
