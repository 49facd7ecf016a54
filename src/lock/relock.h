/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Lock memory again as the ledger notes it. The ledger is not changed. */
#ifndef LOF_LOCK_RELOCK_H
#define LOF_LOCK_RELOCK_H

#include "base/range.h"

/*
 * For each lock that the ledger notes in `from`: lock the range at the same
 * offset from `to`, in the noted kind. Returns the worst result of the calls of
 * lof_lock_again(), or -EBUSY if the ledger could not be read.
 */
int lof_relock(struct lof_range from, uintptr_t to);

/* Does the limit now allow lof_relock()? Locked memory stays locked. */
bool lof_can_relock(struct lof_range range);

#endif
