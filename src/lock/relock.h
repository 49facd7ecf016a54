/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Lock memory as the ledger has it. No books are written here. */
#ifndef LOF_LOCK_RELOCK_H
#define LOF_LOCK_RELOCK_H

#include "base/range.h"

/*
 * Lock what is tracked in from as it is, at the same distance from to. 0, 1 or
 * a negative errno, as lof_lock_again() says; the worst of them.
 */
int lof_relock(struct lof_range from, uintptr_t to);

/* Could it be done, as the limit is now? What is locked stays so. */
bool lof_can_relock(struct lof_range range);

#endif
