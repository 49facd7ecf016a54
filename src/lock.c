/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The calls that lock and unlock a range: mlock2, munlock2, mlock, munlock.
 */
#include "config.h"

#include "lockonfault.h"

#include "api.h"
#include "arm.h"
#include "future.h"
#include "ledger.h"
#include "lock.h"
#include "nature.h"
#include "policy.h"
#include "probe.h"
#include "smaps.h"
#include "sweep.h"
#include "sys_caps.h"
#include "unlock.h"

/* It stopped at a hole: what is before is locked, unless nothing was done. */
static void tell_front(struct lof_call *call, unsigned int kind)
{
	size_t page = lof_sys_page_size();
	struct lof_range front = call->range[0];

	front.end = lof_first_hole(front);
	if (front.end == call->range[0].end || lof_range_is_empty(front) ||
	    !lof_is_locked((struct lof_range){ front.start,
					       front.start + page }) ||
	    !lof_is_locked((struct lof_range){ front.end - page, front.end }))
		return;
	call->hinted = front;
	call->hint = lof_arm_attr(kind);
}

int lof_lock_range(struct lof_range range, unsigned int kind)
{
	struct lof_call call;
	int ret;

	ret = lof_call_begin(&call, LOF_ADDS, range, LOF_NO_RANGE);
	if (ret)
		return ret;
	ret = lof_nature_lock(range, kind, call.fresh);
	if (ret == -ENOMEM && !lof_cap_is_there(LOF_CAP_SMAPS_KIND))
		tell_front(&call, kind);
	if (lof_call_land(&call, ret > 0 ? LOF_UNSURE : lof_outcome(ret)))
		lof_call_set(&call, range, lof_arm_attr(kind));
	lof_call_end(&call);
	return ret > 0 ? 0 : ret;
}

static int lock(const void *addr, size_t len, unsigned int kind)
{
	struct lof_range range;
	int err = lof_range_of(&range, addr, len);

	return err ? err : lof_lock_range(range, kind);
}

int lof_unlock_range(struct lof_range range)
{
	struct lof_entry entry;
	struct lof_call call;
	bool held;
	int err;

	err = lof_call_begin(&call, LOF_KEEPS, range, LOF_NO_RANGE);
	if (err)
		return err;
	held = lof_policy(LOF_HOLDS) == LOF_HOLDS_WIN &&
	       lof_ledger_held_in(range, &entry) != 0;
	err = held ? lof_disarm_unheld(range) : lof_disarm(range);
	if (lof_call_land(&call, held ? LOF_UNSURE : lof_outcome(err)))
		lof_call_clear(&call, range);
	lof_call_end(&call);
	return err;
}

/*
 * A budget ends first, or its sweep would lock again, and so would who follows
 * MCL_FUTURE. A handler that cannot take the lock unlocks all the same.
 */
static int leave_budgets(struct lof_range range)
{
	int err = lof_ledger_sweep(range, lof_future_followed() ? LOF_EXEMPT
								: 0);

	return err == -EBUSY ? 0 : err;
}

static int unlock(const void *addr, size_t len)
{
	struct lof_glance glance;
	struct lof_range range;
	int err;

	err = lof_range_of(&range, addr, len);
	if (err)
		return err;
	if (lof_glance_is_clear(&glance, range) && !lof_future_followed()) {
		err = lof_disarm(range);
		if (!lof_glance_holds(&glance))
			lof_glance_settle(&glance, LOF_UNLOCKED);
		return err;
	}
	err = leave_budgets(range);
	return err ? err : lof_unlock_range(range);
}

/* What of a range to unlock. */
struct choice {
	struct lof_range range;
	unsigned int kind;
};

static int unlock_area(const struct lof_vma *vma, void *arg)
{
	const struct choice *choice = arg;

	return lof_disarm_kinds(vma, choice->range,
				LOF_KIND_BIT(choice->kind));
}

/* The same by the ledger, where there is no smaps. */
static int unlock_tracked(const struct choice *choice)
{
	struct lof_range rest = choice->range;
	struct lof_entry entry;
	int found, err = 0;

	while (!err && (found = lof_ledger_find_in(rest, &entry)) != 0) {
		if (found < 0)
			return found;
		if (LOF_ATTR_KIND(entry.attr) == choice->kind)
			err = lof_disarm_unheld(entry.range);
		rest.start = entry.range.end;
	}
	return err;
}

/*
 * Only smaps tells for certain which way memory is locked that others may have
 * mapped or locked unseen; and what was unlocked is read back from there too.
 */
static int unlock_kind(const void *addr, size_t len, unsigned int kind)
{
	struct choice choice = { .kind = kind };
	struct lof_call call;
	uintptr_t end;
	int err;

	err = lof_range_of(&choice.range, addr, len);
	if (!err && kind == LOF_ONFAULT)
		err = leave_budgets(choice.range);
	if (err)
		return err;
	err = lof_call_begin(&call, LOF_KEEPS, choice.range, LOF_NO_RANGE);
	if (err)
		return err;
	end = choice.range.end;
	choice.range.end = lof_first_hole(choice.range);
	err = lof_smaps_each(unlock_area, &choice);
	if (err && err != -ENOMEM)
		err = unlock_tracked(&choice);
	lof_call_land(&call, LOF_UNSURE);
	lof_call_end(&call);
	return !err && choice.range.end < end ? -ENOMEM : err;
}

LOF_PUBLIC int lof_mlock2(const void *addr, size_t len, unsigned int flags)
{
	if (flags & ~(unsigned int)MLOCK_ONFAULT)
		return lof_return(-EINVAL);
	return lof_return(lock(addr, len, flags ? LOF_ONFAULT
						      : LOF_FULL));
}

/* With LOF_MAX it comes under the process's budget, whatever its size. */
static int lock_converted(const void *addr, size_t len)
{
	struct lof_range range;
	int err;

	if (!lof_policy(LOF_MAX))
		return lock(addr, len, LOF_ONFAULT);
	err = lof_range_of(&range, addr, len);
	if (!err)
		err = lof_arm(LOF_NO_RANGE);
	if (!err && lof_first_hole(range) != range.end)
		err = -ENOMEM;
	if (!err)
		err = lof_sweep_add(range);
	return err == -EBUSY ? -EAGAIN : err;
}

LOF_PUBLIC int lof_mlock(const void *addr, size_t len)
{
	int err = -ENOSYS;

	if (lof_policy(LOF_CONVERT)) {
		err = lock_converted(addr, len);
		if (!err)
			lof_policy_count_converted();
	}
	if (err == -ENOSYS)
		err = lock(addr, len, LOF_FULL);
	return lof_return(err);
}

LOF_PUBLIC int lof_munlock(const void *addr, size_t len)
{
	return lof_return(unlock(addr, len));
}

LOF_PUBLIC int lof_munlock2(const void *addr, size_t len, unsigned int flags)
{
	switch (flags) {
	case MLOCK_ONFAULT:
		return lof_return(unlock_kind(addr, len, LOF_ONFAULT));
	case MLOCK_LOCKED:
		return lof_return(unlock_kind(addr, len, LOF_FULL));
	case MLOCK_ONFAULT | MLOCK_LOCKED:
		return lof_munlock(addr, len);
	default:
		return lof_return(-EINVAL);
	}
}

/* The names that libc lacks, or has only in part. */
LOF_PUBLIC int mlock2(const void *addr, size_t len, unsigned int flags)
	__attribute__((alias("lof_mlock2")));
LOF_PUBLIC int munlock2(const void *addr, size_t len, unsigned int flags)
	__attribute__((alias("lof_munlock2")));
