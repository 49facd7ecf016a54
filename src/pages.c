/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* lof_populate and lof_discard: pages come and go, locks stay. */
#include "config.h"

#include "lockonfault.h"

#include "api.h"
#include "ledger/change.h"
#include "ledger/resync.h"
#include "pages.h"
#include "policy.h"
#include "probe.h"
#include "relock.h"
#include "sys.h"
#include "sys_caps.h"
#include "unlock.h"

/*
 * Touch a page by a system call, which says EFAULT where an instruction would
 * be answered by a signal.
 */
static int touch(uintptr_t page, bool write)
{
	return write ? lof_sys_touch_write((uint32_t *)page)
		     : lof_sys_touch_read((uint32_t *)page);
}

static int touch_all(struct lof_range range, bool write)
{
	uintptr_t hole = lof_first_hole(range);
	size_t page = lof_sys_page_size();
	int err = 0;

	for (uintptr_t at = range.start; !err && at < hole; at += page)
		err = touch(at, write);
	return !err && hole < range.end ? -ENOMEM : err;
}

int lof_populate_range(struct lof_range range, int prot)
{
	bool write = prot & PROT_WRITE;

	if (lof_cap_is_there(LOF_CAP_POPULATE))
		return lof_sys_madvise(range.start, lof_range_len(range),
				       write ? MADV_POPULATE_WRITE :
				       MADV_POPULATE_READ);
	return touch_all(range, write);
}

static int populate(uintptr_t addr, size_t len, int prot)
{
	struct lof_range range;

	if (!prot || prot & ~(PROT_READ | PROT_WRITE) ||
	    addr & (lof_sys_page_size() - 1) ||
	    lof_range_of(&range, (void *)addr, len))
		return -EINVAL;
	return lof_populate_range(range, prot);
}

/*
 * Before Linux 5.18 locked memory keeps its pages: so it is unlocked for a
 * moment.
 */
static int discard_unlocked(struct lof_range range)
{
	struct lof_change change;
	int err;

	lof_change_begin(&change, LOF_MAY_LOCK, range, LOF_NO_RANGE);
	/* Locking it again must be allowed; the limit may have come down. */
	err = lof_can_relock(range) ? 0 : -EAGAIN;
	if (!err) {
		err = lof_unlock_tracked(range);
		if (!err)
			err = lof_sys_madvise(range.start, lof_range_len(range),
					      MADV_DONTNEED);
		lof_relock(range, range.start);
	}
	lof_change_end(&change, LOF_UNSURE);
	return err;
}

bool lof_discards(int advice)
{
	return (advice == MADV_DONTNEED || advice == MADV_FREE) &&
	       lof_policy(LOF_DISCARD) == LOF_DISCARD_TRANSLATE;
}

int lof_discard_range(uintptr_t addr, size_t len)
{
	struct lof_range range;

	/* A kernel of 64 bits takes no end for a wrapped one in 32. */
	if (addr & (lof_sys_page_size() - 1) ||
	    lof_range_of(&range, (void *)addr, len))
		return -EINVAL;
	if (lof_cap_is_there(LOF_CAP_DONTNEED_LOCKED))
		return lof_sys_madvise(addr, len, MADV_DONTNEED_LOCKED);
	if (!lof_is_locked(range))
		return lof_sys_madvise(addr, len, MADV_DONTNEED);
	lof_ledger_resync(range);
	return discard_unlocked(range);
}

LOF_PUBLIC int lof_populate(void *addr, size_t len, int prot)
{
	return lof_return(populate((uintptr_t)addr, len, prot));
}

LOF_PUBLIC int lof_discard(void *addr, size_t len)
{
	return lof_return(lof_discard_range((uintptr_t)addr, len));
}
