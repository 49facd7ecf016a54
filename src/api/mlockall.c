/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The calls that lock and unlock the whole process: mlockall and munlockall. */
#include "config.h"

#include "lockonfault.h"

#include "api/hooked.h"
#include "api/result.h"
#include "api/sync_thread.h"
#include "base/options.h"
#include "emulate/mclfuture.h"
#include "emulate/mclfuture_emulated.h"
#include "emulate/skip.h"
#include "kernel/caps.h"
#include "kernel/next.h"
#include "kernel/probe.h"
#include "kernel/smaps.h"
#include "kernel/sys.h"
#include "ledger/attrs.h"
#include "ledger/change.h"
#include "ledger/resync.h"
#include "ledger/runs.h"
#include "lock/giant.h"
#include "lock/onfault.h"
#include "lock/onfault_by_mlock.h"
#include "lock/quirks.h"
#include "lock/relock.h"
#include "lock/tracked.h"
#include "lock/unlock.h"

#define MCL_ALL		(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT)

static struct lof_range everything(void)
{
	return lof_range_all(lof_sys_page_size());
}

static int survey_area(const struct lof_vma *vma, void *arg)
{
	bool *hugetlb = arg;

	*hugetlb |= vma->hugetlb;
	return 0;
}

/* Is hugetlb mapped? mlockall() would populate it, even on fault. */
static bool has_hugetlb(void)
{
	bool hugetlb = false;

	if (lof_cap_is_there(LOF_CAP_HUGETLB))
		lof_smaps_each(survey_area, &hugetlb);
	return hugetlb;
}

static int restore_area(const struct lof_vma *vma, void *arg)
{
	(void)arg;
	if (lof_unlock_untracked(vma->range) != -EBUSY)
		lof_relock(vma->range, vma->range.start);
	return 0;
}

/* Lock each VMA as the ledger notes it. */
static void restore_all(void)
{
	lof_smaps_each(restore_area, NULL);
}

/*
 * Lock a giant VMA in pieces: mlockall() would charge it wrongly. mlockall()
 * skips a VMA that is locked.
 */
static int lock_giant(const struct lof_vma *vma, void *arg)
{
	const unsigned int *kind = arg;

	if (lof_is_giant(vma->range) && !vma->locked)
		lof_lock_as(vma->range, *kind);
	return 0;
}

static int unlock_giant(const struct lof_entry *run, void *arg)
{
	(void)arg;
	if (LOF_ATTR_KIND(run->attr) && lof_is_giant(run->range))
		lof_unlock(run->range);
	return 0;
}

/* Unlock the noted giants in pieces: munlockall() corrupts their charge. */
static void unlock_giants(void)
{
	if (lof_may_have_giants())
		(void)!lof_ledger_each_run(LOF_NOTED_LOCKS, everything(),
					   unlock_giant, NULL);
}

/* Lock a run of adjacent VMAs, without hugetlb and memfd_secret. */
static int lock_run(const struct lof_range *run)
{
	if (lof_range_is_empty(*run) || lof_lock_onfault(*run) != -ENOMEM)
		return 0;
	/* A hole: the kernel's own memory. No hole: over the limit. */
	return lof_first_hole(*run) == run->end ? -ENOMEM : 0;
}

/* Lock a run when it ends. */
static int lock_areas_but_last(const struct lof_vma *vma, void *arg)
{
	struct lof_range *run = arg, before = *run;
	bool kept = lof_is_never_swapped(vma);

	if (!kept && vma->range.start == run->end) {
		run->end = vma->range.end;
		return 0;
	}
	*run = kept ? LOF_NO_RANGE : vma->range;
	return lock_run(&before);
}

/* mlockall() refuses more than the limit before it locks anything. */
static bool is_over_the_limit(void)
{
	uint64_t limit, total;

	return lof_onfault_by_mlock_is_limited(&limit) &&
	       !lof_smaps_total(&total) && total > limit;
}

/*
 * Emulate mlockall(MCL_CURRENT | MCL_ONFAULT), but leave hugetlb alone. Also
 * for a kernel whose mlockall() does not know MCL_ONFAULT.
 */
static int lock_areas(int flags)
{
	unsigned int before = lof_mclfuture_known();
	struct lof_range run = LOF_NO_RANGE;
	int err;

	err = lof_lock_onfault(LOF_NO_RANGE);
	if (!err && is_over_the_limit())
		err = -ENOMEM;
	if (!err && flags & MCL_FUTURE)
		err = lof_sys_mlockall(flags & ~MCL_CURRENT);
	if (err)
		return err;
	if (!(flags & MCL_FUTURE) && before != LOF_NONE) {
		unlock_giants();
		lof_sys_munlockall();
	}
	err = lof_smaps_each(lock_areas_but_last, &run);
	if (!err)
		err = lock_run(&run);
	if (err) {
		unlock_giants();
		lof_sys_munlockall();
		restore_all();
		if (before != LOF_NONE)
			lof_sys_mlockall(before == LOF_ONFAULT ?
					 MCL_FUTURE | MCL_ONFAULT : MCL_FUTURE);
	}
	return err;
}

static int restore_giant(const struct lof_vma *vma, void *arg)
{
	return lof_is_giant(vma->range) ? restore_area(vma, arg) : 0;
}

/*
 * mlockall() with MCL_CURRENT, made by `call`, and with the right charge for
 * giants.
 */
static int lock_current(int flags, unsigned int kind, int (*call)(int))
{
	int err;

	if (lof_may_have_giants())
		lof_smaps_each(lock_giant, &kind);
	err = call(flags);
	if (err && lof_may_have_giants())
		lof_smaps_each(restore_giant, NULL);
	return err;
}

static int call_native(int flags, unsigned int kind)
{
	if (!(flags & MCL_CURRENT))
		return lof_next_mlockall(flags);
	if (kind == LOF_ONFAULT && has_hugetlb())
		return lock_areas(flags);
	return lock_current(flags, kind, lof_next_mlockall);
}

/*
 * If mlockall() does not know MCL_ONFAULT, lock_areas() can lock the present
 * mappings. Only the kernel can lock the future mappings: -EINVAL.
 */
static int call_mlockall(int flags, unsigned int kind)
{
	int err = -EINVAL;

	if (kind != LOF_ONFAULT || lof_cap_is_there(LOF_CAP_MLOCKALL_ONFAULT))
		err = call_native(flags, kind);
	if (kind == LOF_ONFAULT &&
	    lof_cap_is_lost(LOF_CAP_MLOCKALL_ONFAULT, err))
		err = -EINVAL;
	if (err != -EINVAL || kind != LOF_ONFAULT ||
	    lof_cap_is_there(LOF_CAP_MLOCK2))
		return err;
	if (!(flags & MCL_FUTURE))
		return lock_areas(flags);
	err = lof_lock_onfault(LOF_NO_RANGE);
	return err ? err : -EINVAL;
}

static int lock_all(int flags)
{
	unsigned int kind = flags & MCL_ONFAULT ? LOF_ONFAULT : LOF_FULL;
	unsigned int future = flags & MCL_FUTURE ? kind : LOF_NONE;
	struct lof_change change;
	struct lof_mclfuture_update turn;
	int err;

	/* Up to Linux 5.1 mlockall(MCL_ONFAULT) succeeds, and unlocks all. */
	if (flags == MCL_ONFAULT || flags & ~MCL_ALL)
		return -EINVAL;
	lof_change_begin(&change, LOF_MAY_LOCK, everything(), LOF_NO_RANGE);
	turn = lof_mclfuture_begin();
	err = call_mlockall(flags, kind);
	lof_mclfuture_end(turn, err ? LOF_MCLFUTURE_SAME : (int)future);
	if (!err)
		change.assumed = lof_attr_of_lock(kind);
	/* MCL_CURRENT skips memory that cannot be locked. */
	lof_change_end(&change, flags & MCL_CURRENT ? LOF_UNSURE : LOF_REFUSED);
	return err;
}

/*
 * End the emulation of MCL_FUTURE, without a system call. Call this before a
 * system call that unlocks: a thread that locks a new mapping then sees the end
 * of the emulation, and unlocks the mapping.
 */
static void stop_following(void)
{
	if (lof_mclfuture_emulated())
		lof_mclfuture_end(lof_mclfuture_begin(), LOF_NONE);
}

static int unlock_all(void)
{
	struct lof_change change;
	struct lof_mclfuture_update turn;
	int err;

	stop_following();
	lof_budget_assign(everything(), 0);
	if (lof_may_have_giants())
		lof_ledger_resync(everything());
	lof_change_begin(&change, LOF_MAY_UNLOCK, everything(), LOF_NO_RANGE);
	unlock_giants();
	turn = lof_mclfuture_begin();
	err = lof_next_munlockall();
	lof_mclfuture_end(turn, err ? LOF_MCLFUTURE_SAME : LOF_NONE);
	/* munlockall() leaves memfd_secret memory locked. */
	if (!err)
		change.unlocked = everything();
	lof_change_end(&change, err ? lof_outcome(err) : LOF_UNSURE);
	return err;
}

/* Unlock a VMA that is locked in one of these kinds. */
static int unlock_if_dropped(const struct lof_vma *vma, void *arg)
{
	const unsigned int *kinds = arg;

	return lof_unlock_kinds(vma, vma->range, *kinds);
}

static int first_locked(const struct lof_entry *run, void *arg)
{
	struct lof_range *first = arg;

	*first = run->range;
	return LOF_ATTR_KIND(run->attr) != 0;
}

/*
 * No system call stops MCL_FUTURE alone. mlockall(MCL_CURRENT | MCL_ONFAULT)
 * stops MCL_FUTURE and unlocks nothing; but the limit may forbid the call, and
 * the call would populate hugetlb. Otherwise munlockall() stops MCL_FUTURE, if
 * the limit allows the old locks again. Then lock each VMA as it was.
 */
static int stop_future(void)
{
	struct lof_mclfuture_update turn = lof_mclfuture_begin();
	struct lof_range any = LOF_NO_RANGE;
	int err = 0;

	if (has_hugetlb() || lock_current(MCL_CURRENT | MCL_ONFAULT,
					  LOF_ONFAULT, lof_sys_mlockall)) {
		if (lof_ledger_each_run(LOF_NOTED_LOCKS, everything(),
					first_locked, &any) > 0 &&
		    !lof_can_relock(any))
			err = -ENOMEM;
		if (!err) {
			unlock_giants();
			err = lof_sys_munlockall();
		}
	}
	if (!err)
		restore_all();
	lof_mclfuture_end(turn, err ? LOF_MCLFUTURE_SAME : LOF_NONE);
	return err;
}

/* lof_munlockall2(). Under LOF_HOLDS_WIN held memory stays locked. */
static int unlock_some(int flags)
{
	unsigned int drop = 0, kind;
	struct lof_change change;
	bool future;
	int err;

	/* Read smaps before any change: the ledger must know all locks. */
	lof_mclfuture_sync();
	err = lof_ledger_reread(everything());
	if (!err && flags & MCL_ONFAULT)
		err = lof_budget_assign(everything(), 0);
	if (err)
		return err;
	kind = lof_mclfuture_known();
	future = flags & MCL_FUTURE && kind != LOF_NONE;
	if (flags & MCL_CURRENT)
		drop |= LOF_KIND_BIT(LOF_FULL);
	if (flags & MCL_ONFAULT) {
		drop |= LOF_KIND_BIT(LOF_ONFAULT);
		future |= kind == LOF_ONFAULT;
	}
	lof_change_begin(&change, LOF_MAY_LOCK, everything(), LOF_NO_RANGE);
	if (future)
		err = stop_future();
	else if (flags & (MCL_FUTURE | MCL_ONFAULT))
		stop_following();
	if (!err)
		err = lof_smaps_each(unlock_if_dropped, &drop);
	lof_change_end(&change, LOF_UNSURE);
	return err;
}

static int convert_run(const struct lof_entry *run, void *arg)
{
	(void)arg;
	if (LOF_ATTR_KIND(run->attr) == LOF_FULL)
		lof_lock_range(run->range, LOF_ONFAULT);
	return 0;
}

/* Turn locks in full into locks on fault: the charge stays as it is. */
static void convert_tracked(void)
{
	(void)!lof_ledger_each_run(LOF_NOTED_LOCKS, everything(), convert_run,
				   NULL);
}

/*
 * mlockall() on fault with MCL_FUTURE emulated by the library. If the limit does
 * not allow to lock all present mappings, lock those that fit.
 */
static int lock_all_ours(int flags, unsigned int ours, bool has_bound)
{
	struct lof_mclfuture_update turn;
	bool is_all = false;
	int err;

	if (flags & MCL_CURRENT && !has_bound) {
		err = lock_all(flags & ~MCL_FUTURE);
		is_all = !err;
		if (err == -ENOMEM && ours & LOF_MCLFUTURE_OURS_LIMITED)
			err = 0;
	} else {
		err = lof_may_lock();
	}
	if (err)
		return err;
	lof_emulate_from_now(flags & MCL_CURRENT);
	turn = lof_mclfuture_begin();
	lof_mclfuture_end(turn, (int)ours);
	if (flags & MCL_CURRENT && !is_all) {
		convert_tracked();
		lof_emulate_all();
	}
	if (is_all && ours & LOF_MCLFUTURE_OURS_LIMITED)
		lof_emulate_spare_stacks();
	return 0;
}

/*
 * A converted mlockall(MCL_CURRENT) alone. If the limit does not allow to lock
 * all mappings, lock those that fit, as lock_all_ours() does: so MCL_FUTURE is
 * emulated for the time of this call.
 */
static int lock_current_ours(int flags)
{
	struct lof_unemulated left;
	unsigned int ours = 0;
	int err;

	err = lock_all(flags);
	if (err == -ENOMEM)
		ours = lof_emulate_choose(true);
	if (!(ours & LOF_MCLFUTURE_OURS_LIMITED))
		return err;
	lof_emulate_from_now(true);
	lof_mclfuture_end(lof_mclfuture_begin(), (int)ours);
	convert_tracked();
	err = lof_emulate_all();
	if (!err)
		err = lof_emulate_count(&left);
	lof_mclfuture_end(lof_mclfuture_begin(), LOF_NONE);
	if (!err)
		lof_emulate_note_left(&left);
	return err ? -ENOMEM : 0;
}

/*
 * MCL_CURRENT under LOF_CONVERT_MAX: put all mappings into one budget. Without
 * /proc nothing is locked: a bound must hold.
 */
static int budget_all(void)
{
	int err = lof_may_lock();

	if (err)
		return err;
	lof_mclfuture_end(lof_mclfuture_begin(), LOF_NONE);
	err = lof_emulate_into_budget();
	return err == -ENOMEM ? err : 0;
}

/* The kernel's MCL_FUTURE was asked for without MCL_ONFAULT, and converted. */
static _Atomic bool future_is_converted;

static int lock_all_onfault(int flags, bool is_converted)
{
	bool has_bound = is_converted && lof_option_value(LOF_CONVERT_MAX);
	unsigned int ours = 0;
	int err;

	if (has_bound && (flags & ~MCL_ONFAULT) == MCL_CURRENT &&
	    lof_mclfuture_known() == LOF_NONE)
		return budget_all();
	if (flags & MCL_FUTURE && !(flags & ~MCL_ALL))
		ours = lof_emulate_choose(is_converted);
	if (ours)
		return lock_all_ours(flags, ours, has_bound);
	if (is_converted && (flags & ~MCL_ONFAULT) == MCL_CURRENT)
		err = lock_current_ours(flags);
	else
		err = lock_all(flags);
	if (!err)
		future_is_converted = is_converted && flags & MCL_FUTURE;
	return err;
}

static int mlockall_by_policy(int flags)
{
	int err = -EINVAL;

	if (flags & MCL_ONFAULT)
		return lock_all_onfault(flags, false);
	if (lof_option_value(LOF_CONVERT)) {
		err = lock_all_onfault(flags | MCL_ONFAULT, true);
		if (!err)
			lof_count_converted();
	}
	/*
	 * -EINVAL: the flags are invalid, or Linux is before 4.4. -ENOSYS: a
	 * filter refuses every way to lock on fault.
	 */
	return err == -EINVAL || err == -ENOSYS ? lock_all(flags) : err;
}

/* Emulated because of skip.h: the kernel would lock what libc maps unseen. */
static void scan_if_selected(void)
{
	if (lof_select_is_on() && lof_mclfuture_emulated() &&
	    !lof_option_value(LOF_SYNC_MS))
		lof_option_set(LOF_SYNC_MS, lof_select_scan_ms());
}

LOF_PUBLIC int lof_mlockall(int flags)
{
	int err = mlockall_by_policy(flags);

	if (!err && flags & MCL_CURRENT)
		lof_unlock_skipped(everything());
	if (!err)
		scan_if_selected();
	lof_sync_thread_use();
	return lof_return(err);
}

/*
 * Under the kernel's MCL_FUTURE, a process that gives up its privileges can map
 * nothing any more that does not fit the limit. So the library takes over while
 * it can.
 */
LOF_PUBLIC bool lof_hooked_before_setuid(void)
{
	struct lof_mclfuture_update turn;
	struct lof_change change;
	uint64_t limit;
	int err;

	if (!future_is_converted || lof_mclfuture_known() != LOF_ONFAULT ||
	    lof_option_value(LOF_FUTURE) != LOF_FUTURE_AUTO ||
	    lof_sys_memlock_limit(&limit) || limit == UINT64_MAX ||
	    lof_ledger_reread(everything()))
		return false;
	lof_change_begin(&change, LOF_MAY_LOCK, everything(), LOF_NO_RANGE);
	err = stop_future();
	lof_change_end(&change, LOF_UNSURE);
	if (err)
		return false;
	future_is_converted = false;
	lof_emulate_from_now(true);
	turn = lof_mclfuture_begin();
	lof_mclfuture_end(turn, LOF_MCLFUTURE_OURS | LOF_MCLFUTURE_OURS_LIMITED);
	lof_sync_thread_use();
	return true;
}

LOF_PUBLIC void lof_hooked_after_setuid(void)
{
	uint64_t limit;

	if (lof_mclfuture_emulated() &&
	    !lof_onfault_by_mlock_is_limited(&limit))
		lock_all_onfault(MCL_FUTURE | MCL_ONFAULT, true);
}

LOF_PUBLIC int lof_munlockall(void)
{
	if (lof_option_value(LOF_HOLDS) == LOF_HOLDS_WIN && lof_holds_any())
		return lof_return(unlock_some(MCL_ALL));
	return lof_return(unlock_all());
}

LOF_PUBLIC int lof_munlockall2(int flags)
{
	if (!flags || flags & ~MCL_ALL)
		return lof_return(-EINVAL);
	if (flags == MCL_ALL)
		return lof_munlockall();
	return lof_return(unlock_some(flags));
}
