/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Unlock a range, or a part of it by what the ledger has. No books are written. */
#include "config.h"

#include "unlock.h"

#include "chunks.h"
#include "ledger.h"
#include "policy.h"
#include "sys.h"

int lof_disarm(struct lof_range range)
{
	return lof_in_chunks(range, lof_sys_munlock);
}

int lof_unlock_tracked(struct lof_range range)
{
	struct lof_entry entry;
	int err = 0;

	while (!err && lof_ledger_find_in(range, &entry) > 0) {
		err = lof_disarm(entry.range);
		range.start = entry.range.end;
	}
	return err;
}

void lof_unlock_untracked(struct lof_range range)
{
	struct lof_range gap = range;
	struct lof_entry entry;

	while (lof_ledger_find_in(range, &entry) > 0) {
		gap.end = entry.range.start;
		if (!lof_range_is_empty(gap))
			lof_disarm(gap);
		range.start = gap.start = entry.range.end;
	}
	gap.end = range.end;
	if (!lof_range_is_empty(gap))
		lof_disarm(gap);
}

int lof_disarm_unheld(struct lof_range range)
{
	bool win = lof_policy(LOF_HOLDS) == LOF_HOLDS_WIN;
	struct lof_range gap = range;
	struct lof_entry entry;
	int err = 0;

	while (!err && win && lof_ledger_held_in(range, &entry) > 0) {
		gap.end = entry.range.start;
		if (!lof_range_is_empty(gap))
			err = lof_disarm(gap);
		range.start = gap.start = entry.range.end;
	}
	gap.end = range.end;
	if (err || (win && lof_range_is_empty(gap)))
		return err;
	return lof_disarm(gap);
}

static int disarm_if(struct lof_range range, unsigned int attr,
		     unsigned int kinds)
{
	if (!(kinds & LOF_KIND_BIT(LOF_ATTR_KIND(attr))) ||
	    lof_range_is_empty(range))
		return 0;
	return lof_disarm_unheld(range);
}

int lof_disarm_kinds(const struct lof_vma *vma, struct lof_range range,
		     unsigned int kinds)
{
	struct lof_range rest = lof_range_both(vma->range, range), gap = rest;
	unsigned int attr = lof_ledger_attr(vma);
	struct lof_entry entry;
	int found, err = 0;

	if (lof_range_is_empty(rest))
		return 0;
	while (!err && attr & LOF_ATTR_GUESSED &&
	       (found = lof_ledger_find_in(rest, &entry)) != 0) {
		/* On a guess nothing is unlocked that may be tracked. */
		if (found < 0)
			return found;
		gap.end = entry.range.start;
		err = disarm_if(gap, attr, kinds);
		if (!err)
			err = disarm_if(entry.range, entry.attr, kinds);
		rest.start = gap.start = entry.range.end;
	}
	gap.end = rest.end;
	return err ? err : disarm_if(gap, attr, kinds);
}

bool lof_holds_any(void)
{
	struct lof_entry entry;

	return lof_ledger_held_in(lof_range_all(lof_sys_page_size()),
				  &entry) != 0;
}
