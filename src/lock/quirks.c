/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Lock a range in spite of the kernel's quirks (seen on 6.18):
 *
 * - It populates hugetlb when a call locks on fault.
 * - It refuses to lock memfd_secret, which is always locked.
 * - It returns success for MAP_DROPPABLE, but does not lock it.
 * - If mlock fails because memory cannot be populated, the memory stays locked.
 */
#include "config.h"

#include "lock/quirks.h"

#include "kernel/caps.h"
#include "kernel/probe.h"
#include "ledger/change.h"
#include "ledger/runs.h"
#include "lock/giant.h"
#include "lock/onfault.h"
#include "lock/unlock.h"
#include "lockonfault.h"

bool lof_is_never_swapped(const struct lof_vma *vma)
{
	return vma->hugetlb || vma->secret;
}

/* A range, VMA by VMA. */
struct areas {
	struct lof_range rest;
	unsigned int kind;
	bool kept, droppable;
};

static int look_at(const struct lof_vma *vma, void *arg)
{
	struct areas *areas = arg;

	if (lof_range_overlaps(vma->range, areas->rest)) {
		areas->kept |= lof_is_never_swapped(vma);
		areas->droppable |= vma->droppable;
	}
	return vma->range.start >= areas->rest.end;
}

static struct areas natures(struct lof_range range)
{
	struct areas areas = { .rest = range };

	lof_smaps_each(look_at, &areas);
	return areas;
}

static int lock_area(const struct lof_vma *vma, void *arg)
{
	struct areas *areas = arg;
	struct lof_range piece = lof_range_both(vma->range, areas->rest);

	if (lof_range_is_empty(piece))
		return 0;
	if (piece.start > areas->rest.start)
		return -ENOMEM;
	areas->rest.start = piece.end;
	return lof_is_never_swapped(vma) ? 0 : lof_lock_as(piece, areas->kind);
}

/*
 * Lock the range up to a hole, in the kernel's order, without the VMAs that are
 * never swapped.
 */
static int lock_by_area(struct lof_range range, unsigned int kind)
{
	struct areas areas = { .rest = range, .kind = kind };
	struct lof_range nothing = { range.start, range.start };
	int err;

	/* Without the privilege, the kernel refuses an empty range too. */
	err = lof_lock_as(nothing, kind);
	if (!err)
		err = lof_smaps_each(lock_area, &areas);
	/* smaps cannot be read: no VMA was visited. */
	if (err < 0 && areas.rest.start == range.start)
		return lof_lock_as(range, kind);
	if (!err && !lof_range_is_empty(areas.rest))
		err = -ENOMEM;
	return err ? err : 1;
}

/* The state of the range after a lock failed. */
struct left {
	unsigned int kind;	/* of the lock */
	bool has_unlocked;	/* a gap between noted locks is not locked */
	bool has_locked;	/* another gap is locked */
	bool has_other;		/* a part was locked in another kind */
	bool is_unsure;
};

static int look_at_run(const struct lof_entry *run, void *arg)
{
	unsigned int kind = LOF_ATTR_KIND(run->attr);
	struct left *left = arg;

	if (run->attr)
		left->has_other |= kind != left->kind;
	else if (lof_is_locked(run->range))
		left->has_locked = true;
	else
		left->has_unlocked = true;
	return 0;
}

static int relock_if_other(const struct lof_entry *run, void *arg)
{
	unsigned int kind = LOF_ATTR_KIND(run->attr);
	struct left *left = arg;

	if (kind && kind != left->kind && lof_lock_again(run->range, kind))
		left->is_unsure = true;
	return 0;
}

/*
 * Undo a lock that failed. If a gap between noted locks is not locked, either
 * the limit refused and nothing was locked, or the gap cannot be locked. If all
 * gaps are locked, the kernel locked the whole range and could not populate it.
 * If the ledger cannot be read, the former state is unknown, and the range
 * stays locked.
 *
 * true      the range is locked as before
 * false     unsure
 */
static bool undo(struct lof_range range, unsigned int kind)
{
	struct left left = { .kind = kind };
	int err;

	if (lof_ledger_each_run(LOF_NOTED_LOCKS, range, look_at_run, &left))
		return false;
	if (left.has_unlocked)
		return !left.has_locked && !left.has_other;
	err = lof_unlock_untracked(range);
	return !lof_ledger_each_run(LOF_NOTED_LOCKS, range, relock_if_other,
				    &left) &&
	       !err && !left.is_unsure;
}

int lof_lock_with_quirks(struct lof_range range, unsigned int kind, bool is_new,
		    enum lof_outcome *did)
{
	struct areas areas = { .rest = range };
	bool by_area;
	int err;

	*did = LOF_UNSURE;
	by_area = kind == LOF_ONFAULT && lof_may_have_hugetlb(range);
	err = by_area ? lock_by_area(range, kind) : lof_lock_as(range, kind);
	if ((err == -ENOMEM || err == -EAGAIN) &&
	    lof_cap_is_there(LOF_CAP_MSYNC) &&
	    lof_first_hole(range) == range.end) {
		if (!by_area && natures(range).kept)
			err = lock_by_area(range, kind);
		if (err < 0 && undo(range, kind))
			*did = LOF_DONE;
	} else if (err <= 0) {
		*did = lof_outcome(err);
	}
	if (err || lof_range_is_empty(range) ||
	    !((is_new && !lof_preload) ||
	      lof_cap_is_there(LOF_CAP_UNLOCKABLE)) ||
	    lof_is_locked(range))
		return err;
	areas = natures(range);
	*did = LOF_UNSURE;
	return areas.droppable ? -EOPNOTSUPP : 1;
}
