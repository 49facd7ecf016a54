/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Lock memory again as the ledger notes it. The ledger is not changed. */
#include "config.h"

#include "lock/relock.h"

#include "kernel/caps.h"
#include "ledger/runs.h"
#include "lock/onfault.h"
#include "lock/onfault_by_mlock.h"

struct relocking {
	const struct lof_locks *before;
	uintptr_t from, to;
	int worst;
};

static void relock_at(struct relocking *r, struct lof_range range,
		      unsigned int attr)
{
	int ret;

	if (lof_range_is_empty(range) || !LOF_ATTR_KIND(attr))
		return;
	ret = lof_lock_again((struct lof_range){ range.start - r->from + r->to,
						 range.end - r->from + r->to },
			     LOF_ATTR_KIND(attr));
	if (!r->worst || ret < 0)
		r->worst = ret;
}

static int relock_run(const struct lof_entry *run, void *arg)
{
	struct relocking *r = arg;

	relock_at(r, run->range, run->attr);
	if (run->attr != LOF_ATTR_SUSPECT)
		return 0;
	for (size_t i = 0; i < r->before->n; i++)
		relock_at(r, lof_range_both(r->before->run[i].range,
					    run->range),
			  r->before->run[i].attr);
	return 0;
}

static int note_run(const struct lof_entry *run, void *arg)
{
	struct lof_locks *locks = arg;

	if (LOF_ATTR_KIND(run->attr))
		locks->run[locks->n++] = *run;
	return locks->n == sizeof(locks->run) / sizeof(locks->run[0]);
}

void lof_locks_note(struct lof_locks *locks, struct lof_range range)
{
	locks->n = 0;
	(void)!lof_ledger_each_run(LOF_NOTED_LOCKS, range, note_run, locks);
}

int lof_relock(struct lof_range from, uintptr_t to)
{
	const struct lof_locks none = { .n = 0 };

	return lof_relock_as(&none, from, to);
}

int lof_relock_as(const struct lof_locks *before, struct lof_range from,
		  uintptr_t to)
{
	struct relocking r = { .before = before, .from = from.start, .to = to };
	int err = lof_ledger_each_run(LOF_NOTED_LOCKS, from, relock_run, &r);

	return err ? err : r.worst;
}

bool lof_can_relock(struct lof_range range)
{
	return lof_cap_is_there(LOF_CAP_MLOCK2) ?
	       lof_relock(range, range.start) >= 0 :
	       lof_onfault_by_mlock_allows(0);
}
