/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The notes that the ledger keeps of ranges, and their attributes. And the
 * functions of its state as a whole (state.c).
 */
#ifndef LOF_LEDGER_NOTES_H
#define LOF_LEDGER_NOTES_H

#include <stdint.h>

#include "base/range.h"

/* The kinds of notes. Each has its own tree of ranges. */
enum lof_note {
	LOF_NOTED_LOCKS,	/* how a range is locked: LOF_ATTR() */
	LOF_NOTED_HOLDS,	/* how often lof_hold() holds a mapping */
	LOF_NOTED_BUDGETS,	/* the budget that a mapping is under */
	LOF_NNOTES
};

/* The attribute of a range in LOF_NOTED_LOCKS; 0: nothing is noted. */
#define LOF_ATTR(kind, how) \
	((unsigned int)(kind) | (unsigned int)(how) << 2)
#define LOF_ATTR_KIND(attr)	((attr) & 3)
#define LOF_ATTR_HOW(attr)	((attr) >> 2 & 3)
#define LOF_ATTR_GUESSED	0x10u	/* the kernel does not tell the kind */
#define LOF_ATTR_SUSPECT	0x20u	/* the kernel may have changed it; with
					   LOF_NONE: it may be locked */

/*
 * The number of this process. A child has a new one and an empty ledger, by
 * whichever call it was forked.
 */
uint32_t lof_ledger_epoch(void);

/* The costs of the ledger. */
struct lof_costs {
	uint64_t bytes;		/* of memory */
	uint64_t read_back;	/* times the kernel was asked */
	uint64_t drift;		/* times the ledger was wrong, not suspect */
};

void lof_ledger_costs(struct lof_costs *costs);

#endif
