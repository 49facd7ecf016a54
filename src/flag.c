/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Lock on fault by mlock alone. Three ways to make it stop before it populates:
 * a page of ours below the range that cannot be populated; a hole above it; or,
 * where there is neither room nor hole, all up to the next one, and what was too
 * much is unlocked again. Where not even that can be done, all is populated.
 * Whether it worked msync tells, never the errno: that is the same for the
 * limit.
 */
#include "config.h"

#include "flag.h"

#include <sys/auxv.h>
#include <sys/mman.h>

#include "chunks.h"
#include "ledger.h"
#include "probe.h"
#include "smaps.h"
#include "sys.h"
#include "unlock.h"

#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE	0x100000	/* Linux 4.17; before, a hint */
#endif

/* The stack lies this far below its top at most, as far as we look. */
#define STACK_MAX	((size_t)1 << 30)

/* To look for a hole farther off, or to keep more ranges, takes too long. */
#define FAR		((size_t)1 << 30)
#define NEIGHBOURS_MAX	32

/* What is flagged to flag a range; it reaches beyond it at one end. */
struct reach {
	struct lof_range range, all;
	bool downward;		/* a page of ours is below; else a hole above */
	bool begun;		/* areas were flagged, so that the limit allows it */
};

static struct lof_range page_at(uintptr_t addr)
{
	return (struct lof_range){ addr, addr + lof_sys_page_size() };
}

static bool is_hole(uintptr_t addr)
{
	return lof_sys_msync(page_at(addr), MS_ASYNC) != 0;
}

/* The next hole at or above addr; 0: there is none near. */
static uintptr_t hole_above(uintptr_t addr)
{
	struct lof_range ahead = { addr, addr };
	uintptr_t hole;

	for (size_t step = lof_sys_page_size(); step <= FAR; step *= 2) {
		if (__builtin_add_overflow(ahead.start, step, &ahead.end))
			return ahead.start;
		hole = lof_first_hole(ahead);
		if (hole < ahead.end)
			return hole;
		ahead.start = ahead.end;
	}
	return 0;
}

static bool is_mapped_below(uintptr_t addr, size_t len)
{
	return len < addr && lof_sys_msync((struct lof_range){
			addr - len, addr }, MS_ASYNC) == 0;
}

/* The end of the next hole at or below addr; 0: there is none near. */
static uintptr_t hole_below(uintptr_t addr)
{
	size_t page = lof_sys_page_size(), step = page;

	/* Double the step while all is mapped, then halve it. */
	for (; is_mapped_below(addr, step); step *= 2) {
		if (step > FAR)
			return 0;
		addr -= step;
	}
	for (; step >= page; step /= 2)
		if (is_mapped_below(addr, step))
			addr -= step;
	return addr;
}

/*
 * The stack grows down into what is below, and must find nothing there. Its top
 * holds what the kernel gave to the program.
 */
static bool is_stack(struct lof_range range)
{
	uintptr_t top = (uintptr_t)getauxval(AT_RANDOM);

	top &= ~(uintptr_t)(lof_sys_page_size() - 1);
	if (range.start >= top)
		return range.start == top;
	return top - range.start < STACK_MAX &&
	       lof_sys_msync((struct lof_range){ range.start, top },
			     MS_ASYNC) == 0;
}

/* Memory of ours that was locked for a moment; since: as lof_ledger_vanished() */
static void unmap(struct lof_range range, uint64_t since)
{
	if (lof_sys_munmap(range.start, lof_range_len(range)))
		lof_ledger_read_back(range);
	else
		lof_ledger_vanished(range, since);
}

bool lof_flag_allows(size_t more)
{
	size_t page = lof_sys_page_size(), len = more ? more : page;
	uint64_t since = lof_ledger_changes(), charge, limit;
	struct lof_range none;
	bool allowed;

	if (lof_sys_mmap(0, len, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS |
			 MAP_NORESERVE, -1, 0, &none.start))
		return false;
	none.end = none.start + len;
	allowed = lof_sys_mlock(none) == 0 || lof_is_locked(none);
	unmap(none, since);
	return allowed || (!more && !lof_smaps_charge(0, &charge) &&
			   !lof_sys_memlock_limit(&limit) && charge <= limit);
}

bool lof_flag_is_limited(uint64_t *limit)
{
	/* More than that nobody has, and the kernel counts it wrongly. */
	if (lof_sys_memlock_limit(limit) || *limit >= LOF_GIANT ||
	    *limit >= SIZE_MAX / 2)
		return false;
	return !lof_flag_allows((size_t)*limit + lof_sys_page_size());
}

static int area_is_left(const struct lof_vma *vma, void *arg)
{
	const struct lof_range *range = arg;

	return lof_range_overlaps(vma->range, *range) && !vma->locked &&
	       !vma->unlockable;
}

/* Is all of range locked that can be? ends: one of them was not before. */
static bool is_flagged(const struct reach *reach, bool ends)
{
	struct lof_range range = reach->range;
	struct lof_entry entry;

	if (ends && lof_is_locked(page_at(range.start)) &&
	    lof_is_locked(page_at(range.end - lof_sys_page_size())))
		return true;
	if (!ends && !lof_flag_allows(0))
		return false;
	if (reach->downward && !reach->begun)
		return false;
	if (lof_ledger_find_in(range, &entry) > 0 &&
	    entry.range.start == range.start && entry.range.end == range.end)
		return lof_is_locked(range);
	return lof_smaps_each(area_is_left, &range) == 0;
}

/* Another thread mapped the hole, so that a page of his is locked. */
static void undo_hole(struct lof_range hole, uint64_t since)
{
	lof_unlock_untracked(hole);
	lof_ledger_disturbed(hole, since);
}

/* mlock with a page of ours below. -ENOSYS: it cannot be had there. */
static int mlock_with_guard(struct reach *reach)
{
	size_t page = lof_sys_page_size();
	struct lof_range guard = page_at(reach->all.start - page);
	uint64_t since = lof_ledger_changes();
	uintptr_t got;
	int err;

	if (reach->all.start < page ||
	    lof_sys_mmap(guard.start, page, PROT_NONE, MAP_PRIVATE |
			 MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE,
			 -1, 0, &got))
		return -ENOSYS;
	if (got != guard.start) {
		lof_sys_munmap(got, page);
		return -ENOSYS;
	}
	err = lof_sys_mlock((struct lof_range){ guard.start, reach->all.end });
	reach->begun = lof_is_locked(guard);
	unmap(guard, since);
	return err;
}

/* mlock with a hole above, of which a page is asked for too. */
static int mlock_with_hole(struct reach *reach)
{
	struct lof_range range = reach->all, hole = page_at(range.end);
	uint64_t since = lof_ledger_changes();
	int err;

	if (hole.end < hole.start)
		return -ENOSYS;
	range.end = hole.end;
	err = lof_sys_mlock(range);
	if (!err)
		undo_hole(hole, since);
	return err;
}

/* Flag all of a reach. */
static int flag_reach(struct reach *reach)
{
	size_t page = lof_sys_page_size();
	bool ends = !lof_is_locked(page_at(reach->range.start)) ||
		    !lof_is_locked(page_at(reach->range.end - page));
	int err;

	err = reach->downward ? mlock_with_guard(reach)
			      : mlock_with_hole(reach);
	if ((err == -ENOMEM || err == -EAGAIN) && is_flagged(reach, ends))
		err = 0;
	return err;
}

/*
 * Each way asks for a page more than there is in the range, and the limit may
 * not have it. Then one page is left out, and populated by its lock.
 */
static int flag_but_one(const struct reach *reach)
{
	struct lof_range one = page_at(reach->range.start);
	struct reach rest = *reach;
	int err = 0;

	if (reach->downward)
		one = page_at(reach->range.end - lof_sys_page_size());
	if (reach->downward)
		rest.range.end = rest.all.end = one.start;
	else
		rest.range.start = rest.all.start = one.end;
	rest.begun = false;
	if (!lof_range_is_empty(rest.range))
		err = flag_reach(&rest);
	if (!err)
		err = lof_sys_mlock(one);
	if (err)
		lof_unlock_untracked(reach->range);
	return err;
}

static int flag_near(struct lof_range range, bool downward)
{
	struct reach reach = { range, range, downward, false };
	int err = flag_reach(&reach);

	return err == -ENOMEM ? flag_but_one(&reach) : err;
}

/* What is locked in the neighbourhood. */
struct neighbours {
	struct lof_range all, locked[NEIGHBOURS_MAX];
	size_t nlocked;
	uint64_t since;		/* changes of the ledger */
};

static int note_locked(const struct lof_vma *vma, void *arg)
{
	struct neighbours *hood = arg;
	struct lof_range piece = lof_range_both(vma->range, hood->all);

	if (vma->range.start >= hood->all.end)
		return 1;
	if (!vma->locked || lof_range_is_empty(piece))
		return 0;
	if (hood->nlocked == NEIGHBOURS_MAX)
		return -E2BIG;
	hood->locked[hood->nlocked++] = piece;
	return 0;
}

static int unlock_area(const struct lof_vma *vma, void *arg)
{
	const struct lof_range *range = arg;
	struct lof_range piece = lof_range_both(vma->range, *range);

	if (!lof_range_is_empty(piece))
		lof_disarm(piece);
	return vma->range.start >= range->end;
}

/*
 * munlock stops at a hole that another thread has made meanwhile, or where
 * there are too many areas to cut one more: what stays locked is booked.
 */
static void unlock_over_holes(struct lof_range range)
{
	int err = lof_range_is_empty(range) ? 0 : lof_disarm(range);

	if (err == -ENOMEM)
		lof_smaps_each(unlock_area, &range);
	if (err)
		lof_ledger_read_back(range);
}

static void unlock_others(const struct neighbours *hood)
{
	struct lof_range gap = hood->all;

	for (size_t i = 0; i < hood->nlocked; i++) {
		gap.end = hood->locked[i].start;
		unlock_over_holes(gap);
		gap.start = hood->locked[i].end;
	}
	gap.end = hood->all.end;
	unlock_over_holes(gap);
	lof_ledger_disturbed(hood->all, hood->since);
}

/* To a hole that is not next to the range, over what is between. */
static int flag_far(struct lof_range range, bool downward)
{
	struct reach reach = { range, range, downward, false };
	struct neighbours hood = { .since = lof_ledger_changes() };
	int err;

	if (downward) {
		reach.all.start = hole_below(range.start);
		hood.all = (struct lof_range){ reach.all.start, range.start };
	} else {
		reach.all.end = hole_above(range.end);
		hood.all = (struct lof_range){ range.end, reach.all.end };
	}
	if (!reach.all.start || !reach.all.end ||
	    lof_smaps_each(note_locked, &hood) < 0)
		return -ENOSYS;
	err = flag_reach(&reach);
	if (err != -ENOSYS)
		unlock_others(&hood);
	return err ? -ENOSYS : 0;
}

int lof_flag(struct lof_range range)
{
	size_t page = lof_sys_page_size();
	bool guards = !is_stack(range);
	int err = -ENOSYS;

	/* Nothing at all needs the privilege too; up to a hole it is flagged. */
	if (lof_range_is_empty(range) || lof_first_hole(range) != range.end)
		return lof_sys_mlock(range);
	/* Flagged in one piece, it would be charged wrongly. */
	if (lof_is_giant(range))
		return -ENOMEM;
	if (guards && is_hole(range.start - page))
		err = flag_near(range, true);
	if (err == -ENOSYS && is_hole(range.end))
		err = flag_near(range, false);
	if (err == -ENOSYS && guards)
		err = flag_far(range, true);
	if (err == -ENOSYS)
		err = flag_far(range, false);
	return err == -ENOSYS ? lof_sys_mlock(range) : err;
}
