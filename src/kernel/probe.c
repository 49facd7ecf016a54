/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Probes of a range that change nothing. msync is the only system call that
 * tells whether memory is mapped and locked; with MS_ASYNC it changes nothing.
 */
#include "config.h"

#include "kernel/probe.h"

#include <sys/mman.h>

#include "kernel/caps.h"
#include "kernel/own_memory.h"
#include "kernel/permit.h"
#include "kernel/sys.h"
#include "lockonfault.h"

/* Pages in the smallest huge page of the architecture. */
#if defined(__x86_64__) || defined(__i386__)
#define HUGE_PAGES	512
#else
#define HUGE_PAGES	16
#endif

#define PROBES_MAX	4096

int lof_ask_locked(struct lof_range range)
{
	int err = lof_sys_msync(range, MS_ASYNC | MS_INVALIDATE);

	if (err == -EBUSY)
		return 1;
	return err == -ENOMEM ? 0 : err;
}

bool lof_is_locked(struct lof_range range)
{
	return lof_ask_locked(range) > 0;
}

uintptr_t lof_first_hole(struct lof_range range)
{
	size_t page = lof_sys_page_size();
	struct lof_range front = range;
	size_t mapped = 0, pages = lof_range_len(range) / page;

	if (lof_sys_msync(range, MS_ASYNC) != -ENOMEM)
		return range.end;
	while (mapped + 1 < pages) {
		size_t middle = mapped + (pages - mapped) / 2;

		front.end = range.start + middle * page;
		if (lof_sys_msync(front, MS_ASYNC) == -ENOMEM)
			pages = middle;
		else
			mapped = middle;
	}
	return range.start + mapped * page;
}

uintptr_t lof_hole_end(struct lof_range range)
{
	size_t page = lof_sys_page_size();
	struct lof_range back = range;
	size_t hole = 0, pages = lof_range_len(range) / page;

	back.end = back.start + page;
	if (lof_sys_msync(back, MS_ASYNC) != -ENOMEM)
		return range.start;
	/* From page `hole` on a page is not mapped; from `pages` on all are. */
	back.end = range.end;
	while (hole + 1 < pages) {
		size_t middle = hole + (pages - hole) / 2;

		back.start = range.start + middle * page;
		if (lof_sys_msync(back, MS_ASYNC) == -ENOMEM)
			hole = middle;
		else
			pages = middle;
	}
	return range.start + pages * page;
}

void lof_file_is_mapped(uintptr_t addr)
{
	if (addr % (HUGE_PAGES * lof_sys_page_size()) == 0)
		lof_cap_found(LOF_CAP_HUGETLB);
}

/*
 * mremap to the old size changes nothing. For hugetlb it first checks that the
 * address is aligned to a huge page, and fails with -EINVAL.
 */
bool lof_may_have_hugetlb(struct lof_range range)
{
	size_t page = lof_sys_page_size(), huge = HUGE_PAGES * page;
	uintptr_t at = range.start & ~(huge - 1), unused;

	if (lof_range_is_empty(range) || !lof_cap_is_there(LOF_CAP_HUGETLB))
		return false;
	if (lof_range_len(range) / huge > PROBES_MAX ||
	    !lof_permits(LOF_CALL_PROBE_HUGETLB))
		return true;
	/* A count, since the last huge page may end the address space. */
	for (size_t n = (range.end - 1 - at) / huge + 1; n > 0; n--, at += huge)
		if (lof_sys_mremap(at + page, page, page, 0, 0, &unused) ==
		    -EINVAL)
			return true;
	return false;
}

/*
 * The kernel checks the limit first. Then it refuses shared memory that grows
 * down. Only after that would it unmap the old mapping (seen on 6.18).
 */
int lof_probe_lock(uintptr_t addr, size_t len)
{
	uintptr_t unused;
	int err;

	err = lof_sys_mmap(addr, len, PROT_NONE, MAP_SHARED | MAP_ANONYMOUS |
			   MAP_FIXED | MAP_LOCKED | MAP_GROWSDOWN, -1, 0,
			   &unused);
	return err == -EINVAL ? 0 : err;
}

/* A new mapping locked in full is populated; one locked on fault is not. */
int lof_probe_future(struct lof_range *scratch)
{
	unsigned char present = 0;
	int kind = LOF_NONE, err;

	err = lof_own_scratch(lof_sys_page_size(), PROT_READ | PROT_WRITE,
			      scratch);
	if (err)
		return err;
	if (lof_is_locked(*scratch)) {
		lof_sys_mincore(*scratch, &present);
		kind = present & 1 ? LOF_FULL : LOF_ONFAULT;
	}
	lof_own_return(*scratch);
	return kind;
}
