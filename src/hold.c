/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Counted locks: lof_hold and lof_drop. A count is raised before the lock is
 * made, and lowered before it is taken back: so who takes it back sees whether
 * somebody else has come to hold the memory, and locks it again for him.
 */
#include "config.h"

#include "lockonfault.h"

#include "api.h"
#include "arm.h"
#include "ledger.h"
#include "nature.h"
#include "probe.h"
#include "relock.h"
#include "unlock.h"

/* Lock on fault what is not locked. 0; 1: something was locked already. */
static int lock_rest(struct lof_range range)
{
	struct lof_range gap = range;
	struct lof_entry entry;
	int ret = 0, locked = 0;

	while (ret >= 0 && lof_ledger_find_in(range, &entry) > 0) {
		range.start = entry.range.end;
		if (!lof_is_locked(entry.range))
			continue;
		gap.end = entry.range.start;
		if (!lof_range_is_empty(gap))
			ret = lof_nature_lock(gap, LOF_ONFAULT, true);
		gap.start = entry.range.end;
		locked = 1;
	}
	gap.end = range.end;
	if (ret >= 0 && (!locked || !lof_range_is_empty(gap)))
		ret = lof_nature_lock(gap, LOF_ONFAULT, true);
	return ret < 0 ? ret : ret | locked;
}

static int lock_held(struct lof_range range, unsigned int kind)
{
	struct lof_call call;
	int ret;

	ret = lof_call_begin(&call, LOF_ADDS, range, LOF_NO_RANGE);
	if (ret)
		return ret;
	ret = kind == LOF_FULL ? lof_nature_lock(range, kind, true)
			       : lock_rest(range);
	if (ret < 0) {
		/* Also what lies before a hole. */
		lof_unlock_untracked((struct lof_range){
			range.start, lof_first_hole(range) });
		lof_relock(range, range.start);
	}
	if (lof_call_land(&call, ret ? LOF_UNSURE : LOF_DONE))
		lof_call_set(&call, range, lof_arm_attr(kind));
	lof_call_end(&call);
	return ret < 0 ? ret : 0;
}

static int hold(struct lof_range range, unsigned int kind)
{
	int err;

	err = lof_ledger_hold(range, kind == LOF_FULL);
	if (err)
		return err;
	err = lock_held(range, kind);
	/* In a hole nothing is held any more. */
	if (err)
		lof_ledger_drop(range, true);
	return err;
}

/*
 * Unlock a range. True: somebody has come to hold it meanwhile, so that it was
 * locked again; or it is not all unlocked.
 */
static bool unlock_dropped(struct lof_range range)
{
	bool again = lof_disarm(range) != 0;
	struct lof_entry entry;

	while (lof_ledger_held_in(range, &entry) > 0) {
		lof_arm_again(entry.range, entry.attr & LOF_HELD_FULL ?
					   LOF_FULL : LOF_ONFAULT);
		range.start = entry.range.end;
		again = true;
	}
	return again;
}

static int drop(struct lof_range range)
{
	struct lof_range rest = range, gap = range;
	enum lof_outcome outcome = LOF_DONE;
	struct lof_entry entry;
	struct lof_call call;
	int err;

	err = lof_call_begin(&call, LOF_KEEPS, range, LOF_NO_RANGE);
	if (err)
		return err;
	err = lof_ledger_drop(range, false);
	while (!err && lof_ledger_held_in(rest, &entry) > 0) {
		gap.end = entry.range.start;
		if (!lof_range_is_empty(gap))
			unlock_dropped(gap);
		rest.start = gap.start = entry.range.end;
		outcome = LOF_UNSURE;
	}
	gap.end = range.end;
	if (!err && !lof_range_is_empty(gap) && unlock_dropped(gap))
		outcome = LOF_UNSURE;
	if (lof_call_land(&call, err ? LOF_REFUSED : outcome))
		lof_call_clear(&call, range);
	lof_call_end(&call);
	return err;
}

LOF_PUBLIC int lof_hold(const void *addr, size_t len, unsigned int flags)
{
	struct lof_range range;
	int err;

	if (flags & ~(unsigned int)MLOCK_ONFAULT)
		return lof_return(-EINVAL);
	err = lof_range_of(&range, addr, len);
	if (!err)
		err = hold(range, flags ? LOF_ONFAULT : LOF_FULL);
	return lof_return(err);
}

LOF_PUBLIC int lof_drop(const void *addr, size_t len)
{
	struct lof_range range;
	int err;

	err = lof_range_of(&range, addr, len);
	if (!err)
		err = drop(range);
	return lof_return(err);
}
