/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The effects left by calls that did not get the lock. The next owner of the
 * lock applies them before it does anything else: so the lock is taken by the
 * functions here. For the files of this folder only.
 */
#ifndef LOF_LEDGER_LEFT_H
#define LOF_LEDGER_LEFT_H

#include "ledger/lock.h"

/*
 * Leave a landing. Takes no lock. If all places are full everything becomes
 * suspect, and holds and budgets do not learn of the mappings that this call
 * unmapped or moved.
 */
void lof_left_leave(const struct lof_change *change);

/* With the lock held: apply all left effects. Private to this header. */
void lof_left_apply(void);

static inline void lof_left_apply_any(void)
{
	if (atomic_load(&lof_ledger.nleft))
		lof_left_apply();
}

/* lof_lock_take() and lof_lock_take_patiently(), then the left effects. */
static inline bool lof_ledger_lock(struct lof_guard *guard)
{
	if (!lof_lock_take(guard))
		return false;
	lof_left_apply_any();
	return true;
}

static inline bool lof_ledger_lock_patiently(struct lof_guard *guard)
{
	if (!lof_lock_take_patiently(guard))
		return false;
	lof_left_apply_any();
	return true;
}

#endif
