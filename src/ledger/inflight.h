/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The calls in flight, and the log of those that landed. For the files of this
 * folder only. Slots are taken and given up without the lock; all else is asked
 * with the lock held, but for lof_inflight_is_none().
 */
#ifndef LOF_LEDGER_INFLIGHT_H
#define LOF_LEDGER_INFLIGHT_H

#include "ledger/state.h"

/*
 * Take a slot. True: the thread left another call that had it; the ranges of that
 * call are for the caller to leave (left.h), if they are not empty.
 */
bool lof_slot_take(struct lof_change *change, struct lof_range abandoned[2]);
void lof_slot_release(struct lof_change *change);

/* Write the ranges of a change into its slot, and announce it. */
void lof_slot_announce(const struct lof_change *change);

/* False: another call took the slot over. */
bool lof_slot_is_ours(const struct lof_change *change);

/*
 * Is a call in flight, other than this one, that may change or reads range? Also
 * if it is not known yet where it locks.
 */
bool lof_inflight_overlaps(const struct lof_change *but,
			   struct lof_range range);

/* Visit what of range calls in flight may change, as far as it is known. */
void lof_inflight_each(struct lof_range range,
		       void (*visit)(struct lof_range part, void *arg),
		       void *arg);

/* Is no call in flight? */
bool lof_inflight_is_none(void);

void lof_log_add(struct lof_range a, struct lof_range b);

/* Did a call land on range since so many landings? */
bool lof_log_overlaps(uint64_t since, struct lof_range range);

/* Visit what of range calls landed on since; all of it if that is forgotten. */
void lof_log_each(uint64_t since, struct lof_range range,
		  void (*visit)(struct lof_range part, void *arg), void *arg);

#endif
