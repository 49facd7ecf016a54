/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The counts of lof_hold() and the budgets of ranges. They belong to the
 * mapping, locked or not: they move with it and end with it.
 */
#ifndef LOF_LEDGER_ATTRS_H
#define LOF_LEDGER_ATTRS_H

#include "ledger/notes.h"

/*
 * Add 1 to, or subtract 1 from, the count of lof_hold() of each page of range.
 * A system call is made only to get memory. With where_held, remove skips pages
 * whose count is 0.
 *
 * 0           done
 * -EBUSY      the lock could not be taken (runs.h)
 * -ENOMEM     there is no memory for nodes
 * -EOVERFLOW  add: a page has the count LOF_HOLDS_MAX
 * -EINVAL     remove without where_held: a page has the count 0
 *
 * On failure nothing is changed.
 */
#define LOF_HOLDS_MAX	2047u
#define LOF_HELD_FULL	2048u	/* a holder wants the page locked in full */
#define LOF_HELD_COUNT(attr)	((attr) & LOF_HOLDS_MAX)

int lof_holds_add(struct lof_range range, bool full);
int lof_holds_remove(struct lof_range range, bool where_held);

/* Set the counts to 0. Returns as lof_holds_remove(). */
int lof_holds_clear(struct lof_range range);

/*
 * Budgets: a range is in at most one budget. attr is the number of the budget,
 * or LOF_BUDGET_EXEMPT.
 */
#define LOF_NBUDGETS	63u
#define LOF_BUDGET_ID(attr)	((attr) & LOF_NBUDGETS)
#define LOF_BUDGET_EXEMPT	64u	/* MCL_FUTURE does not lock the range */

/* Put range into a budget; attr 0: into no budget. 0, -EBUSY or -ENOMEM. */
int lof_budget_assign(struct lof_range range, unsigned int attr);
int lof_budget_assign_patiently(struct lof_range range, unsigned int attr);

#endif
