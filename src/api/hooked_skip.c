/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* For the shim: LOCKONFAULT_SKIP and LOCKONFAULT_ONLY. */
#include "config.h"

#include "api/hooked.h"

#include "api/result.h"
#include "base/select.h"
#include "emulate/mclfuture_emulated.h"
#include "emulate/skip.h"
#include "kernel/sys.h"

LOF_PUBLIC void lof_hooked_select(const char *skip, const char *only,
				  unsigned long scan_ms)
{
	lof_select_set(skip, only, scan_ms);
}

/*
 * Not in lof_mmap(): where its frame lies in the stack tells whether a call was
 * left by longjmp (ledger/inflight.c).
 */
LOF_PUBLIC void lof_hooked_skip_mapping(const void *addr, size_t len)
{
	struct lof_range range;

	if (lof_select_is_on() && !lof_range_of(&range, addr, len))
		lof_unlock_skipped(range);
}

LOF_PUBLIC uint64_t lof_hooked_skipped(int *err)
{
	return lof_skipped_take(err);
}

LOF_PUBLIC uint64_t lof_hooked_over_limit(uint64_t left_out)
{
	struct lof_unemulated count;

	if (!lof_select_is_on())
		return left_out;
	if (!(lof_mclfuture_emulated() & LOF_MCLFUTURE_OURS_LIMITED) ||
	    lof_emulate_count(&count) || count.skipped > left_out)
		return 0;
	return left_out - count.skipped;
}
