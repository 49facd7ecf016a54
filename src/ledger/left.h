/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What calls left that did not get the lock. Whoever takes the lock applies it
 * first: so the lock is taken here. For the files of this folder only.
 */
#ifndef LOF_LEDGER_LEFT_H
#define LOF_LEDGER_LEFT_H

#include "ledger/lock.h"

/*
 * Leave a landing. Where all is full everything becomes suspect; and what is
 * unmapped or moved is lost to holds and budgets. Takes no lock.
 */
void lof_left_leave(const struct lof_change *change);

/* With the lock held: apply all of it. Private to the two below. */
void lof_left_apply(void);

static inline void lof_left_apply_any(void)
{
	if (atomic_load(&lof_ledger.nleft))
		lof_left_apply();
}

/* As lof_lock_take() and lof_lock_take_patiently(). */
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
