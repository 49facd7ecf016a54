/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Lock memory as the ledger has it. No books are written here. */
#ifndef LOF_RELOCK_H
#define LOF_RELOCK_H

#include "range.h"

/*
 * Lock what is tracked in from as it is, at the same distance from to. 0, 1 or
 * a negative errno, as lof_arm_again() says; the worst of them.
 */
int lof_relock(struct lof_range from, uintptr_t to);

/* Unlock what is tracked in range. 0 or a negative errno of munlock. */
int lof_unlock_tracked(struct lof_range range);

/* Unlock what is not tracked in range. */
void lof_unlock_untracked(struct lof_range range);

/* Is anything counted by lof_hold()? */
bool lof_holds_any(void);

/* munlock; under LOF_HOLDS_WIN what is held stays locked. */
int lof_disarm_unheld(struct lof_range range);

#endif
