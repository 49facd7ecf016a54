/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The calls that lock and unlock a range: mlock2, munlock2, mlock, munlock.
 */
#include "config.h"

#include "lockonfault.h"

#include "api/hooked.h"
#include "api/result.h"
#include "api/sync_thread.h"
#include "base/options.h"
#include "emulate/budget.h"
#include "emulate/mclfuture.h"
#include "emulate/skip.h"
#include "kernel/caps.h"
#include "kernel/probe.h"
#include "kernel/smaps.h"
#include "kernel/sys.h"
#include "ledger/attrs.h"
#include "ledger/change.h"
#include "ledger/fastpath.h"
#include "ledger/runs.h"
#include "lock/onfault.h"
#include "lock/quirks.h"
#include "lock/tracked.h"
#include "lock/unlock.h"

/*
 * Make one system call; if the call fails, keep its partial effect.
 * lof_lock_range() takes over in two cases: no system call locks hugetlb on
 * fault, and without mlock2 only the ledger knows the kinds.
 */
static int lock_as_kernel(struct lof_range range, unsigned int kind,
			  bool by_mlock2)
{
	struct lof_change change;
	int err;

	if (!lof_cap_is_there(LOF_CAP_MLOCK2) ||
	    (kind == LOF_ONFAULT && lof_may_have_hugetlb(range))) {
		err = lof_lock_range(range, kind);
		/* mlock() of MAP_DROPPABLE succeeds, and locks nothing. */
		return err == -EOPNOTSUPP ? 0 : err;
	}
	lof_change_begin(&change, LOF_MAY_LOCK, range, LOF_NO_RANGE);
	err = lof_lock_as_asked(range, kind, by_mlock2);
	if (!err) {
		change.locked = range;
		change.attr = lof_attr_of_lock(kind);
	}
	lof_change_end(&change, lof_outcome(err));
	return err;
}

static int mlock_as_kernel(struct lof_range range, unsigned int kind)
{
	return lock_as_kernel(range, kind, false);
}

/* If no way is left but mlock2 itself, a filter answers it. */
static int mlock2_as_kernel(struct lof_range range, unsigned int kind)
{
	int err = lock_as_kernel(range, kind, true);

	return err == -ENOSYS &&
	       lof_option_value(LOF_FALLBACK) == LOF_FALLBACK_EMULATE ?
	       lof_sys_mlock2(range, MLOCK_ONFAULT) : err;
}

typedef int lock_range(struct lof_range range, unsigned int kind);

static int lock(const void *addr, size_t len, unsigned int kind,
		lock_range *by)
{
	struct lof_range range;
	int err = lof_range_of(&range, addr, len);

	if (!err) {
		err = by(range, kind);
		/* The kernel locks what is before a hole. */
		lof_unlock_skipped(range);
	}
	lof_sync_thread_use();
	return err;
}

/*
 * Take the range out of its budget before the unlock, or the next scan would
 * lock the range again. If MCL_FUTURE is emulated, exempt the range from the
 * emulation. A signal handler that cannot take the ledger's lock (-EBUSY) goes
 * on and unlocks.
 */
static int leave_budgets(struct lof_range range)
{
	int err = lof_budget_assign(range, lof_mclfuture_emulated() ?
					   LOF_BUDGET_EXEMPT : 0);

	return err == -EBUSY ? 0 : err;
}

static int unlock(const void *addr, size_t len)
{
	struct lof_fastpath path;
	struct lof_range range;
	int err;

	err = lof_range_of(&range, addr, len);
	if (err)
		return err;
	if (lof_fastpath_begin(&path, range) && !lof_mclfuture_emulated()) {
		err = lof_unlock_as_asked(range);
		if (!lof_fastpath_holds(&path))
			lof_fastpath_repair(&path, LOF_UNLOCKED);
		return err;
	}
	err = leave_budgets(range);
	return err ? err : lof_unlock_range_as_asked(range);
}

/* Unlock the parts of range that are locked in this kind. */
struct choice {
	struct lof_range range;
	unsigned int kind;
};

static int unlock_area(const struct lof_vma *vma, void *arg)
{
	const struct choice *choice = arg;

	return lof_unlock_kinds(vma, choice->range,
				LOF_KIND_BIT(choice->kind));
}

/* Without smaps: unlock a run that the ledger notes in this kind. */
static int unlock_run(const struct lof_entry *run, void *arg)
{
	const struct choice *choice = arg;

	return LOF_ATTR_KIND(run->attr) == choice->kind ?
	       lof_unlock_unheld(run->range) : 0;
}

/*
 * Unlock the memory of one kind. Only smaps tells the kind of memory that was
 * mapped or locked without the library.
 */
static int unlock_kind(const void *addr, size_t len, unsigned int kind)
{
	struct choice choice = { .kind = kind };
	struct lof_change change;
	uintptr_t end;
	int err;

	err = lof_range_of(&choice.range, addr, len);
	if (!err && kind == LOF_ONFAULT)
		err = leave_budgets(choice.range);
	if (err)
		return err;
	lof_change_begin(&change, LOF_MAY_UNLOCK, choice.range, LOF_NO_RANGE);
	end = choice.range.end;
	choice.range.end = lof_first_hole(choice.range);
	err = lof_smaps_each(unlock_area, &choice);
	if (err && err != -ENOMEM && err != -EBUSY)
		err = lof_ledger_each_run(LOF_NOTED_LOCKS, choice.range,
					  unlock_run, &choice);
	lof_change_end(&change, LOF_UNSURE);
	return !err && choice.range.end < end ? -ENOMEM : err;
}

static int lock2(const void *addr, size_t len, unsigned int flags,
		 lock_range *by)
{
	if (flags & ~(unsigned int)MLOCK_ONFAULT)
		return lof_return(-EINVAL);
	return lof_return(lock(addr, len, flags ? LOF_ONFAULT : LOF_FULL, by));
}

LOF_PUBLIC int lof_mlock2(const void *addr, size_t len, unsigned int flags)
{
	return lock2(addr, len, flags, lof_lock_range);
}

LOF_PUBLIC int lof_hooked_mlock2(const void *addr, size_t len,
				 unsigned int flags)
{
	return lock2(addr, len, flags, mlock2_as_kernel);
}

/* With LOF_CONVERT_MAX, put a range of any size into the process's budget. */
static int lock_converted(const void *addr, size_t len, lock_range *by)
{
	struct lof_range range;
	int err;

	if (!lof_option_value(LOF_CONVERT_MAX))
		return lock(addr, len, LOF_ONFAULT, by);
	err = lof_range_of(&range, addr, len);
	if (!err)
		err = lof_may_lock();
	if (!err && lof_first_hole(range) != range.end)
		err = -ENOMEM;
	if (!err)
		err = lof_budget_add(range);
	if (!err)
		lof_unlock_skipped(range);
	lof_sync_thread_use();
	return err == -EBUSY ? -EAGAIN : err;
}

static int lock1(const void *addr, size_t len, lock_range *by)
{
	int err = -ENOSYS;

	if (lof_option_value(LOF_CONVERT)) {
		err = lock_converted(addr, len, by);
		if (!err)
			lof_count_converted();
	}
	if (err == -ENOSYS)
		err = lock(addr, len, LOF_FULL, by);
	return lof_return(err);
}

LOF_PUBLIC int lof_mlock(const void *addr, size_t len)
{
	return lock1(addr, len, lof_lock_range);
}

LOF_PUBLIC int lof_hooked_mlock(const void *addr, size_t len)
{
	return lock1(addr, len, mlock_as_kernel);
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

/*
 * Names that some libc versions lack; no libc has munlock2. They are weak,
 * because a static program may have functions of these names.
 */
LOF_PUBLIC int mlock2(const void *addr, size_t len, unsigned int flags)
	__attribute__((weak, alias("lof_mlock2")));
LOF_PUBLIC int munlock2(const void *addr, size_t len, unsigned int flags)
	__attribute__((weak, alias("lof_munlock2")));
