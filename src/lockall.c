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

/* Make a piece of an area be locked as want, an enum lof_kind. */
static void relock(const struct lof_vma *vma, struct lof_range piece,
		   unsigned int want)
{
	unsigned int have = LOF_ATTR_KIND(lof_ledger_attr(vma));

	if (want == have || lof_range_is_empty(piece))
		return;
	if (want == LOF_NONE)
		lof_sys_munlock(piece);
	else
		lof_arm_as(piece, want);
}

/*
 * Lock every area as the ledger has it, but for the kinds to drop, and nothing
 * else. What fails shows when the truth is read back.
 */
static int relock_as_tracked(unsigned int drop)
{
	struct lof_smaps smaps;
	struct lof_vma vma;
	int ret;

	ret = lof_smaps_open(&smaps, 0);
	if (ret)
		return ret;
	while ((ret = lof_smaps_next(&smaps, &vma)) > 0) {
		struct lof_range rest = vma.range, gap = rest;
		struct lof_entry entry;
		unsigned int kind;

		while (lof_ledger_find_in(rest, &entry) > 0) {
			gap.end = entry.range.start;
			relock(&vma, gap, LOF_NONE);
			kind = LOF_ATTR_KIND(entry.attr);
			relock(&vma, entry.range,
			       drop & KIND_BIT(kind) ? LOF_NONE : kind);
			rest.start = gap.start = entry.range.end;
		}
		gap.end = vma.range.end;
		relock(&vma, gap, LOF_NONE);
	}
	lof_smaps_close(&smaps);
	return ret;
}

/*
 * No call stops MCL_FUTURE and leaves the rest alone. Locking all on fault
 * stops it and unlocks nothing meanwhile; but the limit may forbid it.
 */
static void stop_future(void)
{
	if (lof_sys_mlockall(MCL_CURRENT | MCL_ONFAULT))
		lof_sys_munlockall();
	lof_ledger_set_future(LOF_NONE);
}

static int unlock_some(unsigned int drop, bool future)
{
	struct lof_smaps probe;
	struct lof_call call;
	int err;

	err = lof_smaps_open(&probe, 0);
	if (err)
		return err;
	lof_smaps_close(&probe);
	lof_ledger_read_back(everything());
	err = lof_call_begin(&call, LOF_ADDS, everything(), LOF_NO_RANGE);
	if (err)
		return err;
	if (future)
		stop_future();
	err = relock_as_tracked(drop);
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
