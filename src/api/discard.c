/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* lof_discard and lof_madvise: give pages back and keep their locks. */
#include "config.h"

#include "lockonfault.h"

#include "api/result.h"
#include "base/options.h"
#include "kernel/caps.h"
#include "kernel/next.h"
#include "kernel/probe.h"
#include "kernel/sys.h"
#include "ledger/change.h"
#include "ledger/resync.h"
#include "lock/relock.h"
#include "lock/unlock.h"

/*
 * The kernel refuses this advice on locked memory: unlock the range, give the
 * advice, and lock the range again.
 */
static int advise_unlocked(struct lof_range range, int advice)
{
	enum lof_outcome did = LOF_UNSURE;
	struct lof_change change;
	struct lof_locks before;
	int err;

	lof_ledger_resync(range);
	lof_change_begin(&change, LOF_MAY_LOCK, range, LOF_NO_RANGE);
	/* RLIMIT_MEMLOCK may be lower now, and forbid the new lock. */
	err = lof_can_relock(range) ? 0 : -EAGAIN;
	if (!err) {
		lof_locks_note(&before, range);
		err = lof_unlock_tracked(range);
		if (!err)
			err = lof_next_madvise(range.start,
					       lof_range_len(range), advice);
		if (!lof_relock_as(&before, range, range.start))
			did = LOF_DONE;
	}
	lof_change_end(&change, did);
	return err;
}

static int discard(struct lof_range range)
{
	size_t len = lof_range_len(range);

	if (lof_cap_is_there(LOF_CAP_DONTNEED_LOCKED))
		return lof_next_madvise(range.start, len, MADV_DONTNEED_LOCKED);
	if (!lof_is_locked(range))
		return lof_next_madvise(range.start, len, MADV_DONTNEED);
	/* The kernel discards no locked page before Linux 5.18. */
	return advise_unlocked(range, MADV_DONTNEED);
}

/*
 * The advice that LOF_DISCARD is about. MADV_COLD and MADV_PAGEOUT are not
 * among it: they ask for the swapping that the lock forbids, and they change no
 * content, so no program needs their success.
 */
static bool is_translated(int advice)
{
	return (advice == MADV_DONTNEED || advice == MADV_FREE ||
		advice == MADV_REMOVE || advice == MADV_GUARD_INSTALL) &&
	       lof_option_value(LOF_DISCARD) == LOF_DISCARD_TRANSLATE;
}

/* Give the advice that the kernel refused because of a lock. */
static int advise_locked(struct lof_range range, int advice)
{
	if (advice == MADV_DONTNEED || advice == MADV_FREE)
		return discard(range);
	/* An empty range: does the kernel know the advice? */
	if (lof_sys_madvise(range.start, 0, advice))
		return -EINVAL;
	return advise_unlocked(range, advice);
}

/* A 64-bit kernel does not refuse a 32-bit range that wraps. */
static bool is_range(struct lof_range *range, void *addr, size_t len)
{
	return !((uintptr_t)addr & (lof_sys_page_size() - 1)) &&
	       !lof_range_of(range, addr, len);
}

LOF_PUBLIC int lof_discard(void *addr, size_t len)
{
	struct lof_range range;

	return lof_return(is_range(&range, addr, len) ? discard(range)
						      : -EINVAL);
}

LOF_PUBLIC int lof_madvise(void *addr, size_t len, int advice)
{
	struct lof_range range;
	int err;

	err = lof_next_madvise((uintptr_t)addr, len, advice);
	if (err == -EINVAL && is_translated(advice) &&
	    is_range(&range, addr, len) && lof_is_locked(range))
		err = advise_locked(range, advice);
	return lof_return(err);
}
