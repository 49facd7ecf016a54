/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The ledger's notes, run by run. The kernel is not asked here. */
#include "config.h"

#include "ledger/runs.h"

#include <stdatomic.h>

#include "kernel/sys.h"
#include "ledger/left.h"
#include "ledger/trees.h"

/* True: nothing is noted. Takes no lock. */
static bool has_none(enum lof_note note)
{
	return note != LOF_NOTED_LOCKS &&
	       !atomic_load_explicit(&lof_ledger.nattrs, memory_order_relaxed);
}

static int first(enum lof_note note, struct lof_range range,
		 struct lof_entry *run, bool is_patient)
{
	struct lof_guard guard;
	bool is_noted;

	if (has_none(note))
		return 0;
	if (!(is_patient ? lof_ledger_lock_patiently(&guard)
			 : lof_ledger_lock(&guard)))
		return -EBUSY;
	is_noted = lof_tree_find_in(&lof_ledger.tree[note], range, run);
	lof_ledger_unlock();
	return is_noted;
}

int lof_ledger_first(enum lof_note note, struct lof_range range,
		     struct lof_entry *run)
{
	return first(note, range, run, true);
}

/* Get the first run of range, noted or not. 0 or -EBUSY. */
static int first_run(enum lof_note note, struct lof_range range,
		     struct lof_entry *run)
{
	struct lof_guard guard;

	*run = (struct lof_entry){ .range = range };
	if (has_none(note))
		return 0;
	if (!lof_ledger_lock_patiently(&guard))
		return -EBUSY;
	*run = lof_run_in(note, range);
	lof_ledger_unlock();
	return 0;
}

int lof_ledger_each_run(enum lof_note note, struct lof_range range,
			lof_run_visit *visit, void *arg)
{
	struct lof_entry run;
	int ret = 0;

	while (!ret && !lof_range_is_empty(range)) {
		ret = first_run(note, range, &run);
		range.start = run.range.end;
		if (!ret)
			ret = visit(&run, arg);
	}
	return ret;
}

int lof_ledger_around(uintptr_t addr, struct lof_entry *run)
{
	uintptr_t limit = lof_range_limit(lof_sys_page_size());
	struct lof_guard guard;

	if (!lof_ledger_lock_patiently(&guard))
		return -EBUSY;
	lof_tree_around(&lof_ledger.tree[LOF_NOTED_LOCKS], addr, limit, run);
	lof_ledger_unlock();
	return 0;
}

int lof_ledger_has(enum lof_note note, struct lof_range range)
{
	struct lof_entry run;

	return first(note, range, &run, false);
}
