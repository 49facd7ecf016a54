/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The process's ledger: which ranges are locked, and in which way. It is a note
 * of what the kernel did, and three mechanisms keep it true:
 *
 *   calls in flight   A wrapper announces the ranges that its system call may
 *                     change, and makes the call with no lock held.
 *   log of landings   A call that returned logs its ranges. Another call on the
 *                     same memory that was in flight then cannot know which of
 *                     the two the kernel did last.
 *   suspicion         A call that cannot know what the kernel did marks its
 *                     ranges suspect and goes home. A reader asks the kernel
 *                     about suspect ranges before it answers, and about no
 *                     others.
 *
 * A wrapper declares its effect, and the ledger applies it:
 *
 *	lof_change_begin(&change, LOF_MAY_UNLOCK, range, LOF_NO_RANGE);
 *	err = lof_sys_munmap(addr, len);
 *	if (!err)
 *		change.unmapped[0] = range;
 *	lof_change_end(&change, lof_outcome(err));
 *
 * Neither begin nor end fails, waits for another thread, reads /proc or makes a
 * system call, except for memory of the library's own (own_memory.h) when that
 * is used up. A range that cannot be noted for lack of memory is suspect.
 */
#ifndef LOF_LEDGER_CHANGE_H
#define LOF_LEDGER_CHANGE_H

#include "ledger/notes.h"

/* What a system call may do to locks. */
enum lof_may {
	LOF_MAY_UNLOCK,	/* and unmap, and map memory that is not locked */
	LOF_MAY_MOVE,	/* the first range to the second, with its locks */
	LOF_MAY_LOCK,	/* the first range */
	LOF_MAY_READ,	/* no system call is made: a reader asks about it */
};

enum lof_outcome {
	LOF_REFUSED,	/* the kernel changed nothing */
	LOF_DONE,	/* it did what the declared effect says */
	LOF_UNSURE,	/* it did something in these ranges */
};

/* The outcome of a system call that returned err, if it tells errors truly. */
enum lof_outcome lof_outcome(int err);

/* A call in flight, from begin to end. */
struct lof_change {
	/*
	 * The ranges that it may change. The wrapper sets those that the kernel
	 * chose, before end. An empty first range of LOF_MAY_LOCK, or second of
	 * LOF_MAY_MOVE, says that the kernel will choose.
	 */
	struct lof_range range[2];

	/* The effect: the wrapper sets it before end. Applied in this order. */
	struct lof_range unmapped[2];	/* the mapping ended, or is a new one */
	struct lof_range moved;		/* the mapping went to moved_to */
	uintptr_t moved_to;
	struct lof_range unlocked;	/* the mapping is the same */
	struct lof_range locked;
	unsigned int attr;		/* of locked; 0: that of the page like */
	uintptr_t like;			/* a page of range[0] as it was before */

	/*
	 * If not 0: all that is locked in the ranges has this attribute now. It
	 * counts where the kernel does not tell the kind.
	 */
	unsigned int assumed;

	/* Nothing was noted in a block that it locks in. Set by begin. */
	bool is_first;

	/* Private to the ledger. */
	enum lof_may may;
	int slot;
	uint32_t epoch;
	uint64_t since;			/* landings logged by then */
	bool is_blind;			/* no bit is set where it may lock */
	bool has_nodes;			/* for all of the effect */
};

/* Announce a call. b is LOF_NO_RANGE or a second range. */
void lof_change_begin(struct lof_change *change, enum lof_may may,
		      struct lof_range a, struct lof_range b);

/*
 * The system call returned. LOF_REFUSED drops the effect. After LOF_UNSURE the
 * effect is applied as far as it is declared, and all ranges are suspect. False:
 * the ranges are suspect.
 */
bool lof_change_end(struct lof_change *change, enum lof_outcome outcome);

/* The range is suspect; everything is. For what no change describes. */
void lof_ledger_suspect(struct lof_range range);
void lof_ledger_suspect_all(void);

/* The mapping in range ended or is a new one, and may be locked. */
void lof_ledger_renew(struct lof_range range);

/* How many landings were logged: if it is the same, nothing was noted. */
uint64_t lof_ledger_landings(void);

#endif
