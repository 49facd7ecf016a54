/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * lof_trim: malloc_trim() for heaps that are locked on fault. malloc_trim()
 * gives pages back by MADV_DONTNEED, which the kernel refuses on locked memory,
 * and its calls do not pass the shim. Only malloc knows its free blocks, under
 * its own locks. So the heaps are unlocked meanwhile. free() gives back the end
 * of a heap in the same way; this is made up for here.
 */
#include "config.h"

#include "lockonfault.h"

#include "api/hooked.h"
#include "api/result.h"
#include "base/options.h"
#include "kernel/caps.h"
#include "kernel/heaps.h"
#include "kernel/probe.h"
#include "ledger/resync.h"
#include "ledger/runs.h"
#include "lock/onfault.h"
#include "lock/onfault_by_mlock.h"
#include "lock/tracked.h"

/* Not in musl. */
extern int malloc_trim(size_t pad) __attribute__((weak));

/* Parts of heaps that are unlocked together. */
#define NPARTS	32

struct parts {
	struct lof_heap part[NPARTS];
	size_t n;
	uintptr_t from;		/* skip the parts below */
};

static bool is_on_fault(const struct lof_vma *vma)
{
	unsigned int attr = lof_attr_of_vma(vma);
	struct lof_entry noted;

	if (attr & LOF_ATTR_GUESSED &&
	    !lof_ledger_around(vma->range.start, &noted) &&
	    LOF_ATTR_KIND(noted.attr))
		attr = noted.attr;
	return LOF_ATTR_KIND(attr) == LOF_ONFAULT;
}

/* A part that is locked in full would be populated when it is locked again. */
static int collect(const struct lof_vma *vma, const struct lof_heap *heap,
		   void *arg)
{
	struct parts *parts = arg;

	if (heap->part.start < parts->from || !is_on_fault(vma))
		return 0;
	if (parts->n == NPARTS)
		return 1;
	parts->part[parts->n++] = *heap;
	return 0;
}

/* Does the limit allow what is locked now? The page is locked on fault. */
static bool can_lock_again(struct lof_range page)
{
	return lof_cap_is_there(LOF_CAP_MLOCK2) ?
	       !lof_lock_onfault(page) : lof_onfault_by_mlock_allows(0);
}

/*
 * malloc may have unmapped the end of the part, or all of it. Memory behind a
 * hole is another thread's, and new.
 */
static int lock_again(struct lof_range part)
{
	int err;

	do {
		part.end = lof_first_hole(part);
		err = lof_range_is_empty(part) ?
		      0 : lof_lock_range(part, LOF_ONFAULT);
	} while (err == -ENOMEM && lof_first_hole(part) != part.end);
	return err;
}

/* Trim with these parts unlocked. 1 or 0 as malloc_trim(), or -errno. */
static int trim_parts(const struct parts *parts, size_t pad,
		      int (*trim)(size_t pad))
{
	struct lof_range page;
	int ret, err;

	if (parts->n) {
		page = parts->part[0].part;
		page.end = page.start + lof_sys_page_size();
		if (!can_lock_again(page))
			return -EAGAIN;
	}
	for (size_t i = 0; i < parts->n; i++)
		lof_unlock_range(parts->part[i].part);
	ret = trim(pad);
	for (size_t i = 0; i < parts->n; i++)
		if (parts->part[i].start)
			lof_heap_discard_end(parts->part[i].start);
	for (size_t i = 0; i < parts->n; i++) {
		err = lock_again(parts->part[i].part);
		if (err)
			ret = err;
	}
	return ret;
}

static int trim_all(size_t pad, int (*trim)(size_t pad))
{
	struct parts parts = { .from = 0 };
	int more, ret, all = 0;

	do {
		parts.n = 0;
		more = lof_heaps_each(collect, &parts);
		ret = more < 0 ? more : trim_parts(&parts, pad, trim);
		if (ret < 0)
			return ret;
		all |= ret;
		if (parts.n)
			parts.from = parts.part[parts.n - 1].part.end;
	} while (more);
	return all;
}

LOF_PUBLIC int lof_trim(size_t pad)
{
	int saved = errno, ret = malloc_trim ? trim_all(pad, malloc_trim)
					     : -ENOSYS;

	if (ret < 0)
		return lof_return(ret);
	errno = saved;
	return ret;
}

LOF_PUBLIC int lof_hooked_trim(size_t pad, int (*trim)(size_t pad))
{
	int ret = -EINVAL;

	if (lof_option_value(LOF_DISCARD) == LOF_DISCARD_TRANSLATE)
		ret = trim_all(pad, trim);
	return ret < 0 ? trim(pad) : ret;
}
