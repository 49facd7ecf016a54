/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Lock memory as the ledger has it. No books are written here. */
#include "config.h"

#include "relock.h"

#include "arm.h"
#include "ledger.h"
#include "policy.h"
#include "sys.h"

int lof_relock(struct lof_range from, uintptr_t to)
{
	uintptr_t start = from.start;
	struct lof_entry entry;
	int worst = 0, ret;

	while (lof_ledger_find_in(from, &entry) > 0) {
		ret = lof_arm_again((struct lof_range){
			entry.range.start - start + to,
			entry.range.end - start + to,
		}, LOF_ATTR_KIND(entry.attr));
		if (!worst || ret < 0)
			worst = ret;
		from.start = entry.range.end;
	}
	return worst;
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

bool lof_holds_any(void)
{
	struct lof_entry entry;

	return lof_ledger_held_in(lof_range_all(lof_sys_page_size()),
				  &entry) != 0;
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
