/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* lof_discard and lof_madvise: discard pages and keep their locks. */
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
 * Before Linux 5.18 the kernel does not discard locked pages: unlock the range,
 * discard its pages, and lock the range again.
 */
static int discard_unlocked(struct lof_range range)
{
	struct lof_change change;
	int err;

	lof_change_begin(&change, LOF_MAY_LOCK, range, LOF_NO_RANGE);
	/* RLIMIT_MEMLOCK may be lower now, and forbid the new lock. */
	err = lof_can_relock(range) ? 0 : -EAGAIN;
	if (!err) {
		err = lof_unlock_tracked(range);
		if (!err)
			err = lof_next_madvise(range.start,
					       lof_range_len(range),
					       MADV_DONTNEED);
		lof_relock(range, range.start);
	}
	lof_change_end(&change, LOF_UNSURE);
	return err;
}

static bool is_discard(int advice)
{
	return (advice == MADV_DONTNEED || advice == MADV_FREE) &&
	       lof_option_value(LOF_DISCARD) == LOF_DISCARD_TRANSLATE;
}

static int discard(uintptr_t addr, size_t len)
{
	struct lof_range range;

	/* A 64-bit kernel does not refuse a 32-bit range that wraps. */
	if (addr & (lof_sys_page_size() - 1) ||
	    lof_range_of(&range, (void *)addr, len))
		return -EINVAL;
	if (lof_cap_is_there(LOF_CAP_DONTNEED_LOCKED))
		return lof_next_madvise(addr, len, MADV_DONTNEED_LOCKED);
	if (!lof_is_locked(range))
		return lof_next_madvise(addr, len, MADV_DONTNEED);
	lof_ledger_resync(range);
	return discard_unlocked(range);
}

LOF_PUBLIC int lof_discard(void *addr, size_t len)
{
	return lof_return(discard((uintptr_t)addr, len));
}

LOF_PUBLIC int lof_madvise(void *addr, size_t len, int advice)
{
	struct lof_range range;
	int err;

	err = lof_next_madvise((uintptr_t)addr, len, advice);
	if (err == -EINVAL && is_discard(advice) &&
	    !lof_range_of(&range, addr, len) && lof_is_locked(range))
		err = discard((uintptr_t)addr, len);
	return lof_return(err);
}
