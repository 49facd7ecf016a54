/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Half-open ranges of addresses: rounding to pages and sums that are checked
 * for overflow. Pure: no system calls, no state.
 */
#ifndef LOF_BASE_RANGE_H
#define LOF_BASE_RANGE_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LOF_NO_RANGE	((struct lof_range){ 0, 0 })

struct lof_range {
	uintptr_t start, end;	/* bytes; empty when start >= end */
};

static inline bool lof_range_is_empty(struct lof_range r)
{
	return r.start >= r.end;
}

static inline size_t lof_range_len(struct lof_range r)
{
	return lof_range_is_empty(r) ? 0 : r.end - r.start;
}

static inline struct lof_range lof_range_both(struct lof_range a,
					      struct lof_range b)
{
	return (struct lof_range){
		a.start > b.start ? a.start : b.start,
		a.end < b.end ? a.end : b.end,
	};
}

static inline bool lof_range_overlaps(struct lof_range a, struct lof_range b)
{
	return !lof_range_is_empty(lof_range_both(a, b));
}

/* The last page boundary: no range ends above this address. */
static inline uintptr_t lof_range_limit(size_t page)
{
	return ~(uintptr_t)0 & ~(page - 1);
}

static inline struct lof_range lof_range_all(size_t page)
{
	return (struct lof_range){ 0, lof_range_limit(page) };
}

/*
 * Widen addr and len outward to whole pages. -EINVAL if the end wraps, also to
 * 0: the kernel (seen up to 6.18) then does nothing and returns 0.
 */
static inline int lof_range_widen(struct lof_range *range, uintptr_t addr,
				  size_t len, size_t page)
{
	uintptr_t end;

	if (__builtin_add_overflow(addr, len, &end) ||
	    end > lof_range_limit(page))
		return -EINVAL;
	range->start = addr & ~(page - 1);
	range->end = (end + page - 1) & ~(page - 1);
	return 0;
}

#endif
