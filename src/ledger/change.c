/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A call's way through the ledger: begin, the system call, end. */
#include "config.h"

#include "ledger/change.h"

#include <stdatomic.h>

#include "kernel/next.h"
#include "ledger/inflight.h"
#include "ledger/nodes.h"
#include "ledger/trees.h"

enum lof_outcome lof_outcome(int err)
{
	switch (err) {
	case 0:
		return LOF_DONE;
	case -EINVAL: case -EPERM: case -ENOSYS: case -EBADF: case -EACCES:
		return LOF_REFUSED;
	default:
		return LOF_UNSURE;
	}
}

/*
 * If it is not known yet which range a call may lock, or if the range is very
 * large, no bit is set for it. The call counts as blind until it ends.
 */
static bool is_blind(const struct lof_change *change)
{
	return change->may == LOF_MAY_MOVE || change->may == LOF_MAY_READ ||
	       (change->may == LOF_MAY_LOCK &&
		(lof_range_is_empty(change->range[0]) ||
		 lof_is_much(change->range[0])));
}

/* Tell fast calls which memory this call may lock. */
static void show(struct lof_change *change)
{
	struct lof_front *front = &lof_ledger.front;

	if (is_blind(change) && !LOF_LEFT_OUT(BLINDNESS)) {
		atomic_fetch_add(&front->blind, 1);
		change->is_blind = true;
	} else if (change->may == LOF_MAY_LOCK) {
		lof_blocks_prepare(&front->summary, change->range[0]);
		change->is_first = lof_blocks_set(&front->summary,
						   change->range[0]);
	}
}

/* Field by field: for one assignment the compiler makes a slow loop. */
static inline void init(struct lof_change *change, enum lof_may may,
			struct lof_range a, struct lof_range b)
{
	change->range[0] = a;
	change->range[1] = b;
	change->unmapped[0] = change->unmapped[1] = LOF_NO_RANGE;
	change->moved = change->unlocked = change->locked = LOF_NO_RANGE;
	change->moved_to = change->like = 0;
	change->attr = change->assumed = 0;
	change->may = may;
	change->is_first = change->is_blind = change->has_nodes = false;
}

LOF_COLD
static void leave(const struct lof_range range[2])
{
	const struct lof_change left = { .range = { range[0], range[1] } };

	lof_left_leave(&left);
}

void lof_change_begin(struct lof_change *change, enum lof_may may,
		      struct lof_range a, struct lof_range b)
{
	struct lof_range abandoned[2];

	init(change, may, a, b);
	change->epoch = lof_ledger_epoch();
	if (lof_slot_take(change, abandoned))
		leave(abandoned);
	LOF_SEAM();
	show(change);
	LOF_SEAM();
	lof_slot_announce(change);
	LOF_SEAM();
	change->since = atomic_load(&lof_ledger.nlandings);
}

static bool is_of_this_process(const struct lof_change *change)
{
	return change->epoch == atomic_load(&lof_ledger.epoch);
}

/* A call on the same memory landed meanwhile. */
static bool is_overtaken(const struct lof_change *change)
{
	return lof_log_overlaps(change->since, change->range[0]) ||
	       lof_log_overlaps(change->since, change->range[1]);
}

/*
 * The ledger's notes of a move's source or target may be older than the move:
 * another call may have changed the memory before, and its effect is not
 * applied yet. That call is in flight; or it ended without the lock, which this
 * call holds, and left its effect. So nleft is read last.
 */
static bool may_be_behind(const struct lof_change *change)
{
	return change->may == LOF_MAY_MOVE &&
	       (lof_inflight_overlaps(change, change->range[0]) ||
		lof_inflight_overlaps(change, change->range[1]) ||
		atomic_load(&lof_ledger.nleft) > 0);
}

/* Apply the effect, with the lock held. False: the ranges are suspect. */
static bool land(const struct lof_change *change, enum lof_outcome outcome)
{
	bool is_certain = outcome == LOF_DONE && lof_slot_is_ours(change) &&
			  !is_overtaken(change) && !may_be_behind(change);

	lof_apply_to_attrs(change);
	if (!lof_apply_to_locks(change))
		lof_doubt_all();
	if (!is_certain) {
		lof_mark_suspect(change->range[0], change->assumed);
		lof_mark_suspect(change->range[1], change->assumed);
	}
	lof_log_add(change->range[0], change->range[1]);
	return is_certain;
}

/*
 * Get the bitmap's pages for a range that begin set no bits for: the kernel
 * chose the range, or it is very large.
 */
static void prepare_bits(const struct lof_change *change)
{
	struct lof_blocks *summary = &lof_ledger.front.summary;

	if (change->may == LOF_MAY_LOCK && change->is_blind)
		lof_blocks_prepare(summary, change->range[0]);
	else if (change->may == LOF_MAY_MOVE)
		lof_blocks_prepare(summary, change->range[1]);
}

static void release(struct lof_change *change)
{
	if (change->is_blind)
		atomic_fetch_sub(&lof_ledger.front.blind, 1);
	LOF_SEAM();
	lof_slot_release(change);
}

/* A signal handler forked while the call was in flight. This is the child. */
LOF_COLD
static void end_in_child(const struct lof_change *change)
{
	lof_ledger_epoch();
	leave(change->range);
}

bool lof_change_end(struct lof_change *change, enum lof_outcome outcome)
{
	bool is_locked, is_certain = outcome == LOF_REFUSED;
	struct lof_guard guard;

	/* Another library's function may do less than the kernel, or more. */
	if (outcome == LOF_DONE && lof_next_is_there())
		outcome = LOF_UNSURE;
	if (outcome != LOF_REFUSED && is_of_this_process(change)) {
		prepare_bits(change);
		LOF_SEAM();
		is_locked = lof_lock_with_nodes(change, &guard);
		LOF_SEAM();
		if (is_locked && is_of_this_process(change))
			is_certain = land(change, outcome);
		else if (is_of_this_process(change))
			lof_left_leave(change);
		LOF_SEAM();
		if (is_locked)
			lof_ledger_unlock();
		LOF_SEAM();
	}
	if (is_of_this_process(change))
		release(change);
	else if (outcome != LOF_REFUSED)
		end_in_child(change);
	return is_certain;
}

/* Mark range suspect for an event that has no lof_change. */
LOF_COLD
static void suspect(struct lof_range range, bool is_new_mapping)
{
	const struct lof_change left = {
		.range = { range },
		.unmapped = { is_new_mapping ? range : LOF_NO_RANGE },
	};
	struct lof_guard guard;

	if (lof_range_is_empty(range))
		return;
	lof_ledger_epoch();
	lof_left_leave(&left);
	if (lof_ledger_lock(&guard))
		lof_ledger_unlock();
}

void lof_ledger_suspect(struct lof_range range)
{
	suspect(range, false);
}

void lof_ledger_renew(struct lof_range range)
{
	suspect(range, true);
}

void lof_ledger_suspect_all(void)
{
	lof_ledger_epoch();
	lof_doubt_all();
}

bool lof_ledger_may_change(struct lof_range range)
{
	struct lof_guard guard;
	bool may;

	if (!lof_ledger_lock(&guard))
		return true;
	may = atomic_load(&lof_ledger.nleft) > 0 ||
	      lof_inflight_overlaps(NULL, range);
	lof_ledger_unlock();
	return may;
}

uint64_t lof_ledger_landings(void)
{
	return atomic_load(&lof_ledger.nlandings);
}
