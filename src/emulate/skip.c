/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Unlocks the kinds of memory that are not to be locked. */
#include "config.h"

#include "emulate/skip.h"

#include <stdatomic.h>

#include "kernel/smaps.h"
#include "ledger/attrs.h"
#include "lock/tracked.h"

static _Atomic uint64_t skipped;
static _Atomic int failed;

static int unlock_area(const struct lof_vma *vma, void *arg)
{
	const struct lof_range *range = arg;
	struct lof_range part = vma->range;

	if (part.start < range->start)
		part.start = range->start;
	if (part.end > range->end)
		part.end = range->end;
	if (!vma->skipped || part.start >= part.end)
		return vma->range.start >= range->end;
	lof_budget_assign(part, 0);
	if (!lof_unlock_range(part))
		atomic_fetch_add(&skipped, lof_range_len(part));
	return 0;
}

void lof_unlock_skipped_now(struct lof_range range)
{
	int ret = lof_range_is_empty(range) ? 0 :
		  lof_maps_each(unlock_area, &range);

	if (ret < 0)
		atomic_store(&failed, -ret);
}

uint64_t lof_skipped_take(int *err)
{
	*err = atomic_exchange(&failed, 0);
	return atomic_exchange(&skipped, 0);
}
