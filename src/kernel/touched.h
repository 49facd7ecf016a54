/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which pages of a range were touched: they are resident, or swapped out since.
 * Nothing is changed by it, and no books are written.
 */
#ifndef LOF_KERNEL_TOUCHED_H
#define LOF_KERNEL_TOUCHED_H

#include "base/range.h"

/*
 * Visit the runs of touched pages in address order. What is not 0 ends it: the
 * return of a visit; -ENOSYS: nothing tells; or another negative errno.
 */
int lof_touched_each(struct lof_range range,
	     int (*visit)(struct lof_range run, void *arg), void *arg);

/* May ranges be scanned together with what is between them? */
bool lof_touched_joins(void);

/* 0, or what lof_touched_each() of range would return but for its visits. */
int lof_touched_tells(struct lof_range range);

#endif
