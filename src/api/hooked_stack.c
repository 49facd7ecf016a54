/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* For the shim: how far can the stack of the first thread grow? */
#include "config.h"

#include "api/hooked.h"

#include <sys/resource.h>

#include "api/result.h"
#include "kernel/smaps.h"
#include "kernel/sys.h"

/* The kernel's gap between a stack and the mapping below it, by default. */
#define GAP_PAGES	256

struct search {
	uintptr_t here;
	uintptr_t below;		/* end of the mapping below the stack */
	struct lof_range stack;
};

static int search_area(const struct lof_vma *vma, void *arg)
{
	struct search *search = arg;

	if (vma->range.start <= search->here &&
	    search->here < vma->range.end) {
		search->stack = vma->range;
		return 1;
	}
	/* A part of the stack itself may be locked in another way. */
	if (!vma->growsdown)
		search->below = vma->range.end;
	return 0;
}

LOF_PUBLIC size_t lof_hooked_stack_room(uintptr_t here)
{
	struct search search = { .here = here };
	uintptr_t gap = (GAP_PAGES + 1) * lof_sys_page_size(), lowest;
	struct rlimit limit;

	if (lof_smaps_each(search_area, &search) != 1 ||
	    getrlimit(RLIMIT_STACK, &limit))
		return 0;
	lowest = search.below + gap;
	if (limit.rlim_cur < search.stack.end - lowest)
		lowest = search.stack.end - (uintptr_t)limit.rlim_cur;
	return lowest < here ? here - lowest : 0;
}
