/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Budgets: of a range of any size, at most the bytes of the budget are locked.
 * A scan from time to time finds the touched pages and locks them.
 */
#ifndef LOF_EMULATE_BUDGET_H
#define LOF_EMULATE_BUDGET_H

#include "base/range.h"

/* The number of the process's own budget (LOF_CONVERT_MAX). */
#define LOF_BUDGET_OF_PROCESS	1u

/* lof_lock_budget(), with a negative errno. */
int lof_budget_lock(const void *addr, size_t len, size_t bytes, int policy);

/* Scan all budgets, unless another thread scans now. */
void lof_budget_scan_all(void);

/*
 * Put a range into the process's own budget (LOF_CONVERT_MAX). It waits for
 * milliseconds if the thread that changes the ledger does not run: the program
 * would take an error for a refused lock. Returns 0, -ENOMEM or -EBUSY.
 */
int lof_budget_add(struct lof_range range);

/* The same without the wait: if it fails, lof_emulate_all() does it later. */
void lof_budget_try_add(struct lof_range range);

/*
 * Put memory back into the process's own budget that has left it unseen: when
 * libc moves locked memory by mremap(), as in realloc(), the lock goes along, and
 * the kernel locks what is added to it. Such memory is locked on fault, and the
 * ledger has no note of it. It is unlocked. If true is returned, the caller reads
 * the locks anew, and lets a scan lock what fits.
 */
bool lof_budget_take_back(void);

/* Bytes at the last scan: locked under budgets; over: touched, not locked. */
struct lof_budget_totals {
	uint64_t locked, over;
};

struct lof_budget_totals lof_budget_sums(void);

#endif
