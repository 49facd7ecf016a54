/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The calls in flight, and the log of landings. For the files of this folder
 * only. No lock is needed for the functions of slots and for
 * lof_inflight_is_none(). All other functions need the ledger's lock.
 */
#ifndef LOF_LEDGER_INFLIGHT_H
#define LOF_LEDGER_INFLIGHT_H

#include "ledger/state.h"

/*
 * Take a slot. True: this thread had left the call that had the slot. The
 * caller must pass the ranges of that call to lof_left_leave() (left.h), if
 * they are not empty.
 */
bool lof_slot_take(struct lof_change *change, struct lof_range abandoned[2]);
void lof_slot_release(struct lof_change *change);

/* Write the ranges of a change into its slot, and announce it. */
void lof_slot_announce(const struct lof_change *change);

/* False: another call took the slot over. */
bool lof_slot_is_ours(const struct lof_change *change);

/*
 * Is a call in flight, other than `but`, that may change range or that reads
 * it? True also for a call whose range the kernel has still to choose.
 */
bool lof_inflight_overlaps(const struct lof_change *but,
			   struct lof_range range);

/*
 * Visit the parts of range that calls in flight may change. Ranges that the
 * kernel has still to choose are not visited.
 */
void lof_inflight_each(struct lof_range range,
		       void (*visit)(struct lof_range part, void *arg),
		       void *arg);

/* Is no call in flight? */
bool lof_inflight_is_none(void);

void lof_log_add(struct lof_range a, struct lof_range b);

/*
 * Did a call land on range since the log had `since` landings? True also if the
 * log does not reach back so far.
 */
bool lof_log_overlaps(uint64_t since, struct lof_range range);

/*
 * Visit the parts of range that calls landed on since the log had `since`
 * landings; all of range if the log does not reach back so far.
 */
void lof_log_each(uint64_t since, struct lof_range range,
		  void (*visit)(struct lof_range part, void *arg), void *arg);

#endif
