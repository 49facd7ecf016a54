/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The calls that lock and unlock the whole process: mlockall and its kin. */
#include "config.h"

#include "lockonfault.h"

#include "api.h"
#include "arm.h"
#include "ledger.h"
#include "policy.h"
#include "smaps.h"

static struct lof_range everything(void)
{
	return lof_range_all(lof_sys_page_size());
}

static int lock_all(int flags)
{
	unsigned int kind = flags & MCL_ONFAULT ? LOF_ONFAULT : LOF_FULL;
	struct lof_call call;
	int err;

	/* Up to Linux 5.1 the kernel takes it, and drops all locks. */
	if (flags == MCL_ONFAULT)
		return -EINVAL;
	err = lof_call_begin(&call, LOF_ADDS, everything(), LOF_NO_RANGE);
	if (err)
		return err;
	err = lof_sys_mlockall(flags);
	if (!err)
		lof_ledger_set_future(flags & MCL_FUTURE ? kind : LOF_NONE);
	/* MCL_CURRENT passes over what cannot be locked. */
	if (err || !(flags & MCL_CURRENT))
		lof_call_land(&call, LOF_REFUSED);
	else
		lof_call_land(&call, LOF_UNSURE);
	lof_call_end(&call);
	return err;
}

static int unlock_all(void)
{
	struct lof_call call;
	int err;

	err = lof_call_begin(&call, LOF_KEEPS, everything(), LOF_NO_RANGE);
	if (err)
		return err;
	err = lof_sys_munlockall();
	lof_ledger_set_future(LOF_NONE);
	if (lof_call_land(&call, lof_outcome(err)))
		lof_call_clear(&call, everything());
	lof_call_end(&call);
	return err;
}

/* The kinds of lock to drop, a bit for each enum lof_kind. */
#define KIND_BIT(kind)	(1u << (kind))

static int pass_over(const struct lof_vma *vma, void *arg)
{
	(void)vma;
	(void)arg;
	return 0;
}

static int unlock_if_dropped(const struct lof_vma *vma, void *arg)
{
	unsigned int *drop = arg, kind = LOF_ATTR_KIND(lof_ledger_attr(vma));

	return *drop & KIND_BIT(kind) ? lof_sys_munlock(vma->range) : 0;
}

/* Make a piece of an area be locked as want, an enum lof_kind. */
static int relock(const struct lof_vma *vma, struct lof_range piece,
		  unsigned int want)
{
	unsigned int have = LOF_ATTR_KIND(lof_ledger_attr(vma));
	int ret;

	if (want == have || lof_range_is_empty(piece))
		return 0;
	if (want == LOF_NONE)
		return lof_sys_munlock(piece);
	ret = lof_arm_again(piece, want);
	return ret < 0 ? ret : 0;
}

/* Lock an area as the ledger has it, but for the kinds to drop. */
static int relock_as_tracked(const struct lof_vma *vma, void *arg)
{
	struct lof_range rest = vma->range, gap = rest;
	unsigned int *drop = arg, kind;
	struct lof_entry entry;
	int err = 0;

	while (!err && lof_ledger_find_in(rest, &entry) > 0) {
		kind = LOF_ATTR_KIND(entry.attr);
		if (*drop & KIND_BIT(kind))
			kind = LOF_NONE;
		gap.end = entry.range.start;
		err = relock(vma, gap, LOF_NONE);
		if (!err)
			err = relock(vma, entry.range, kind);
		rest.start = gap.start = entry.range.end;
	}
	gap.end = vma->range.end;
	return err ? err : relock(vma, gap, LOF_NONE);
}

/*
 * No call stops MCL_FUTURE and leaves the rest alone. Locking all on fault
 * stops it and unlocks nothing meanwhile; but the limit may forbid it. Then all
 * is unlocked for a moment, if it may be locked again.
 */
static int stop_future(void)
{
	struct lof_entry any;
	int err = 0;

	if (lof_sys_mlockall(MCL_CURRENT | MCL_ONFAULT)) {
		if (lof_ledger_find_in(everything(), &any) > 0)
			err = lof_arm_again(any.range, LOF_ATTR_KIND(any.attr));
		if (err < 0)
			return err;
		lof_sys_munlockall();
	}
	lof_ledger_set_future(LOF_NONE);
	return 0;
}

static int unlock_some(unsigned int drop, bool future)
{
	struct lof_call call;
	int err;

	/* What is locked has to be known, and smaps readable, beforehand. */
	err = lof_smaps_each(pass_over, NULL);
	if (err)
		return err;
	lof_ledger_read_back(everything());
	err = lof_call_begin(&call, LOF_ADDS, everything(), LOF_NO_RANGE);
	if (err)
		return err;
	if (future)
		err = stop_future();
	if (!err)
		err = lof_smaps_each(future ? relock_as_tracked
					    : unlock_if_dropped, &drop);
	lof_call_land(&call, LOF_UNSURE);
	lof_call_end(&call);
	return err;
}

LOF_PUBLIC int lof_mlockall(int flags)
{
	int err = -EINVAL;

	if (lof_policy(LOF_CONVERT) && !(flags & MCL_ONFAULT)) {
		/* EINVAL: flags are wrong in any case, or Linux before 4.4. */
		err = lock_all(flags | MCL_ONFAULT);
		if (!err)
			lof_policy_count_converted();
	}
	if (err == -EINVAL)
		err = lock_all(flags);
	return lof_return(err);
}

LOF_PUBLIC int lof_munlockall(void)
{
	return lof_return(unlock_all());
}

LOF_PUBLIC int lof_munlockall2(int flags)
{
	const int all = MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT;
	bool future = lof_ledger_future() != LOF_NONE && flags & MCL_FUTURE;
	unsigned int drop = 0;

	if (!flags || flags & ~all)
		return lof_return(-EINVAL);
	if (flags == all)
		return lof_munlockall();
	if (flags & MCL_CURRENT)
		drop |= KIND_BIT(LOF_FULL);
	if (flags & MCL_ONFAULT) {
		drop |= KIND_BIT(LOF_ONFAULT);
		future |= lof_ledger_future() == LOF_ONFAULT;
	}
	if (!drop && !future)
		return 0;
	return lof_return(unlock_some(drop, future));
}
