/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Counted locks: lof_hold and lof_drop. The count is raised before the lock,
 * and lowered before the unlock. If another thread holds the memory during the
 * unlock, the unlocking thread finds the new count, and locks the memory again.
 */
#include "config.h"

#include "lockonfault.h"

#include "api/result.h"
#include "api/sync_thread.h"
#include "kernel/probe.h"
#include "kernel/sys.h"
#include "ledger/attrs.h"
#include "ledger/change.h"
#include "ledger/runs.h"
#include "lock/onfault.h"
#include "lock/quirks.h"
#include "lock/relock.h"
#include "lock/unlock.h"

/* Lock on fault the gaps between the locked runs of a range. */
struct resting {
	/* result of lof_lock_with_quirks(), or 1: a run was locked */
	int ret;
	struct lof_range gap;	/* unlocked pages since the last locked run */
};

static int lock_gap(struct resting *r)
{
	enum lof_outcome did;
	int ret = lof_range_is_empty(r->gap) ? 0 :
		  lof_lock_with_quirks(r->gap, LOF_ONFAULT, true, &did);

	r->gap = LOF_NO_RANGE;
	if (ret >= 0)
		r->ret |= ret;
	return ret < 0 ? ret : 0;
}

static int lock_if_not_locked(const struct lof_entry *run, void *arg)
{
	struct resting *r = arg;

	if (LOF_ATTR_KIND(run->attr) && lof_is_locked(run->range)) {
		r->ret = 1;
		return lock_gap(r);
	}
	if (lof_range_is_empty(r->gap))
		r->gap.start = run->range.start;
	r->gap.end = run->range.end;
	return 0;
}

/*
 * Lock on fault the pages of range that are not locked.
 *
 * 0         all of range was unlocked, and is locked now
 * 1         a part was locked before, or lof_lock_with_quirks() returned 1
 * other     a negative errno
 */
static int lock_rest(struct lof_range range)
{
	struct resting r = { .ret = 0 };
	enum lof_outcome did;
	int err;

	/* The lock of an empty range needs the privilege, too. */
	if (lof_range_is_empty(range))
		return lof_lock_with_quirks(range, LOF_ONFAULT, true, &did);
	err = lof_ledger_each_run(LOF_NOTED_LOCKS, range, lock_if_not_locked,
				  &r);
	if (!err)
		err = lock_gap(&r);
	return err ? err : r.ret;
}

static int lock_held(struct lof_range range, unsigned int kind)
{
	struct lof_change change;
	enum lof_outcome did;
	int ret, err;

	lof_change_begin(&change, LOF_MAY_LOCK, range, LOF_NO_RANGE);
	ret = kind == LOF_FULL ? lof_lock_with_quirks(range, kind, true, &did)
			       : lock_rest(range);
	did = ret ? LOF_UNSURE : LOF_DONE;
	/* Undo the lock before a hole, too, if the ledger can be read. */
	if (ret < 0) {
		err = lof_unlock_untracked((struct lof_range){
			range.start, lof_first_hole(range) });
		if (lof_relock(range, range.start) >= 0 && !err)
			did = LOF_DONE;
	}
	if (!ret) {
		change.locked = range;
		change.attr = lof_attr_of_lock(kind);
	}
	lof_change_end(&change, did);
	return ret < 0 ? ret : 0;
}

static int hold(struct lof_range range, unsigned int kind)
{
	int err;

	err = lof_holds_add(range, kind == LOF_FULL);
	if (err)
		return err;
	err = lock_held(range, kind);
	/* The hold of unmapped pages ended: skip pages with count 0. */
	if (err)
		lof_holds_remove(range, true);
	return err;
}

static int lock_again_if_held(const struct lof_entry *run, void *arg)
{
	bool *again = arg;

	if (run->attr) {
		lof_lock_again(run->range, run->attr & LOF_HELD_FULL ?
					  LOF_FULL : LOF_ONFAULT);
		*again = true;
	}
	return 0;
}

/*
 * Unlock a run that has no other holder. If another thread holds the run
 * meanwhile, lock it again.
 */
static int unlock_if_dropped(const struct lof_entry *run, void *arg)
{
	bool *unsure = arg;

	if (run->attr) {
		*unsure = true;
		return 0;
	}
	*unsure |= lof_unlock(run->range) != 0;
	if (!lof_ledger_has(LOF_NOTED_HOLDS, run->range))
		return 0;
	return lof_ledger_each_run(LOF_NOTED_HOLDS, run->range,
				   lock_again_if_held, unsure);
}

static int drop(struct lof_range range)
{
	struct lof_change change;
	bool unsure = false;
	int err;

	lof_change_begin(&change, LOF_MAY_UNLOCK, range, LOF_NO_RANGE);
	err = lof_holds_remove(range, false);
	if (!err) {
		unsure |= lof_ledger_each_run(LOF_NOTED_HOLDS, range,
					      unlock_if_dropped, &unsure) != 0;
		if (!unsure)
			change.unlocked = range;
	}
	lof_change_end(&change, err ? LOF_REFUSED :
				unsure ? LOF_UNSURE : LOF_DONE);
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
	lof_sync_thread_use();
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
