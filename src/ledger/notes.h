/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The notes that the ledger keeps of ranges, and their attributes. And the
 * functions of its state as a whole (state.c).
 */
#ifndef LOF_LEDGER_NOTES_H
#define LOF_LEDGER_NOTES_H

#include <stdint.h>

#include "base/range.h"

/* What is noted of ranges, a tree of each. */
enum lof_note {
	LOF_NOTED_LOCKS,	/* how a range is locked: LOF_ATTR() */
	LOF_NOTED_HOLDS,	/* counts of lof_hold(), of the mapping */
	LOF_NOTED_BUDGETS,	/* the budget that a mapping is under */
	LOF_NNOTES
};

/* The attribute of a range in LOF_NOTED_LOCKS; 0: nothing is noted. */
#define LOF_ATTR(kind, how) \
	((unsigned int)(kind) | (unsigned int)(how) << 2)
#define LOF_ATTR_KIND(attr)	((attr) & 3)
#define LOF_ATTR_HOW(attr)	((attr) >> 2 & 3)
#define LOF_ATTR_GUESSED	0x10u	/* the kernel does not tell the kind */
#define LOF_ATTR_SUSPECT	0x20u	/* the kernel may know better; with
					   LOF_NONE: it may be locked */

/*
 * A number that is another one in a child of fork, by whatever call: there the
 * ledger is empty.
 */
uint32_t lof_ledger_epoch(void);

/* What the ledger took and did. */
struct lof_costs {
	uint64_t bytes;		/* of memory */
	uint64_t read_back;	/* times the kernel was asked */
	uint64_t drift;		/* times the ledger was wrong unsuspected */
};

void lof_ledger_costs(struct lof_costs *costs);

#endif
