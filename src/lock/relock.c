/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Lock memory again as the ledger notes it. The ledger is not changed. */
#include "config.h"

#include "lock/relock.h"

#include "kernel/caps.h"
#include "ledger/runs.h"
#include "lock/onfault.h"
#include "lock/onfault_by_mlock.h"

struct relocking {
	uintptr_t from, to;
	int worst;
};

static int relock_run(const struct lof_entry *run, void *arg)
{
	struct relocking *r = arg;
	int ret;

	if (!LOF_ATTR_KIND(run->attr))
		return 0;
	ret = lof_lock_again((struct lof_range){
		run->range.start - r->from + r->to,
		run->range.end - r->from + r->to,
	}, LOF_ATTR_KIND(run->attr));
	if (!r->worst || ret < 0)
		r->worst = ret;
	return 0;
}

int lof_relock(struct lof_range from, uintptr_t to)
{
	struct relocking r = { .from = from.start, .to = to };
	int err = lof_ledger_each_run(LOF_NOTED_LOCKS, from, relock_run, &r);

	return err ? err : r.worst;
}

bool lof_can_relock(struct lof_range range)
{
	return lof_cap_is_there(LOF_CAP_MLOCK2) ?
	       lof_relock(range, range.start) >= 0 :
	       lof_onfault_by_mlock_allows(0);
}
