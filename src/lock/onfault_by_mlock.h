/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Lock on fault by mlock alone, for where there is no mlock2. mlock flags the
 * areas of a range as locked, in ascending order; then it populates, and stops
 * at the first page that it cannot. Where that is the first page of all, or
 * where the range ends in a hole, it fails, and what it leaves is the kernel's
 * own lock-on-fault (read in 3.0, seen from 6.1 to 6.18).
 */
#ifndef LOF_LOCK_ONFAULT_BY_MLOCK_H
#define LOF_LOCK_ONFAULT_BY_MLOCK_H

#include "base/range.h"

/*
 * As mlock2(MLOCK_ONFAULT), with its errno and its partial effects; but 8 TiB
 * and more are -ENOMEM. What is exactly as long as the limit allows has one page
 * populated. All of it is where the limit, a long way to the next hole, more than
 * a few locked neighbours or the lack of smaps leave no other way, and where
 * another thread maps the hole that is counted on.
 */
int lof_onfault_by_mlock(struct lof_range range);

/*
 * Does the limit allow it to lock so many bytes more; 0: what is locked now, if
 * it were unlocked? Nothing stays locked by asking.
 */
bool lof_onfault_by_mlock_allows(size_t more);

/* Does the limit, in bytes, hold for us: is a page more than it refused? */
bool lof_onfault_by_mlock_is_limited(uint64_t *limit);

#endif
