/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Unlock a range, or the part of it that the ledger notes or does not note.
 * The ledger is not changed.
 */
#include "config.h"

#include "lock/unlock.h"

#include "base/options.h"
#include "kernel/next.h"
#include "kernel/sys.h"
#include "ledger/attrs.h"
#include "ledger/resync.h"
#include "ledger/runs.h"
#include "lock/giant.h"

int lof_unlock(struct lof_range range)
{
	return lof_in_chunks(range, lof_sys_munlock);
}

int lof_unlock_as_asked(struct lof_range range)
{
	return lof_in_chunks(range, lof_next_munlock);
}

static int unlock_if_locked(const struct lof_entry *run, void *arg)
{
	(void)arg;
	return LOF_ATTR_KIND(run->attr) ? lof_unlock(run->range) : 0;
}

int lof_unlock_tracked(struct lof_range range)
{
	return lof_ledger_each_run(LOF_NOTED_LOCKS, range, unlock_if_locked,
				   NULL);
}

/* A suspect range may be locked by another call, and stays as it is. */
static int unlock_gap(const struct lof_entry *run, void *arg)
{
	int *worst = arg, err = run->attr ? 0 : lof_unlock(run->range);

	if (err)
		*worst = err;
	return 0;
}

int lof_unlock_untracked(struct lof_range range)
{
	int worst = 0, err;

	err = lof_ledger_each_run(LOF_NOTED_LOCKS, range, unlock_gap, &worst);
	return err ? err : worst;
}

static int unlock_if_unheld(const struct lof_entry *run, void *arg)
{
	(void)arg;
	return run->attr ? 0 : lof_unlock(run->range);
}

int lof_unlock_unheld(struct lof_range range)
{
	if (lof_option_value(LOF_HOLDS) != LOF_HOLDS_WIN)
		return lof_unlock(range);
	return lof_ledger_each_run(LOF_NOTED_HOLDS, range, unlock_if_unheld,
				   NULL);
}

/* The locks of a VMA to unlock. */
struct choice {
	unsigned int kinds;
	unsigned int attr;	/* of the VMA */
};

/*
 * If the kind of the VMA's lock is guessed, and the ledger notes a kind, use
 * the ledger's kind.
 */
static int unlock_of_kind(const struct lof_entry *run, void *arg)
{
	const struct choice *choice = arg;
	unsigned int attr = choice->attr;

	if (attr & LOF_ATTR_GUESSED && LOF_ATTR_KIND(run->attr))
		attr = run->attr;
	if (!(choice->kinds & LOF_KIND_BIT(LOF_ATTR_KIND(attr))))
		return 0;
	return lof_unlock_unheld(run->range);
}

int lof_unlock_kinds(const struct lof_vma *vma, struct lof_range range,
		     unsigned int kinds)
{
	struct choice choice = { kinds, lof_attr_of_vma(vma) };
	struct lof_entry whole = { .range = lof_range_both(vma->range, range) };

	if (lof_range_is_empty(whole.range) || !choice.attr)
		return 0;
	if (!(choice.attr & LOF_ATTR_GUESSED))
		return unlock_of_kind(&whole, &choice);
	return lof_ledger_each_run(LOF_NOTED_LOCKS, whole.range, unlock_of_kind,
				   &choice);
}

/* If the ledger cannot be read, the answer is true. */
bool lof_holds_any(void)
{
	return lof_ledger_has(LOF_NOTED_HOLDS,
			      lof_range_all(lof_sys_page_size())) != 0;
}
