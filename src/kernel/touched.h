/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The touched pages of a range: they are resident or swapped out. To ask
 * changes nothing, and does not use the ledger.
 */
#ifndef LOF_KERNEL_TOUCHED_H
#define LOF_KERNEL_TOUCHED_H

#include "base/range.h"

/*
 * Visit the runs of touched pages in address order. VMAs of which the kernel
 * does not tell the touched pages are passed over; lof_touched_tells() knows.
 *
 * 0         all runs were visited
 * other     a visit returned this value, which ended the visits; or a negative
 *           errno
 */
int lof_touched_each(struct lof_range range,
	     int (*visit)(struct lof_range run, void *arg), void *arg);

/* May two ranges be scanned as one, with all memory between them? */
bool lof_touched_joins(void);

/* -ENOSYS: lof_touched_each() passes over a part of range. Or another errno. */
int lof_touched_tells(struct lof_range range);

#endif
