/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The counts of lof_hold() and the budgets that ranges are in. They follow the
 * mapping when it moves, and end with it, locked or not.
 */
#ifndef LOF_LEDGER_ATTRS_H
#define LOF_LEDGER_ATTRS_H

#include "ledger/notes.h"

/*
 * Counts of lof_hold(): one more or one less for each page of range. No system
 * call is made but for memory. 0; -EBUSY as above; add: -EOVERFLOW, -ENOMEM;
 * remove: -EINVAL, a page has none, unless it is to go by where there are any.
 * On failure nothing is changed.
 */
#define LOF_HOLDS_MAX	2047u
#define LOF_HELD_FULL	2048u	/* a holder wants it in full */
#define LOF_HELD_COUNT(attr)	((attr) & LOF_HOLDS_MAX)

int lof_holds_add(struct lof_range range, bool full);
int lof_holds_remove(struct lof_range range, bool where_held);

/*
 * Budgets: a range is in one of them or in none. attr: the number of the budget,
 * or LOF_BUDGET_EXEMPT.
 */
#define LOF_NBUDGETS	63u
#define LOF_BUDGET_ID(attr)	((attr) & LOF_NBUDGETS)
#define LOF_BUDGET_EXEMPT	64u	/* MCL_FUTURE does not reach it */

/* Put range into a budget, or with 0 out of any. 0, -EBUSY, -ENOMEM. */
int lof_budget_assign(struct lof_range range, unsigned int attr);

#endif
