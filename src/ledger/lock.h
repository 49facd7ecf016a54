/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The ledger's lock. No wrapped system call is made while it is held. For the
 * files of this folder only. They take the lock by the functions of left.h.
 */
#ifndef LOF_LEDGER_LOCK_H
#define LOF_LEDGER_LOCK_H

#include "ledger/state.h"

/* Private to the functions below. */
bool lof_lock_take_slowly(struct lof_guard *guard);

static inline uint32_t lof_guard_token(const struct lof_guard *guard)
{
	return (uint32_t)((uintptr_t)guard >> 4) ^ 0x6c6f6e66u;
}

static inline void lof_ledger_owns(struct lof_guard *guard)
{
	lof_self.owned = guard;
	atomic_store_explicit(&lof_ledger.generation,
		atomic_load_explicit(&lof_ledger.generation,
				     memory_order_relaxed) + 1,
		memory_order_relaxed);
}

/*
 * Take the lock; try for some microseconds. The guard lies in the caller's
 * frame until the unlock. False: this is a signal handler that interrupted the
 * owner on the same thread, or the owner makes no progress.
 */
static inline bool lof_lock_take(struct lof_guard *guard)
{
	struct lof_guard *free = NULL;

	guard->outer = lof_self.guard;
	atomic_store_explicit(&guard->token, lof_guard_token(guard),
			      memory_order_relaxed);
	lof_self.guard = guard;
	atomic_signal_fence(memory_order_seq_cst);
	if (atomic_compare_exchange_strong(&lof_ledger.owner, &free, guard)) {
		lof_ledger_owns(guard);
	} else if (!lof_lock_take_slowly(guard)) {
		lof_self.guard = guard->outer;
		return false;
	}
	return true;
}

/*
 * lof_lock_take() for a reader: wait up to 100 ms. After one wait in vain
 * readers do not wait again for the same owner.
 */
bool lof_lock_take_patiently(struct lof_guard *guard);

static inline struct lof_guard *lof_ledger_guard(void)
{
	return atomic_load_explicit(&lof_ledger.owner, memory_order_relaxed);
}

static inline void lof_ledger_unlock(void)
{
	struct lof_guard *guard = lof_ledger_guard();

	if (lof_ledger.is_inherited)
		lof_ledger_empty_inherited();
	else
		atomic_store_explicit(&lof_ledger.owner, NULL,
				      memory_order_release);
	atomic_signal_fence(memory_order_seq_cst);
	lof_self.guard = guard->outer;
	atomic_store_explicit(&guard->token, 0, memory_order_relaxed);
}

#endif
