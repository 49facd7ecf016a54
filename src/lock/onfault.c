/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Lock a range on fault, in the way that this kernel allows, or in full. */
#include "config.h"

#include "lock/onfault.h"

#include "base/options.h"
#include "kernel/caps.h"
#include "kernel/next.h"
#include "kernel/permit.h"
#include "kernel/sys.h"
#include "ledger/notes.h"
#include "lock/giant.h"
#include "lock/onfault_by_mlock.h"

/*
 * The kernel returns success for some kinds of memory, but does not lock them:
 * memfd_secret, MAP_DROPPABLE, hugetlb, mappings of a driver. So a range that
 * was locked is suspect until a reader has asked the kernel. The race test has
 * no such memory.
 */
#ifndef LOF_LOCK_IS_PROVEN
#define LOF_LOCK_IS_PROVEN	0
#endif

static int mlock_onfault(struct lof_range range)
{
	return lof_sys_mlock2(range, MLOCK_ONFAULT);
}

typedef int lock_call(struct lof_range range);

/* Lock on fault, by this call if the kernel has mlock2. */
static inline int lock_onfault(struct lof_range range, lock_call *by)
{
	/*
	 * A seccomp filter that refuses mlock2 may return EPERM: this does not
	 * mean that the process lacks the privilege.
	 */
	bool is_native = lof_cap_is_there(LOF_CAP_MLOCK2);
	unsigned long fallback = lof_option_value(LOF_FALLBACK);
	int err;

	if (!is_native && fallback == LOF_FALLBACK_FULL)
		return lof_in_chunks(range, lof_sys_mlock);
	if (!is_native && (fallback == LOF_FALLBACK_REFUSE ||
			   !lof_cap_is_there(LOF_CAP_ONFAULT_BY_MLOCK)))
		return -ENOSYS;
	if (lof_option_value(LOF_HUGE) == LOF_HUGE_SPLIT)
		lof_sys_madvise(range.start, lof_range_len(range),
				MADV_NOHUGEPAGE);
	if (!is_native)
		return lof_onfault_by_mlock(range);
	err = lof_in_chunks(range, by);
	return lof_cap_is_lost(LOF_CAP_MLOCK2, err) ? lof_lock_onfault(range)
						    : err;
}

int lof_lock_onfault(struct lof_range range)
{
	return lock_onfault(range, mlock_onfault);
}

int lof_may_lock(void)
{
	return lof_permits(LOF_CALL_MLOCK) ? lof_sys_mlock(LOF_NO_RANGE) : 0;
}

int lof_lock_as(struct lof_range range, unsigned int kind)
{
	return kind == LOF_ONFAULT ? lof_lock_onfault(range)
				   : lof_in_chunks(range, lof_sys_mlock);
}

static int next_onfault(struct lof_range range)
{
	return lof_next_mlock2(range, MLOCK_ONFAULT);
}

static int next_full(struct lof_range range)
{
	return lof_next_mlock2(range, 0);
}

int lof_lock_as_asked(struct lof_range range, unsigned int kind, bool by_mlock2)
{
	if (kind == LOF_ONFAULT)
		return lock_onfault(range, next_onfault);
	return lof_in_chunks(range, by_mlock2 && lof_next_is_there() ?
				    next_full : lof_next_mlock);
}

unsigned int lof_attr_of_lock(unsigned int kind)
{
	unsigned int how = LOF_BY_KERNEL;

	if (kind == LOF_ONFAULT && !lof_cap_is_there(LOF_CAP_MLOCK2)) {
		if (lof_option_value(LOF_FALLBACK) == LOF_FALLBACK_FULL)
			kind = LOF_FULL;
		else
			how = LOF_BY_FLAG;
	}
	return LOF_ATTR(kind, how) | (LOF_LOCK_IS_PROVEN ? 0 :
				      LOF_ATTR_SUSPECT);
}

int lof_lock_again(struct lof_range range, unsigned int kind)
{
	int err = lof_lock_onfault(range);

	if (kind == LOF_ONFAULT || (err && err != -ENOSYS))
		return err;
	/* The range is charged and locked on fault. This call populates it. */
	return lof_lock_as(range, LOF_FULL) ? 1 : 0;
}
