/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Lock on fault by mlock alone, for kernels without mlock2. mlock first marks
 * the VMAs of a range as locked, in ascending order. Then it populates them,
 * and stops at the first page that it cannot populate. If this page is the
 * first of the range, or if the range ends in a hole, mlock fails, and has
 * populated nothing. The marked VMAs are then locked on fault (read in
 * 3.0, seen from 6.1 to 6.18).
 */
#ifndef LOF_LOCK_ONFAULT_BY_MLOCK_H
#define LOF_LOCK_ONFAULT_BY_MLOCK_H

#include "base/range.h"

/*
 * As mlock2(MLOCK_ONFAULT), with its errno and its partial effects, but:
 *
 * - A range of 8 TiB or more returns -ENOMEM.
 * - If the range is exactly as long as the limit allows, one page is populated.
 * - The whole range is populated if the limit, a long way to the next hole,
 *   more than 32 locked VMAs up to this hole or the lack of smaps leave no
 *   other way, and if another thread maps the hole during the call.
 */
int lof_onfault_by_mlock(struct lof_range range);

/*
 * Does the limit allow the process to lock `more` bytes more? With 0: does the
 * limit allow the bytes that are locked now? The call locks nothing.
 */
bool lof_onfault_by_mlock_allows(size_t more);

/* Does the limit apply: does the kernel refuse a page more? *limit: bytes. */
bool lof_onfault_by_mlock_is_limited(uint64_t *limit);

#endif
