/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Budgets: of a range that may be of any size, so much is locked as there is
 * budget for, by looking now and then which pages were touched.
 */
#ifndef LOF_EMULATE_BUDGET_H
#define LOF_EMULATE_BUDGET_H

#include "base/range.h"

/* lof_lock_budget(), with a negative errno. */
int lof_budget_lock(const void *addr, size_t len, size_t bytes, int policy);

/* Look at all budgets, and lock what is due; unless another thread does. */
void lof_budget_scan_all(void);

/* Put a range into the process's own budget (LOF_CONVERT_MAX). 0; -ENOMEM, -EBUSY. */
int lof_budget_add(struct lof_range range);

/* Bytes: locked under budgets; touched, but not locked, at the last look. */
struct lof_budget_totals {
	uint64_t locked, over;
};

struct lof_budget_totals lof_budget_sums(void);

#endif
