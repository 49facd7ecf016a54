/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * For the shim, with LOCKONFAULT_HOLDS: the program's locks stack. They are the
 * locks of mlock2.c with the counts of lof_hold(). As there, the count is raised
 * before the lock and lowered before the unlock.
 */
#include "config.h"

#include "api/hooked.h"

#include "api/result.h"
#include "base/options.h"
#include "kernel/probe.h"
#include "kernel/sys.h"
#include "ledger/attrs.h"
#include "ledger/runs.h"

/* A handler that interrupts the ledger's own code must try again. */
static int as_kernel(int err)
{
	return err == -EBUSY ? -EAGAIN : err;
}

static int lock(const void *addr, size_t len, int flags)
{
	return flags == LOF_HOOKED_MLOCK ? lof_hooked_mlock(addr, len) :
	       lof_hooked_mlock2(addr, len, (unsigned int)flags);
}

static bool is_full(int flags)
{
	return flags == LOF_HOOKED_MLOCK ? !lof_option_value(LOF_CONVERT)
					 : !flags;
}

/* A page with the greatest count is locked, and not counted any more. */
LOF_PUBLIC int lof_hooked_hold(const void *addr, size_t len, int flags)
{
	struct lof_range range;
	int err, ret;

	if (lof_range_of(&range, addr, len))
		return lock(addr, len, flags);
	err = lof_range_is_empty(range) ? 0 :
	      lof_holds_add(range, is_full(flags));
	if (err && err != -EOVERFLOW)
		return lof_return(as_kernel(err));
	ret = lock(addr, len, flags);
	if (ret && !err)
		lof_holds_remove(range, true);
	return ret;
}

static int lock_if_held(const struct lof_entry *run, void *arg)
{
	(void)arg;
	if (run->attr)
		lock((const void *)run->range.start, lof_range_len(run->range),
		     run->attr & LOF_HELD_FULL ? 0 : LOF_HOOKED_MLOCK);
	return 0;
}

/*
 * Unlock a run that has no holder. If another thread holds the run meanwhile,
 * lock it again.
 */
static int unlock_if_free(const struct lof_entry *run, void *arg)
{
	(void)arg;
	if (run->attr)
		return 0;
	if (lof_munlock((const void *)run->range.start,
			lof_range_len(run->range)))
		return -errno;
	if (!lof_ledger_has(LOF_NOTED_HOLDS, run->range))
		return 0;
	return lof_ledger_each_run(LOF_NOTED_HOLDS, run->range, lock_if_held,
				   NULL);
}

/* Like the kernel, unlock what is before the first hole. */
static int drop(struct lof_range range)
{
	struct lof_range front = { range.start, lof_first_hole(range) };
	int err = lof_holds_remove(front, true);

	if (!err)
		err = lof_ledger_each_run(LOF_NOTED_HOLDS, front,
					  unlock_if_free, NULL);
	if (!err && front.end != range.end)
		err = -ENOMEM;
	return as_kernel(err);
}

LOF_PUBLIC int lof_hooked_drop(const void *addr, size_t len)
{
	struct lof_range range;
	int saved = errno, err;

	if (lof_range_of(&range, addr, len) || lof_range_is_empty(range))
		return lof_munlock(addr, len);
	err = drop(range);
	errno = saved;
	return lof_return(err);
}

LOF_PUBLIC int lof_hooked_drop_all(void)
{
	int ret = lof_munlockall();

	if (!ret)
		lof_holds_clear(lof_range_all(lof_sys_page_size()));
	return ret;
}
