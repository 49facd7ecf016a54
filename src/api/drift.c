/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * If the charge is the sum of the ledger, and no page in a gap is locked, the
 * ledger is right. Otherwise the kernel is asked about all memory.
 */
#include "config.h"

#include "api/drift.h"

#include <errno.h>

#include "emulate/budget.h"
#include "kernel/probe.h"
#include "kernel/smaps.h"
#include "kernel/sys.h"
#include "ledger/change.h"
#include "ledger/resync.h"

#define ATTEMPTS	3

static struct lof_range everything(void)
{
	return lof_range_all(lof_sys_page_size());
}

int lof_visit_settled(const struct lof_entry *run, lof_run_visit *visit,
		      void *arg)
{
	if (!(run->attr & LOF_ATTR_SUSPECT) ||
	    lof_ledger_resync(run->range) == -EBUSY)
		return visit(run, arg);
	return lof_ledger_each_run(LOF_NOTED_LOCKS, run->range, visit, arg);
}

/* The locked bytes of the ledger, and whether a page of a gap is locked. */
struct survey {
	uint64_t locked;
	bool gap_is_locked;
};

static int add_run(const struct lof_entry *run, void *arg)
{
	struct survey *survey = arg;

	if (LOF_ATTR_KIND(run->attr))
		survey->locked += lof_range_len(run->range);
	else
		survey->gap_is_locked |= lof_is_locked(run->range);
	return 0;
}

static int survey_run(const struct lof_entry *run, void *arg)
{
	return lof_visit_settled(run, add_run, arg);
}

/* If a call landed meanwhile, sum and charge do not compare. */
static bool has_drifted(lof_run_visit *visit)
{
	uint64_t changes = lof_ledger_landings(), charge;
	struct survey survey = { .locked = 0 };

	return !lof_ledger_each_run(LOF_NOTED_LOCKS, everything(), visit,
				    &survey) &&
	       !lof_smaps_charge(0, &charge) &&
	       (charge != survey.locked || survey.gap_is_locked) &&
	       lof_ledger_landings() == changes;
}

int lof_check_drift(void)
{
	int err = lof_ledger_resync(everything());
	bool has_moved;

	/* Without memory the ledger cannot answer. */
	if (err == -EBUSY || err == -ENOMEM)
		return err;
	if (has_drifted(survey_run)) {
		has_moved = lof_budget_take_back();
		err = lof_ledger_reread(everything());
		if (has_moved)
			lof_budget_scan_all();
	}
	return err == -ENOMEM ? err : 0;
}

/* A call of another thread that is in flight looks like drift, too. */
void lof_follow_drift(void)
{
	for (int i = 0; i < ATTEMPTS; i++) {
		if (!has_drifted(add_run))
			return;
		if (lof_ledger_find_unlocked(everything()) &&
		    !lof_budget_take_back())
			break;
	}
	lof_check_drift();
}
