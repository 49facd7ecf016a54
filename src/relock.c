/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Lock memory as the ledger has it. No books are written here. */
#include "config.h"

#include "relock.h"

#include "arm.h"
#include "flag.h"
#include "ledger.h"
#include "sys_caps.h"

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

bool lof_can_relock(struct lof_range range)
{
	return lof_cap_is_there(LOF_CAP_MLOCK2) ?
	       lof_relock(range, range.start) >= 0 : lof_flag_allows(0);
}
