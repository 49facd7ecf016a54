/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Lock memory again as the ledger notes it. The ledger is not changed. */
#ifndef LOF_LOCK_RELOCK_H
#define LOF_LOCK_RELOCK_H

#include "base/range_tree.h"

/*
 * For each lock that the ledger notes in `from`: lock the range at the same
 * offset from `to`, in the noted kind. Returns the worst result of the calls of
 * lof_lock_again(), or -EBUSY if the ledger could not be read.
 */
int lof_relock(struct lof_range from, uintptr_t to);

/* The first locks of a range, as the ledger noted them before an unlock. */
struct lof_locks {
	struct lof_entry run[8];
	size_t n;
};

void lof_locks_note(struct lof_locks *locks, struct lof_range range);

/*
 * lof_relock() of a range that the caller has unlocked, in a change. A reader
 * that asked the kernel meanwhile has noted that the range is not locked, and
 * that this is suspect: there `before` tells the lock. Another thread's munlock
 * is not suspect, and stays.
 */
int lof_relock_as(const struct lof_locks *before, struct lof_range from,
		  uintptr_t to);

/* Does the limit now allow lof_relock()? Locked memory stays locked. */
bool lof_can_relock(struct lof_range range);

#endif
