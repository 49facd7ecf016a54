/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The counts of lof_hold() and the numbers of budgets, in a tree of each. They
 * belong to the mapping, locked or not: they move with it and end with it
 * (trees.c). emulate/budget.c locks and unlocks memory under a budget.
 */
#include "config.h"

#include "ledger/attrs.h"

#include <stdatomic.h>

#include "ledger/nodes.h"
#include "ledger/trees.h"

/* The least and the greatest count in a range, and the number of its runs. */
struct extent {
	unsigned int least, greatest;
	size_t runs;
};

static struct extent extent_of(struct lof_range range)
{
	struct extent extent = { LOF_HOLDS_MAX, 0, 0 };
	struct lof_entry run;
	unsigned int count;

	for (; !lof_range_is_empty(range); range.start = run.range.end) {
		run = lof_run_in(LOF_NOTED_HOLDS, range);
		count = LOF_HELD_COUNT(run.attr);
		if (count < extent.least)
			extent.least = count;
		if (count > extent.greatest)
			extent.greatest = count;
		extent.runs++;
	}
	return extent;
}

/*
 * Take the lock, with nodes to set n ranges. Twice as many nodes are got, so
 * that the ranges can still be moved later. 0; -EBUSY or -ENOMEM: the lock is
 * not held.
 */
static int lock_for(size_t n, struct lof_guard *guard)
{
	int err;

	if (!lof_ledger_lock_patiently(guard))
		return -EBUSY;
	err = lof_nodes_get(LOF_NOTED_HOLDS,
			    2 * lof_tree_need(&lof_ledger.tree[LOF_NOTED_HOLDS],
					      n));
	if (err == -ENOMEM)
		lof_ledger_unlock();
	return err;
}

/*
 * lock_for() with nodes for each run of range. Another thread may split the
 * runs while the lock is not held: then try again.
 */
static int lock_for_holds(struct lof_range range, struct extent *extent,
			  struct lof_guard *guard)
{
	size_t runs = 1;
	int err;

	for (;;) {
		err = lock_for(runs, guard);
		if (err)
			return err;
		*extent = extent_of(range);
		if (extent->runs <= runs)
			return 0;
		runs = extent->runs;
		lof_ledger_unlock();
	}
}

static void add_one(struct lof_range range, bool full)
{
	struct lof_entry run;

	lof_edit_begin(LOF_NOTED_HOLDS);
	for (; !lof_range_is_empty(range); range.start = run.range.end) {
		run = lof_run_in(LOF_NOTED_HOLDS, range);
		lof_note_as(LOF_NOTED_HOLDS, run.range,
			(run.attr + 1) | (full ? LOF_HELD_FULL : 0));
	}
	lof_edit_end();
}

int lof_holds_add(struct lof_range range, bool full)
{
	struct lof_guard guard;
	struct extent extent;
	int err;

	lof_ledger_epoch();
	lof_blocks_prepare(&lof_ledger.front.summary, range);
	err = lock_for_holds(range, &extent, &guard);
	if (err)
		return err;
	if (extent.greatest == LOF_HOLDS_MAX)
		err = -EOVERFLOW;
	else
		add_one(range, full);
	lof_count_attrs();
	lof_ledger_unlock();
	return err;
}

static void remove_one(struct lof_range range)
{
	struct lof_entry run;

	lof_edit_begin(LOF_NOTED_HOLDS);
	for (; !lof_range_is_empty(range); range.start = run.range.end) {
		run = lof_run_in(LOF_NOTED_HOLDS, range);
		lof_note_as(LOF_NOTED_HOLDS, run.range,
			    LOF_HELD_COUNT(run.attr) <= 1 ? 0 : run.attr - 1);
	}
	lof_edit_end();
}

int lof_holds_remove(struct lof_range range, bool where_held)
{
	struct lof_guard guard;
	struct extent extent;
	int err;

	if (lof_range_is_empty(range))
		return 0;
	if (!atomic_load(&lof_ledger.nattrs))
		return where_held ? 0 : -EINVAL;
	err = lock_for_holds(range, &extent, &guard);
	if (err)
		return err;
	if (extent.least == 0 && !where_held)
		err = -EINVAL;
	else
		remove_one(range);
	lof_count_attrs();
	lof_ledger_unlock();
	return err;
}

int lof_holds_clear(struct lof_range range)
{
	struct lof_guard guard;
	struct extent extent;
	int err;

	if (!atomic_load(&lof_ledger.nattrs))
		return 0;
	err = lock_for_holds(range, &extent, &guard);
	if (err)
		return err;
	lof_edit_begin(LOF_NOTED_HOLDS);
	lof_note_as(LOF_NOTED_HOLDS, range, 0);
	lof_edit_end();
	lof_count_attrs();
	lof_ledger_unlock();
	return 0;
}

static int assign(struct lof_range range, unsigned int attr, bool is_patient)
{
	struct lof_guard guard;
	int err;

	if (!attr && atomic_load(&lof_ledger.nattrs) == 0)
		return 0;
	lof_ledger_epoch();
	if (attr)
		lof_blocks_prepare(&lof_ledger.front.summary, range);
	if (!(is_patient ? lof_ledger_lock_patiently(&guard)
			 : lof_ledger_lock(&guard)))
		return -EBUSY;
	err = lof_nodes_get(
		LOF_NOTED_BUDGETS,
		2 * lof_tree_need(&lof_ledger.tree[LOF_NOTED_BUDGETS], 1));
	if (err == -ENOMEM)
		lof_ledger_unlock();
	if (err)
		return err;
	lof_edit_begin(LOF_NOTED_BUDGETS);
	lof_note_as(LOF_NOTED_BUDGETS, range, attr);
	lof_edit_end();
	lof_count_attrs();
	lof_ledger_unlock();
	return 0;
}

int lof_budget_assign(struct lof_range range, unsigned int attr)
{
	return assign(range, attr, false);
}

int lof_budget_assign_patiently(struct lof_range range, unsigned int attr)
{
	return assign(range, attr, true);
}
