/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Lock a range with what the kernel does not do as it should (seen on 6.18):
 * it populates hugetlb when it is asked to lock on fault; it refuses to lock
 * memfd_secret, which always is; it calls it success that MAP_DROPPABLE is not
 * locked; and memory that cannot be populated stays locked when mlock fails.
 */
#include "config.h"

#include "nature.h"

#include "arm.h"
#include "ledger.h"
#include "lockonfault.h"
#include "probe.h"
#include "sys_caps.h"
#include "unlock.h"

bool lof_nature_keeps(const struct lof_vma *vma)
{
	return vma->hugetlb || vma->secret;
}

/* A range, area by area. */
struct areas {
	struct lof_range rest;
	unsigned int kind;
	bool kept, droppable;
};

static int look_at(const struct lof_vma *vma, void *arg)
{
	struct areas *areas = arg;

	if (lof_range_overlaps(vma->range, areas->rest)) {
		areas->kept |= lof_nature_keeps(vma);
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
	return lof_nature_keeps(vma) ? 0 : lof_arm_as(piece, areas->kind);
}

/* Lock all but what nature keeps; in the kernel's order, up to a hole. */
static int lock_by_area(struct lof_range range, unsigned int kind)
{
	struct areas areas = { .rest = range, .kind = kind };
	struct lof_range nothing = { range.start, range.start };
	int err;

	/* Nothing to lock is refused too without the privilege. */
	err = lof_arm_as(nothing, kind);
	if (!err)
		err = lof_smaps_each(lock_area, &areas);
	if (!err && !lof_range_is_empty(areas.rest))
		err = -ENOMEM;
	return err ? err : 1;
}

/*
 * Where the limit refused, nothing was locked. Else all of it was, before it
 * could not be populated.
 */
static void undo(struct lof_range range, unsigned int kind)
{
	struct lof_range rest = range, gap = range;
	struct lof_entry entry;

	while (lof_ledger_find_in(rest, &entry) > 0) {
		gap.end = entry.range.start;
		if (!lof_range_is_empty(gap) && !lof_is_locked(gap))
			return;
		rest.start = gap.start = entry.range.end;
	}
	gap.end = range.end;
	if (!lof_range_is_empty(gap) && !lof_is_locked(gap))
		return;
	lof_unlock_untracked(range);
	for (rest = range; lof_ledger_find_in(rest, &entry) > 0;
	     rest.start = entry.range.end)
		if (LOF_ATTR_KIND(entry.attr) != kind)
			lof_arm_again(entry.range, LOF_ATTR_KIND(entry.attr));
}

int lof_nature_lock(struct lof_range range, unsigned int kind, bool is_new)
{
	struct areas areas = { .rest = range };
	bool by_area;
	int err;

	by_area = kind == LOF_ONFAULT && lof_may_have_hugetlb(range);
	err = by_area ? lock_by_area(range, kind) : lof_arm_as(range, kind);
	if ((err == -ENOMEM || err == -EAGAIN) &&
	    lof_first_hole(range) == range.end) {
		if (!by_area && natures(range).kept)
			err = lock_by_area(range, kind);
		if (err < 0)
			undo(range, kind);
	}
	if (err || lof_range_is_empty(range) ||
	    !(is_new || lof_cap_is_there(LOF_CAP_UNLOCKABLE)) ||
	    lof_is_locked(range))
		return err;
	areas = natures(range);
	return areas.droppable ? -EOPNOTSUPP : 1;
}
