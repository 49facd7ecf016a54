/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Lock or unlock a range, and note the change in the ledger. */
#include "config.h"

#include "lock/tracked.h"

#include "base/options.h"
#include "kernel/caps.h"
#include "kernel/probe.h"
#include "kernel/sys.h"
#include "ledger/attrs.h"
#include "ledger/change.h"
#include "ledger/runs.h"
#include "lock/onfault.h"
#include "lock/quirks.h"
#include "lock/unlock.h"
#include "lockonfault.h"

/*
 * The lock stopped at a hole: the memory before the hole is locked, unless the
 * kernel did nothing. Only needed if the kernel does not tell the kind of a
 * lock.
 */
static void declare_front(struct lof_change *change, unsigned int kind)
{
	size_t page = lof_sys_page_size();
	struct lof_range front = change->range[0];

	front.end = lof_first_hole(front);
	if (front.end == change->range[0].end || lof_range_is_empty(front) ||
	    !lof_is_locked((struct lof_range){ front.start,
					       front.start + page }) ||
	    !lof_is_locked((struct lof_range){ front.end - page, front.end }))
		return;
	change->locked = front;
	change->attr = lof_attr_of_lock(kind);
}

int lof_lock_range(struct lof_range range, unsigned int kind)
{
	struct lof_change change;
	enum lof_outcome did;
	int ret;

	lof_change_begin(&change, LOF_MAY_LOCK, range, LOF_NO_RANGE);
	ret = lof_lock_with_quirks(range, kind, change.is_first, &did);
	/* If it was undone, the notes of the range are right as they are. */
	if (ret == -ENOMEM && did == LOF_UNSURE &&
	    !lof_cap_is_there(LOF_CAP_SMAPS_KIND))
		declare_front(&change, kind);
	if (!ret) {
		change.locked = range;
		change.attr = lof_attr_of_lock(kind);
	}
	lof_change_end(&change, did);
	return ret > 0 ? 0 : ret;
}

static int unlock_by(struct lof_range range, int (*unlock)(struct lof_range))
{
	bool held = lof_option_value(LOF_HOLDS) == LOF_HOLDS_WIN &&
		    lof_ledger_has(LOF_NOTED_HOLDS, range);
	struct lof_change change;
	int err;

	lof_change_begin(&change, LOF_MAY_UNLOCK, range, LOF_NO_RANGE);
	err = held ? lof_unlock_unheld(range) : unlock(range);
	if (!err && !held)
		change.unlocked = range;
	lof_change_end(&change, held ? LOF_UNSURE : lof_outcome(err));
	return err;
}

int lof_unlock_range(struct lof_range range)
{
	return unlock_by(range, lof_unlock);
}

int lof_unlock_range_as_asked(struct lof_range range)
{
	return unlock_by(range, lof_unlock_as_asked);
}
