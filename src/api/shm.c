/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * shmat, shmdt and remap_file_pages, for the shim. The arguments of shmat and
 * shmdt do not tell the size of the segment, and asking the kernel costs a
 * system call. So these calls mark everything suspect if they may have changed
 * a lock. Only the emulation of MCL_FUTURE reads /proc.
 */
#include "config.h"

#include <sys/mman.h>
#include <sys/shm.h>

#include "api/hooked.h"
#include "api/result.h"
#include "emulate/mclfuture.h"
#include "emulate/mclfuture_emulated.h"
#include "kernel/next.h"
#include "kernel/probe.h"
#include "kernel/sys.h"
#include "ledger/change.h"
#include "ledger/runs.h"

/*
 * SHMLBA of glibc calls this function, which musl lacks. A program of musl may
 * load the library too.
 */
#define __getpagesize()	((int)lof_sys_page_size())

static struct lof_range from(uintptr_t addr)
{
	return (struct lof_range){ addr & ~(lof_sys_page_size() - 1),
				   lof_range_limit(lof_sys_page_size()) };
}

/* Is anything noted in range? True, too, if the ledger is busy (-EBUSY). */
static bool is_noted(enum lof_note note, struct lof_range range)
{
	return lof_ledger_has(note, range) != 0;
}

static bool is_held_or_budgeted(struct lof_range range)
{
	return is_noted(LOF_NOTED_HOLDS, range) ||
	       is_noted(LOF_NOTED_BUDGETS, range);
}

/* Declare a new mapping in range, which MCL_FUTURE locked in this kind. */
static void declare(struct lof_change *change, struct lof_range range,
		    unsigned int kind)
{
	change->range[0] = range;
	change->unmapped[0] = range;
	if (kind && kind != LOF_MCLFUTURE_UNKNOWN) {
		change->locked = range;
		/* The kernel does not lock a segment of huge pages. */
		change->attr = LOF_ATTR(kind, LOF_BY_KERNEL) | LOF_ATTR_SUSPECT;
	}
}

/* Attach a segment of size bytes. */
static int attach(int id, uintptr_t addr, int flags, size_t size,
		  uintptr_t *result)
{
	struct lof_range range = LOF_NO_RANGE;
	struct lof_change change;
	unsigned int kind;
	uint64_t future = lof_mclfuture_look(&kind);
	int err;

	if (flags & SHM_REMAP &&
	    lof_range_of(&range, (void *)(addr & ~((uintptr_t)SHMLBA - 1)),
			 size))
		range = LOF_NO_RANGE;
	lof_change_begin(&change, LOF_MAY_LOCK, range, LOF_NO_RANGE);
	err = lof_next_shmat(id, addr, flags, result);
	if (err) {
		/* The old mapping may be gone in spite of the failure. */
		lof_change_end(&change, flags & SHM_REMAP ? LOF_UNSURE
							  : LOF_REFUSED);
		return err;
	}
	if (!lof_range_of(&range, (void *)*result, size))
		declare(&change, range, kind);
	lof_change_end(&change, kind != LOF_MCLFUTURE_UNKNOWN &&
				lof_mclfuture_is_still(future) ? LOF_DONE
							    : LOF_UNSURE);
	lof_emulate(range, flags & SHM_RDONLY ? PROT_READ
					     : PROT_READ | PROT_WRITE);
	return 0;
}

/* Attach a segment of unknown size: only its first page is known. */
static int attach_unasked(int id, uintptr_t addr, int flags, uintptr_t *result)
{
	struct lof_change change;
	struct lof_range page;
	unsigned int kind;
	int err = lof_next_shmat(id, addr, flags, result);

	lof_mclfuture_look(&kind);
	if (!err && kind != LOF_NONE) {
		lof_range_of(&page, (void *)*result, 1);
		lof_change_begin(&change, LOF_MAY_LOCK, page, LOF_NO_RANGE);
		declare(&change, page, kind);
		lof_change_end(&change, LOF_DONE);
	}
	if (err ? flags & SHM_REMAP
		: kind != LOF_NONE || is_noted(LOF_NOTED_LOCKS, from(*result)))
		lof_ledger_suspect_all();
	return err;
}

LOF_PUBLIC void *lof_hooked_shmat(int id, const void *addr, int flags)
{
	uintptr_t result = 0;
	size_t size;
	int err;

	if ((lof_mclfuture_emulated() || is_held_or_budgeted(from(0))) &&
	    !lof_sys_shm_size(id, &size))
		err = attach(id, (uintptr_t)addr, flags, size, &result);
	else
		err = attach_unasked(id, (uintptr_t)addr, flags, &result);
	return lof_return_ptr(err, result);
}

/*
 * End the holds and the budget of the unmapped front of a run. Stop at the
 * first run that has a mapped end.
 */
static int end_if_unmapped(const struct lof_entry *run, void *arg)
{
	struct lof_range hole = run->range;

	(void)arg;
	if (!run->attr)
		return 0;
	hole.end = lof_hole_end(run->range);
	if (!lof_range_is_empty(hole))
		lof_ledger_renew(hole);
	return hole.end < run->range.end;
}

LOF_PUBLIC int lof_hooked_shmdt(const void *addr)
{
	struct lof_range rest = from((uintptr_t)addr);
	int err = lof_next_shmdt((uintptr_t)addr);

	if (err)
		return lof_return(err);
	if (is_noted(LOF_NOTED_LOCKS, rest))
		lof_ledger_suspect_all();
	if (is_held_or_budgeted(rest))
		for (enum lof_note note = LOF_NOTED_HOLDS; note < LOF_NNOTES;
		     note++)
			(void)!lof_ledger_each_run(note, rest, end_if_unmapped,
						   NULL);
	return 0;
}

/*
 * The kernel (seen on 6.18) replaces the mapping. It locks the new mapping in
 * full if the first page was locked, on fault or in full.
 */
LOF_PUBLIC int lof_hooked_remap_file_pages(void *addr, size_t len, int prot,
					   size_t pgoff, int flags)
{
	struct lof_range range, first;
	struct lof_change change;
	bool was_locked;
	int err;

	if (lof_range_of(&range, addr, len))
		range = LOF_NO_RANGE;
	first = (struct lof_range){ range.start,
				    range.start + lof_sys_page_size() };
	lof_change_begin(&change, LOF_MAY_LOCK, range, LOF_NO_RANGE);
	/* -EBUSY counts as not locked: the range is suspect in any case. */
	was_locked = lof_ledger_has(LOF_NOTED_LOCKS, first) > 0;
	err = lof_next_remap_file_pages((uintptr_t)addr, len, prot, pgoff,
					flags);
	if (!err && was_locked) {
		change.locked = range;
		change.attr = LOF_ATTR(LOF_FULL, LOF_BY_KERNEL);
	}
	lof_change_end(&change, err ? lof_outcome(err) : LOF_UNSURE);
	if (!err)
		lof_emulate(range, PROT_READ);
	return lof_return(err);
}
