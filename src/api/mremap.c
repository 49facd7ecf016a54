/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * mremap: every part of the memory keeps its way of being locked, in all the
 * forms the call has.
 */
#include "config.h"

#include "lockonfault.h"

#include <stdarg.h>

#include "api/result.h"
#include "emulate/mclfuture.h"
#include "kernel/caps.h"
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
	struct lof_range old;	/* as it was; a page if the length was 0 */
	struct lof_range new;	/* as it is asked for, or came out */
	int flags;
	bool copies;		/* old length 0: a second view of it */
};

/* What of the old range there still is, and what of the new one is new. */
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
 * Declare what the kernel did. What is added is locked as the last page before
 * it is.
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

/* The system call; what the kernel chose goes into r. */
static int call_kernel(struct lof_change *change, struct remap *r,
		       size_t old_len, size_t new_len)
{
	uintptr_t result;
	int err;

	err = lof_sys_mremap(r->old.start, old_len, new_len, r->flags,
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
 * A move onto a fixed place unmaps what was there, but (seen on 6.18) not where
 * the old range has a hole. Only the kernel knows of holes.
 */
static bool may_leave_holes(const struct remap *r)
{
	return r->flags & MREMAP_FIXED && lof_ledger_has(LOF_NOTED_LOCKS, r->new);
}

/* One mremap that does to locks what it should. */
static int remap_plain(struct remap *r, size_t old_len, size_t new_len)
{
	struct lof_change change;
	bool is_sure;
	int err;

	announce(&change, r);
	is_sure = !may_leave_holes(r);
	err = call_kernel(&change, r, old_len, new_len);
	/* A move of several areas may stop at any one of them. */
	if (err && r->flags & MREMAP_FIXED)
		is_sure = false;
	lof_change_end(&change, is_sure ? lof_outcome(err) : LOF_UNSURE);
	return err;
}

/*
 * The system call on what is unlocked for that long, and locked again wherever
 * it is then. *exact: all of it is, as it was.
 */
static int call_kernel_unlocked(struct lof_change *change, struct remap *r,
				size_t old_len, size_t new_len, bool *exact)
{
	int err;

	err = lof_unlock_tracked(r->old);
	if (!err)
		err = call_kernel(change, r, old_len, new_len);
	if (err)
		lof_relock(r->old, r->old.start);
	else
		*exact = !lof_relock(r->old, r->new.start);
	return err;
}

/*
 * With MREMAP_DONTUNMAP the kernel (seen on 6.18) unlocks all of the old area,
 * also what does not move, and charges what moves for ever. Unlocked memory it
 * moves well: so unlock what moves, move it, and lock it where it went.
 */
static int remap_dontunmap(struct remap *r, size_t len)
{
	bool exact = false, is_sure = !may_leave_holes(r);
	struct lof_change change;
	int err;

	announce(&change, r);
	/* Locking it again must be allowed; the limit may have come down. */
	err = lof_can_relock(r->old) ? 0 : -EAGAIN;
	if (!err)
		err = call_kernel_unlocked(&change, r, len, len, &exact);
	/* What another thread locked in the old area is unlocked as a whole. */
	if (!lof_change_end(&change, exact && is_sure ? LOF_DONE : LOF_UNSURE))
		lof_ledger_suspect_all();
	return err;
}

/*
 * Growth of what is locked in full is populated, of what is locked on fault it
 * is not: so for the length of the call all is on fault.
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
 * What mlock locked is populated where it grows, whatever kind it is for us.
 * So, without mlock2, it grows unlocked, and is locked again.
 */
static int remap_flagged(struct remap *r, size_t old_len, size_t new_len)
{
	bool exact = false, is_sure = !may_leave_holes(r);
	struct lof_range kept, tail;
	struct lof_change change;
	int err;

	announce(&change, r);
	err = lof_onfault_by_mlock_allows(lof_range_len(r->new) - lof_range_len(r->old)) ?
	      0 : -EAGAIN;
	if (!err)
		err = call_kernel_unlocked(&change, r, old_len, new_len, &exact);
	split(r, &kept, &tail);
	exact = !err && !lof_lock_onfault(tail) && exact;
	if (!err)
		change.attr = lof_attr_of_lock(LOF_ONFAULT);
	lof_change_end(&change, exact && is_sure ? LOF_DONE : LOF_UNSURE);
	return err;
}

/* The old range is noted alike: its attribute; 0: it is not, or not locked. */
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
 * Is anything in the old range locked, by the kernel's word? If the ledger does
 * not have all of it as locked alike, it is made to agree, so that no stranger's
 * memory is locked or unlocked for it.
 */
static bool is_locked(struct lof_range old)
{
	struct lof_entry whole = { .attr = 0 };

	if (!lof_is_locked(old))
		return false;
	return !lof_ledger_each_run(LOF_NOTED_LOCKS, old, is_whole, &whole) ||
	       lof_ledger_reread(old) != -EBUSY;
}

/*
 * It grows, and shall not be populated, but would be. 1; 0; -EFAULT: it is not
 * locked alike, so that no kernel with mlock2 would let it grow.
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
 * The old range wraps. With MREMAP_FIXED the kernel (seen on 6.18) unmaps what
 * is at the new place before it says so.
 */
static int remap_refused(const struct remap *r, uintptr_t addr, size_t old_len,
			 size_t new_len)
{
	struct lof_change change;
	uintptr_t unused;
	int err;

	lof_change_begin(&change, LOF_MAY_UNLOCK, LOF_NO_RANGE,
			 r->flags & MREMAP_FIXED ? r->new : LOF_NO_RANGE);
	err = lof_sys_mremap(addr, old_len, new_len, r->flags, r->new.start,
			     &unused);
	lof_change_end(&change, LOF_UNSURE);
	return err;
}

static int remap(uintptr_t addr, size_t old_len, size_t new_len, int flags,
		 uintptr_t new_addr, uintptr_t *result)
{
	bool populates = !(flags & LOF_MREMAP_NOPOPULATE);
	size_t page = lof_sys_page_size();
	/* The kernel rounds first: then a length may be 0, or the same. */
	size_t rounded = (old_len + page - 1) & ~(page - 1);
	struct remap r = { .copies = rounded == 0 };
	int err;

	flags &= ~LOF_MREMAP_NOPOPULATE;
	r.flags = flags;

	/* What cannot be a range is the kernel's to refuse. */
	if (addr & (page - 1) || new_addr & (page - 1) ||
	    lof_range_widen(&r.new, new_addr, new_len, page))
		return lof_sys_mremap(addr, old_len, new_len, flags, new_addr,
				      result);
	if (lof_range_widen(&r.old, addr, r.copies ? page : old_len, page))
		return remap_refused(&r, addr, old_len, new_len);
	if (flags & MREMAP_DONTUNMAP && flags & MREMAP_MAYMOVE && !r.copies &&
	    lof_range_len(r.old) == lof_range_len(r.new) && is_locked(r.old))
		err = remap_dontunmap(&r, new_len);
	else if ((err = is_to_be_spared(&r, populates)) > 0)
		err = lof_cap_is_there(LOF_CAP_MLOCK2) ?
		      remap_unpopulated(&r, old_len, new_len) :
		      remap_flagged(&r, old_len, new_len);
	else if (!err)
		err = remap_plain(&r, old_len, new_len);
	*result = r.new.start;
	return err;
}

/* What only MCL_FUTURE by our own hand has locked, as far as one can see. */
static bool is_followed(struct lof_range old)
{
	struct lof_entry whole = { .attr = 0 };

	return lof_mclfuture_emulated() && !lof_ledger_has(LOF_NOTED_HOLDS, old) &&
	       !lof_ledger_each_run(LOF_NOTED_LOCKS, old, is_whole, &whole) &&
	       LOF_ATTR_KIND(whole.attr) == LOF_ONFAULT;
}

static int first_budget(const struct lof_entry *run, void *arg)
{
	unsigned int *id = arg;

	*id = LOF_BUDGET_ID(run->attr);
	return *id != 0;
}

/* The number of the first budget in range; 0: it is under none. */
static unsigned int budget_of(struct lof_range range)
{
	unsigned int id = 0;

	return lof_ledger_has(LOF_NOTED_BUDGETS, range) > 0 &&
	       lof_ledger_each_run(LOF_NOTED_BUDGETS, range, first_budget, &id) > 0 ?
	       id : 0;
}

/*
 * It grows, but not within the limit, so that what we lock beyond what was asked
 * for must do without; or a budget has split it into areas, which its sweep will
 * do again.
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
			return err;
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

	/* The kernel looks at it in no other case, nor does libc. */
	if (flags & (MREMAP_FIXED | MREMAP_DONTUNMAP)) {
		va_start(args, flags);
		new_addr = (uintptr_t)va_arg(args, void *);
		va_end(args);
	}
	err = remap_eased((uintptr_t)addr, old_len, new_len, flags, new_addr,
			  &result);
	return lof_return_ptr(err, result);
}
