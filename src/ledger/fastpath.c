/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The parts of the fast path that are not inline: the exact look, and the
 * repair. A fast call is not announced to other calls.
 */
#include "config.h"

#include "ledger/fastpath.h"

#include <stdatomic.h>

#include "ledger/inflight.h"
#include "ledger/left.h"
#include "ledger/trees.h"

/*
 * If a call is in flight or left its landing, a fast call would have to look
 * for that call again at the end. Then the announced path is as fast: return
 * false.
 */
bool lof_fastpath_look(struct lof_fastpath *path)
{
	struct lof_guard guard;

	if (!lof_inflight_is_none() || atomic_load(&lof_ledger.nleft) ||
	    !lof_ledger_lock(&guard))
		return false;
	LOF_SEAM();
	path->is_exact = !lof_is_noted(path->range);
	path->landings = atomic_load(&lof_ledger.nlandings);
	path->generation = atomic_load(&lof_ledger.generation);
	if (path->is_exact)
		lof_clear_unused_bits(path->range);
	lof_ledger_unlock();
	LOF_SEAM();
	return path->is_exact;
}

/*
 * No call landed on the range since the first look, no call in flight may
 * change it, and nothing is noted there.
 */
LOF_COLD
static bool is_untouched(const struct lof_fastpath *path)
{
	struct lof_guard guard;
	bool is_same;

	if (!lof_ledger_lock(&guard))
		return false;
	LOF_SEAM();
	is_same = !lof_inflight_overlaps(NULL, path->range) &&
		  !atomic_load(&lof_ledger.nleft) &&
		  !lof_log_overlaps(path->landings, path->range) &&
		  !lof_is_noted(path->range);
	lof_ledger_unlock();
	return is_same;
}

/*
 * A call that ends takes the lock, or leaves its landing, before it releases
 * its slot. A left landing is applied with the lock held. So read the slots
 * first, then nleft, and the lock's generation last.
 */
bool lof_fastpath_look_again(const struct lof_fastpath *path)
{
	bool is_none = lof_inflight_is_none() || LOF_LEFT_OUT(INFLIGHT_AGAIN);

	LOF_SEAM();
	is_none = is_none && !atomic_load(&lof_ledger.nleft);
	LOF_SEAM();
	if (is_none && (LOF_LEFT_OUT(LOCK_AGAIN) ||
			atomic_load(&lof_ledger.generation) ==
			path->generation))
		return true;
	return is_untouched(path);
}

/*
 * The ledger may have moved a note of a lock to another range, though this call
 * had unlocked that memory before the move. Then the lock was noted in this
 * call's range after the first look had found no note. So a bit is set now, or
 * bits were cleared since.
 */
static bool may_have_been_moved(const struct lof_fastpath *path)
{
	struct lof_front *front = lof_the_front;

	return !LOF_LEFT_OUT(MOVES) &&
	       atomic_load(&front->moves) != path->moves &&
	       (lof_blocks_has(&front->summary, path->range) ||
		atomic_load(&front->summary.cleared) != path->cleared);
}

/*
 * Log this call. True: something is noted in range. The kernel may have done
 * the noted call before this call or after. A call that lands from now on finds
 * this call in the log. True also without the lock: then the caller leaves this
 * call for the next owner to log, though nothing may be noted now.
 */
static bool log_and_look(struct lof_range range)
{
	struct lof_guard guard;
	bool is_noted;

	if (!lof_ledger_lock(&guard))
		return true;
	lof_log_add(range, LOF_NO_RANGE);
	is_noted = lof_is_noted(range);
	lof_ledger_unlock();
	return is_noted;
}

void lof_fastpath_repair(const struct lof_fastpath *path,
			 enum lof_fastpath_did did)
{
	bool is_noted = log_and_look(path->range);

	LOF_SEAM();
	if (did == LOF_UNLOCKED)
		lof_ledger_suspect(path->range);
	else if (is_noted)
		lof_ledger_renew(path->range);
	LOF_SEAM();
	if (did != LOF_MAPPED_ANEW && may_have_been_moved(path))
		lof_ledger_suspect_all();
}
