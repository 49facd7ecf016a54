/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * shmat, shmdt and remap_file_pages, for the shim alone: their names are
 * exported to it, and are no part of the API. The caller of the first two does
 * not say how much memory it is about. No /proc, and no walk over VMAs.
 */
#include "config.h"

#include <sys/mman.h>
#include <sys/shm.h>

#include "api.h"
#include "follow.h"
#include "future.h"
#include "ledger/ledger.h"
#include "probe.h"
#include "shm.h"
#include "sys.h"

static struct lof_range from(uintptr_t addr)
{
	return (struct lof_range){ addr & ~(lof_sys_page_size() - 1),
				   lof_range_limit(lof_sys_page_size()) };
}

/* Is anything noted in range, of any kind? Also true if it cannot be told. */
static bool is_noted(struct lof_range range)
{
	bool is_any = false;

	for (enum lof_note note = 0; !is_any && note < LOF_NNOTES; note++)
		is_any = lof_ledger_has(note, range) != 0;
	return is_any;
}

/* Declare that a mapping replaced what was in range, locked as by MCL_FUTURE. */
static void declare(struct lof_change *change, struct lof_range range,
		    unsigned int kind)
{
	change->range[0] = range;
	change->unmapped[0] = range;
	if (kind && kind != LOF_FUTURE_UNKNOWN) {
		change->locked = range;
		/* It may be of huge pages, which the kernel passes over. */
		change->attr = LOF_ATTR(kind, LOF_BY_KERNEL) | LOF_ATTR_SUSPECT;
	}
}

/* A segment of so many bytes; where it is over others, addr says where. */
static int attach(int id, uintptr_t addr, int flags, size_t size,
		  uintptr_t *result)
{
	struct lof_range range = LOF_NO_RANGE;
	struct lof_change change;
	unsigned int kind;
	uint64_t future = lof_future_look(&kind);
	int err;

	if (flags & SHM_REMAP &&
	    lof_range_of(&range, (void *)(addr & ~((uintptr_t)SHMLBA - 1)), size))
		range = LOF_NO_RANGE;
	lof_change_begin(&change, LOF_MAY_LOCK, range, LOF_NO_RANGE);
	err = lof_sys_shmat(id, addr, flags, result);
	if (err) {
		/* What was there may have gone before it failed. */
		lof_change_end(&change, flags & SHM_REMAP ? LOF_UNSURE
							  : LOF_REFUSED);
		return err;
	}
	if (!lof_range_of(&range, (void *)*result, size))
		declare(&change, range, kind);
	lof_change_end(&change, kind != LOF_FUTURE_UNKNOWN &&
				lof_future_is_still(future) ? LOF_DONE
							    : LOF_UNSURE);
	lof_follow(range, flags & SHM_RDONLY ? PROT_READ
					     : PROT_READ | PROT_WRITE);
	return 0;
}

/* Where the kernel puts it, with no lock; addr is of no matter. */
static bool is_plain(int flags)
{
	unsigned int kind;

	lof_future_look(&kind);
	return !(flags & SHM_REMAP) && kind == LOF_NONE &&
	       !lof_future_followed() && !is_noted(from(0));
}

LOF_PUBLIC void *lof_shmat(int id, const void *addr, int flags)
{
	uintptr_t result = 0;
	size_t size;
	int err;

	if (is_plain(flags)) {
		err = lof_sys_shmat(id, (uintptr_t)addr, flags, &result);
	} else if (!lof_sys_shm_size(id, &size)) {
		err = attach(id, (uintptr_t)addr, flags, size, &result);
	} else {
		err = lof_sys_shmat(id, (uintptr_t)addr, flags, &result);
		if (!err || flags & SHM_REMAP)
			lof_ledger_suspect_all();
	}
	return lof_return_ptr(err, result);
}

/* What is held or under a budget, until something is still mapped. */
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

LOF_PUBLIC int lof_shmdt(const void *addr)
{
	struct lof_range rest = from((uintptr_t)addr);
	int err = lof_sys_shmdt((uintptr_t)addr);

	if (err || !is_noted(rest))
		return lof_return(err);
	/* How far it went only the kernel knows. */
	lof_ledger_suspect_all();
	for (enum lof_note note = LOF_NOTED_HOLDS; note < LOF_NNOTES; note++)
		(void)!lof_ledger_each_run(note, rest, end_if_unmapped, NULL);
	return 0;
}

/*
 * The kernel (seen on 6.18) maps the range anew, and locks it in full if its
 * first page was locked, on fault or not.
 */
LOF_PUBLIC int lof_remap_file_pages(void *addr, size_t len, int prot,
				    size_t pgoff, int flags)
{
	struct lof_change change;
	struct lof_entry first;
	struct lof_range range;
	int err;

	if (lof_range_of(&range, addr, len))
		range = LOF_NO_RANGE;
	lof_change_begin(&change, LOF_MAY_LOCK, range, LOF_NO_RANGE);
	if (lof_ledger_around(range.start, &first))
		first.attr = 0;
	err = lof_sys_remap_file_pages((uintptr_t)addr, len, prot, pgoff,
				       flags);
	if (!err && LOF_ATTR_KIND(first.attr)) {
		change.locked = range;
		change.attr = LOF_ATTR(LOF_FULL, LOF_BY_KERNEL);
	}
	lof_change_end(&change, err ? lof_outcome(err) : LOF_UNSURE);
	if (!err)
		lof_follow(range, PROT_READ);
	return lof_return(err);
}
