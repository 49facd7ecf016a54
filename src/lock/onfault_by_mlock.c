/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Lock on fault by mlock alone. Three ways make mlock fail after it marked the
 * range as locked, and before it populated a page. In this order:
 *
 * 1. A hole is above the range. mlock also asks for a page of the hole:
 *
 *	+-----------------+ - - -
 *	|      range      | hole
 *	+-----------------+ - - -
 *	<-------- mlock -------->
 *
 * 2. A page of the program that cannot be populated is below the range, as it
 *    is below a thread's stack. mlock begins at this guard page, and fails
 *    there when it populates. munlock then unlocks the guard:
 *
 *	+-------+-----------------+
 *	| guard |      range      |
 *	+-------+-----------------+
 *	<--------- mlock --------->
 *	<munlock>
 *
 * 3. Neither is there. mlock runs to the next hole. munlock then unlocks the
 *    memory between, except the parts that were locked before:
 *
 *	+-----------------+---------+ - - -
 *	|      range      | between | hole
 *	+-----------------+---------+ - - -
 *	<------------- mlock ------------->
 *	                  <-munlock->
 *
 * If no way works, a plain mlock populates the whole range. The library maps
 * nothing for this: the addresses next to the range belong to the program.
 * The errno of mlock does not tell success, because the limit gives the same
 * errno: msync or smaps is asked if the range is locked.
 */
#include "config.h"

#include "lock/onfault_by_mlock.h"

#include <sys/mman.h>

#include "kernel/own_memory.h"
#include "kernel/probe.h"
#include "kernel/smaps.h"
#include "kernel/sys.h"
#include "ledger/change.h"
#include "ledger/runs.h"
#include "lock/giant.h"
#include "lock/unlock.h"

/* A search for a hole farther off, or more ranges to keep, takes too long. */
#define FAR		((size_t)1 << 30)
#define NEIGHBOURS_MAX	32

/* The range to lock, and the memory that mlock must mark for it. */
struct reach {
	struct lof_range range, all;	/* all: range and the memory between */
	bool downward;		/* to a guard page; else to a hole above */
};

static struct lof_range page_at(uintptr_t addr)
{
	return (struct lof_range){ addr, addr + lof_sys_page_size() };
}

static bool is_hole(uintptr_t addr)
{
	return lof_sys_msync(page_at(addr), MS_ASYNC) != 0;
}

static bool has_hole(struct lof_range range)
{
	return lof_first_hole(range) != range.end;
}

/* The next hole at or above addr; 0 if no hole is near. */
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

static int look_below(const struct lof_vma *vma, void *arg)
{
	const uintptr_t *addr = arg;

	if (vma->range.end < *addr)
		return 0;
	return vma->range.start < *addr && !vma->accessible && !vma->locked &&
	       !vma->unlockable ? 1 : 2;
}

/* Is the page below addr a guard: it cannot be populated, and is not locked? */
static bool has_guard(uintptr_t addr)
{
	return lof_smaps_each(look_below, &addr) == 1;
}

/* Announce that memory beside the range will be locked for a moment. */
static void begin_beside(struct lof_change *change, struct lof_range range)
{
	lof_change_begin(change, LOF_MAY_LOCK, range, LOF_NO_RANGE);
}

/*
 * The memory beside the range is as before, unless a call of another thread on
 * this memory was in flight. That thread may have locked memory that this call
 * unlocked, or moved memory that this call had locked.
 */
static void end_beside(struct lof_change *change)
{
	if (!lof_change_end(change, LOF_DONE))
		lof_ledger_suspect_all();
}

bool lof_onfault_by_mlock_allows(size_t more)
{
	const struct lof_range nothing = { 0, 0 };
	struct lof_change change;
	struct lof_range page;
	bool allowed;

	/* For an empty range too, the kernel compares charge and limit. */
	if (!more)
		return lof_sys_mlock(nothing) == 0;
	if (lof_own_scratch(lof_sys_page_size(), PROT_NONE, &page))
		return false;
	begin_beside(&change, page);
	/* mlock checks the length first. Then it marks VMAs up to a hole. */
	lof_sys_munlock(page);
	lof_sys_mlock((struct lof_range){ page.start, page.start + more });
	allowed = lof_is_locked(page);
	lof_own_return(page);
	end_beside(&change);
	return allowed;
}

bool lof_onfault_by_mlock_is_limited(uint64_t *limit)
{
	/* No machine has more memory, and the kernel charges more wrongly. */
	if (lof_sys_memlock_limit(limit) || *limit >= LOF_GIANT ||
	    *limit >= SIZE_MAX / 2)
		return false;
	return !lof_onfault_by_mlock_allows((size_t)*limit +
					    lof_sys_page_size());
}

static int area_is_left(const struct lof_vma *vma, void *arg)
{
	const struct lof_range *range = arg;

	return lof_range_overlaps(vma->range, *range) && !vma->locked &&
	       !vma->unlockable;
}

static bool has_locked_end(struct lof_range range)
{
	return lof_is_locked(page_at(range.end - lof_sys_page_size()));
}

/*
 * Is all lockable memory of the range locked? mlock stops at a hole that
 * another thread makes in the range meanwhile. was_end_locked: the last page
 * was locked before. Otherwise a lock of this page shows that mlock marked the
 * whole range.
 */
static bool is_flagged(const struct reach *reach, bool was_end_locked)
{
	struct lof_range range = reach->range;
	struct lof_entry entry;

	if (has_hole(range))
		return false;
	if (!was_end_locked && has_locked_end(range))
		return true;
	if (was_end_locked && !lof_onfault_by_mlock_allows(0))
		return false;
	if (!lof_ledger_around(range.start, &entry) &&
	    LOF_ATTR_KIND(entry.attr) && entry.range.start <= range.start &&
	    entry.range.end >= range.end)
		return lof_is_locked(range);
	return lof_smaps_each(area_is_left, &range) == 0;
}

/* mlock from a guard page below. */
static int mlock_with_guard(const struct reach *reach)
{
	size_t page = lof_sys_page_size();
	struct lof_range guard = page_at(reach->all.start - page);
	struct lof_change change;
	bool was_locked;
	int err;

	begin_beside(&change, guard);
	/* Another thread may have locked the guard since smaps was read. */
	was_locked = lof_is_locked(guard);
	err = lof_sys_mlock((struct lof_range){ guard.start, reach->all.end });
	if (!was_locked)
		lof_unlock(guard);
	end_beside(&change);
	return err;
}

/* mlock to a page of the hole above. */
static int mlock_with_hole(const struct reach *reach)
{
	struct lof_range range = reach->all, hole = page_at(range.end);
	struct lof_change change;
	int err;

	if (hole.end < hole.start)
		return -ENOSYS;
	range.end = hole.end;
	begin_beside(&change, hole);
	err = lof_sys_mlock(range);
	/*
	 * Another thread may have mapped the hole. The errno does not tell: a
	 * page that cannot be populated, here or before, gives the same.
	 */
	if (lof_is_locked(hole) && lof_unlock_untracked(hole))
		lof_ledger_suspect(hole);
	end_beside(&change);
	return err;
}

/* Lock all of a reach on fault. */
static int flag_reach(const struct reach *reach)
{
	bool was_end_locked = has_locked_end(reach->range);
	int err;

	err = reach->downward ? mlock_with_guard(reach)
			      : mlock_with_hole(reach);
	if ((err == -ENOMEM || err == -EAGAIN) &&
	    is_flagged(reach, was_end_locked))
		err = 0;
	return err;
}

/*
 * Each way asks for a page more than the range has, and the limit may not allow
 * this page. Then lock the range without one page, and lock this page by a
 * plain mlock, which populates the page.
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
	if (!lof_range_is_empty(rest.range))
		err = flag_reach(&rest);
	if (!err)
		err = lof_sys_mlock(one);
	/* A page without access is locked, although it cannot be populated. */
	if (err && lof_is_locked(one) && lof_onfault_by_mlock_allows(0))
		err = 0;
	if (err)
		(void)!lof_unlock_untracked(reach->range);
	return err;
}

static int flag_near(struct lof_range range, bool downward)
{
	struct reach reach = { range, range, downward };
	int err = flag_reach(&reach);

	if (err == -ENOMEM && !has_hole(range))
		err = flag_but_one(&reach);
	/* If another thread unmapped the guard, mlock failed at its hole. */
	if (err == -ENOMEM && downward &&
	    is_hole(range.start - lof_sys_page_size()))
		err = -ENOSYS;
	return err;
}

/* The locked ranges between the range and the next hole. */
struct neighbours {
	struct lof_range all, locked[NEIGHBOURS_MAX];
	size_t nlocked;
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
		lof_unlock(piece);
	return vma->range.start >= range->end;
}

/*
 * munlock stops at a hole that another thread has just made, or if the process
 * has too many VMAs to split another VMA. The ledger then marks the range
 * suspect.
 */
static void unlock_over_holes(struct lof_range range)
{
	int err = lof_range_is_empty(range) ? 0 : lof_unlock(range);

	if (err == -ENOMEM)
		lof_smaps_each(unlock_area, &range);
	if (err)
		lof_ledger_suspect(range);
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
}

/* mlock to the next hole, then unlock the memory between. */
static int flag_far(struct lof_range range)
{
	struct reach reach = { range, range, false };
	struct neighbours hood = { .nlocked = 0 };
	struct lof_change change;
	int err = -ENOSYS;

	reach.all.end = hole_above(range.end);
	if (!reach.all.end)
		return -ENOSYS;
	hood.all = (struct lof_range){ range.end, reach.all.end };
	begin_beside(&change, hood.all);
	if (lof_smaps_each(note_locked, &hood) >= 0)
		err = flag_reach(&reach);
	if (err != -ENOSYS)
		unlock_others(&hood);
	end_beside(&change);
	return err ? -ENOSYS : 0;
}

int lof_onfault_by_mlock(struct lof_range range)
{
	int err = -ENOSYS;

	/*
	 * An empty range needs the privilege too. If the range has a hole,
	 * mlock locks on fault up to the hole.
	 */
	if (lof_range_is_empty(range) || has_hole(range))
		return lof_sys_mlock(range);
	/* The kernel charges a giant range wrongly, if marked in one piece. */
	if (lof_is_giant(range)) {
		err = lof_sys_mlock(LOF_NO_RANGE);
		return err ? err : -ENOMEM;
	}
	if (is_hole(range.end))
		err = flag_near(range, false);
	else if (has_guard(range.start))
		err = flag_near(range, true);
	if (err == -ENOSYS)
		err = flag_far(range);
	return err == -ENOSYS ? lof_sys_mlock(range) : err;
}
