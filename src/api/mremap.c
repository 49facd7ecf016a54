/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * mremap: every part of the memory stays locked in its kind, in all forms of
 * the call.
 */
#include "config.h"

#include "lockonfault.h"

#include <limits.h>
#include <stdarg.h>

#include "api/result.h"
#include "emulate/mclfuture.h"
#include "kernel/caps.h"
#include "kernel/next.h"
#include "kernel/probe.h"
#include "kernel/sys.h"
#include "ledger/attrs.h"
#include "ledger/change.h"
#include "ledger/resync.h"
#include "ledger/runs.h"
#include "lock/onfault.h"
#include "lock/onfault_by_mlock.h"
#include "lock/relock.h"
#include "lock/tracked.h"
#include "lock/unlock.h"

struct remap {
	struct lof_range old;	/* before the call; a page if old_len is 0 */
	struct lof_range new;	/* the requested range, then the result */
	int flags;
	bool copies;		/* old_len is 0: map the pages a second time */
};

/* *kept: the part of the old range that survives; *tail: the added part. */
static void split(const struct remap *r, struct lof_range *kept,
		  struct lof_range *tail)
{
	size_t both = lof_range_len(r->old) < lof_range_len(r->new) ?
		      lof_range_len(r->old) : lof_range_len(r->new);

	*kept = r->old;
	*tail = r->new;
	kept->end = kept->start + both;
	tail->start += r->copies ? 0 : both;
}

/*
 * Declare the kernel's change. The added part is locked like the last page
 * before the added part.
 */
static void declare(struct lof_change *change, const struct remap *r)
{
	struct lof_range kept, tail;

	split(r, &kept, &tail);
	change->unmapped[0] = tail;
	if (!lof_range_is_empty(tail)) {
		change->locked = tail;
		change->like = kept.end - lof_sys_page_size();
	}
	if (r->copies)
		return;
	change->unmapped[1] = (struct lof_range){ kept.end, r->old.end };
	if (r->new.start != r->old.start) {
		change->moved = kept;
		change->moved_to = r->new.start;
	}
}

static void announce(struct lof_change *change, const struct remap *r)
{
	lof_change_begin(change, LOF_MAY_MOVE, r->old,
			 r->flags & MREMAP_FIXED ? r->new : LOF_NO_RANGE);
}

/* Make the system call; set r->new to the range that the kernel chose. */
static int call_kernel(struct lof_change *change, struct remap *r,
		       size_t old_len, size_t new_len)
{
	uintptr_t result;
	int err;

	err = lof_next_mremap(r->old.start, old_len, new_len, r->flags,
			      r->new.start, &result);
	if (!err) {
		r->new.end = r->new.end - r->new.start + result;
		r->new.start = result;
		change->range[1] = r->new;
		declare(change, r);
	}
	return err;
}

/*
 * May locks of the new range survive the move? MREMAP_FIXED unmaps the new
 * range, but (seen on 6.18) not opposite a hole of the old range. The ledger
 * does not know the holes.
 */
static bool may_leave_holes(const struct remap *r)
{
	return r->flags & MREMAP_FIXED &&
	       lof_ledger_has(LOF_NOTED_LOCKS, r->new);
}

/* One mremap() for which the kernel handles the locks correctly. */
static int remap_plain(struct remap *r, size_t old_len, size_t new_len)
{
	struct lof_change change;
	bool is_sure;
	int err;

	announce(&change, r);
	is_sure = !may_leave_holes(r);
	err = call_kernel(&change, r, old_len, new_len);
	/* A failed move of several VMAs may have moved some of the VMAs. */
	if (err && r->flags & MREMAP_FIXED)
		is_sure = false;
	lof_change_end(&change, is_sure ? lof_outcome(err) : LOF_UNSURE);
	return err;
}

/*
 * Unlock the old range, make the system call, and lock the memory again at its
 * new place, or at its old place after a failure. *exact is set to true if the
 * call succeeded and all the memory is locked as before.
 */
static int call_kernel_unlocked(struct lof_change *change, struct remap *r,
				size_t old_len, size_t new_len, bool *exact)
{
	struct lof_locks before;
	int err;

	lof_locks_note(&before, r->old);
	err = lof_unlock_tracked(r->old);
	if (!err)
		err = call_kernel(change, r, old_len, new_len);
	if (err)
		lof_relock_as(&before, r->old, r->old.start);
	else
		*exact = !lof_relock_as(&before, r->old, r->new.start);
	return err;
}

/*
 * With MREMAP_DONTUNMAP the kernel (seen on 6.18) unlocks the whole old VMA,
 * also the part that does not move, and charges the moved part for ever. The
 * kernel moves unlocked memory correctly: so unlock the old range, move it, and
 * lock it at the new place.
 */
static int remap_dontunmap(struct remap *r, size_t len)
{
	bool exact = false, is_sure = !may_leave_holes(r);
	struct lof_change change;
	int err;

	announce(&change, r);
	/* RLIMIT_MEMLOCK may be lower now, and forbid the new lock. */
	err = lof_can_relock(r->old) ? 0 : -EAGAIN;
	if (!err)
		err = call_kernel_unlocked(&change, r, len, len, &exact);
	/* If another thread locked a page, the whole old VMA is unlocked. */
	if (!lof_change_end(&change, exact && is_sure ? LOF_DONE : LOF_UNSURE))
		lof_ledger_suspect_all();
	return err;
}

/*
 * The kernel populates the growth of a range that is locked in full, but not of
 * a range that is locked on fault. So lock the range on fault during the call;
 * after the call lock the old part in full.
 */
static int remap_unpopulated(struct remap *r, size_t old_len, size_t new_len)
{
	struct lof_range kept = r->old;
	struct lof_change change;
	int err;

	announce(&change, r);
	err = lof_lock_onfault(r->old);
	if (err == -ENOMEM)
		err = -EAGAIN;
	if (!err)
		err = call_kernel(&change, r, old_len, new_len);
	if (!err) {
		kept.start = r->new.start;
		kept.end = kept.start + lof_range_len(r->old);
	}
	lof_lock_as(kept, LOF_FULL);
	lof_change_end(&change, LOF_UNSURE);
	return err;
}

/*
 * Without mlock2: the kernel populates the growth of memory locked by mlock,
 * even if the library locked it on fault. So unlock the range, let it grow, and
 * lock all of it on fault again.
 */
static int remap_flagged(struct remap *r, size_t old_len, size_t new_len)
{
	bool exact = false, is_sure = !may_leave_holes(r);
	struct lof_range kept, tail;
	struct lof_change change;
	int err;

	announce(&change, r);
	err = lof_onfault_by_mlock_allows(lof_range_len(r->new) -
					  lof_range_len(r->old)) ?
	      0 : -EAGAIN;
	if (!err)
		err = call_kernel_unlocked(&change, r, old_len, new_len,
					   &exact);
	split(r, &kept, &tail);
	exact = !err && !lof_lock_onfault(tail) && exact;
	if (!err)
		change.attr = lof_attr_of_lock(LOF_ONFAULT);
	lof_change_end(&change, exact && is_sure ? LOF_DONE : LOF_UNSURE);
	return err;
}

/*
 * A visit of runs: are all of them locked, with the same attribute (the suspect
 * bit aside)? *whole: their range and attribute. -ENOENT: no.
 */
static int is_whole(const struct lof_entry *run, void *arg)
{
	struct lof_entry *whole = arg;

	if (!LOF_ATTR_KIND(run->attr))
		return -ENOENT;
	if (lof_range_is_empty(whole->range))
		*whole = *run;
	else if ((whole->attr ^ run->attr) & ~LOF_ATTR_SUSPECT)
		return -ENOENT;
	else
		whole->range.end = run->range.end;
	return 0;
}

/*
 * Ask the kernel: is any page of the old range locked? If the ledger does not
 * note the whole range as locked alike, correct the ledger first: a wrong note
 * would make the call lock or unlock memory of another part of the program.
 * False, too, if the ledger is busy.
 */
static bool is_locked(struct lof_range old)
{
	struct lof_entry whole = { .attr = 0 };

	if (!lof_is_locked(old))
		return false;
	return !lof_ledger_each_run(LOF_NOTED_LOCKS, old, is_whole, &whole) ||
	       lof_ledger_reread(old) != -EBUSY;
}

static int is_other_kind(const struct lof_entry *run, void *arg)
{
	unsigned int *kind = arg;

	if (*kind == UINT_MAX)
		*kind = LOF_ATTR_KIND(run->attr);
	return *kind != LOF_ATTR_KIND(run->attr);
}

/*
 * Is the old range locked in several ways, so that it has several VMAs? The
 * kernel moves them only with MREMAP_FIXED; but not locked, they may be one.
 */
static bool has_several_kinds(struct lof_range old)
{
	unsigned int kind = UINT_MAX;

	return lof_ledger_each_run(LOF_NOTED_LOCKS, old, is_other_kind,
				   &kind) == 1;
}

/* Without mlock2 both kinds may be in one VMA, which the kernel would move. */
static int remap_locked_dontunmap(struct remap *r, size_t len)
{
	if (r->flags & MREMAP_FIXED || !has_several_kinds(r->old))
		return remap_dontunmap(r, len);
	return lof_cap_is_there(LOF_CAP_MLOCK2) ? remap_plain(r, len, len)
						: -EFAULT;
}

/*
 * Would the kernel populate the growth, although it must not be populated?
 *
 * 1         yes
 * 0         no, or the range does not grow
 * -EFAULT   no mlock2, and the range is not locked alike: a kernel with mlock2
 *           would refuse to let it grow
 */
static int is_to_be_spared(const struct remap *r, bool populates)
{
	bool is_native = lof_cap_is_there(LOF_CAP_MLOCK2);
	struct lof_entry whole = { .attr = 0 };

	if (r->copies || lof_range_len(r->new) <= lof_range_len(r->old) ||
	    (populates && is_native) || !is_locked(r->old) ||
	    lof_ledger_has(LOF_NOTED_LOCKS, r->old) <= 0)
		return 0;
	if (lof_ledger_each_run(LOF_NOTED_LOCKS, r->old, is_whole, &whole))
		return is_native ? 0 : -EFAULT;
	return LOF_ATTR_KIND(whole.attr) == LOF_FULL ?
	       !populates : LOF_ATTR_HOW(whole.attr) == LOF_BY_FLAG;
}

/*
 * The old range wraps, so the kernel moves nothing. With MREMAP_FIXED the kernel
 * (seen on 6.18) unmaps the new range and fails. Before 6.17 the call succeeds
 * if the lengths are equal, and changes nothing.
 */
static int remap_nothing(const struct remap *r, uintptr_t addr, size_t old_len,
			 size_t new_len, uintptr_t *result)
{
	struct lof_change change;
	int err;

	lof_change_begin(&change, LOF_MAY_UNLOCK, LOF_NO_RANGE,
			 r->flags & MREMAP_FIXED ? r->new : LOF_NO_RANGE);
	err = lof_next_mremap(addr, old_len, new_len, r->flags, r->new.start,
			      result);
	lof_change_end(&change, LOF_UNSURE);
	return err;
}

static int remap(uintptr_t addr, size_t old_len, size_t new_len, int flags,
		 uintptr_t new_addr, uintptr_t *result)
{
	bool populates = !(flags & LOF_MREMAP_NOPOPULATE);
	size_t page = lof_sys_page_size();
	/* The kernel rounds first, and may get 0 or equal lengths. */
	size_t rounded = (old_len + page - 1) & ~(page - 1);
	struct remap r = { .copies = rounded == 0 };
	int err;

	flags &= ~LOF_MREMAP_NOPOPULATE;
	r.flags = flags;

	/* The kernel will refuse arguments that are not a range. */
	if (addr & (page - 1) || new_addr & (page - 1) ||
	    lof_range_widen(&r.new, new_addr, new_len, page))
		return lof_next_mremap(addr, old_len, new_len, flags, new_addr,
				       result);
	if (lof_range_widen(&r.old, addr, r.copies ? page : old_len, page))
		return remap_nothing(&r, addr, old_len, new_len, result);
	if (flags & MREMAP_DONTUNMAP && flags & MREMAP_MAYMOVE && !r.copies &&
	    lof_range_len(r.old) == lof_range_len(r.new) && is_locked(r.old))
		err = remap_locked_dontunmap(&r, new_len);
	else if ((err = is_to_be_spared(&r, populates)) > 0)
		err = lof_cap_is_there(LOF_CAP_MLOCK2) ?
		      remap_unpopulated(&r, old_len, new_len) :
		      remap_flagged(&r, old_len, new_len);
	else if (!err)
		err = remap_plain(&r, old_len, new_len);
	*result = r.new.start;
	return err;
}

/*
 * Is the range locked only by the emulated MCL_FUTURE? The ledger cannot tell
 * for certain: true if the whole range is locked on fault, and not held.
 */
static bool is_followed(struct lof_range old)
{
	struct lof_entry whole = { .attr = 0 };

	return lof_mclfuture_emulated() &&
	       !lof_ledger_has(LOF_NOTED_HOLDS, old) &&
	       !lof_ledger_each_run(LOF_NOTED_LOCKS, old, is_whole, &whole) &&
	       LOF_ATTR_KIND(whole.attr) == LOF_ONFAULT;
}

static int first_budget(const struct lof_entry *run, void *arg)
{
	unsigned int *id = arg;

	*id = LOF_BUDGET_ID(run->attr);
	return *id != 0;
}

/* The number of the first budget in range; 0: the range has no budget. */
static unsigned int budget_of(struct lof_range range)
{
	unsigned int id = 0;

	return lof_ledger_has(LOF_NOTED_BUDGETS, range) > 0 &&
	       lof_ledger_each_run(LOF_NOTED_BUDGETS, range, first_budget,
				   &id) > 0 ?
	       id : 0;
}

/*
 * mremap(), with a second try on unlocked memory if the growth failed because
 * of a lock that the program did not ask for:
 *
 * -EAGAIN   the growth is over the limit, and only the emulated MCL_FUTURE
 *           locked the range
 * -EFAULT   a budget split the range into several VMAs; the next scan locks the
 *           range again
 *
 * If the second try fails, too, its error is that of memory without this lock.
 * A range under a budget takes its growth into the budget.
 */
static int remap_eased(uintptr_t addr, size_t old_len, size_t new_len,
		       int flags, uintptr_t new_addr, uintptr_t *result)
{
	int err = remap(addr, old_len, new_len, flags, new_addr, result), again;
	struct lof_range old, tail;
	unsigned int budget;

	if ((err && err != -EAGAIN && err != -EFAULT) || new_len <= old_len ||
	    lof_range_of(&old, (void *)addr, old_len))
		return err;
	budget = budget_of(err ? old : (struct lof_range){
			*result, *result + lof_range_len(old) });
	if (err && !(err == -EAGAIN && is_followed(old)) &&
	    !(err == -EFAULT && budget))
		return err;
	if (err) {
		if (lof_unlock_range(old))
			return err;
		again = remap(addr, old_len, new_len, flags, new_addr, result);
		if (again && !budget)
			lof_lock_range(old, LOF_ONFAULT);
		if (again)
			return again;
	}
	if (budget && !lof_range_of(&tail, (void *)*result, new_len)) {
		tail.start += lof_range_len(old);
		lof_budget_assign(tail, budget);
	}
	return 0;
}

LOF_PUBLIC void *lof_mremap(void *addr, size_t old_len, size_t new_len,
			    int flags, ...)
{
	uintptr_t new_addr = 0, result = 0;
	va_list args;
	int err;

	/* The kernel and libc read new_addr in no other case. */
	if (flags & (MREMAP_FIXED | MREMAP_DONTUNMAP)) {
		va_start(args, flags);
		new_addr = (uintptr_t)va_arg(args, void *);
		va_end(args);
	}
	err = remap_eased((uintptr_t)addr, old_len, new_len, flags, new_addr,
			  &result);
	return lof_return_ptr(err, result);
}
