/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The process's ledger: what is locked, and in which way. It is a note of what
 * the kernel did; where the two may differ, the kernel is asked.
 *
 * Announce, call, book: a wrapper announces the ranges that its system call may
 * change, makes the call with no lock held, and books what the arguments imply
 * only if no other call on the same memory was booked meanwhile. Whoever was
 * overtaken, or cannot know what the kernel did, reads the truth from the
 * kernel; so the last one out of several leaves the ledger right:
 *
 *	err = lof_call_begin(&call, LOF_KEEPS, range, LOF_NO_RANGE);
 *	if (err)
 *		return lof_return(err);
 *	err = lof_sys_munmap(addr, len);
 *	if (lof_call_land(&call, lof_outcome(err)))
 *		lof_call_clear(&call, range);
 *	lof_call_end(&call);
 *
 * A move books what the ledger has of its source, and so it may not either while
 * another call is in flight there, or a note is left, whose effect is not booked
 * yet.
 *
 * Nobody waits for another's system call. A signal handler that interrupts the
 * booking of its own thread cannot take the lock and leaves a note instead; the
 * booking thread reads the truth for it when it is done.
 */
#ifndef LOF_LEDGER_H
#define LOF_LEDGER_H

#include <stdbool.h>
#include <stdint.h>

#include "glance.h"
#include "range_tree.h"
#include "smaps.h"

/* The attribute of a range in the tree: how it is locked, by what it is kept */
#define LOF_ATTR(kind, how) \
	((unsigned int)(kind) | (unsigned int)(how) << 2)
#define LOF_ATTR_KIND(attr)	((attr) & 3)
#define LOF_ATTR_HOW(attr)	((attr) >> 2 & 3)
#define LOF_ATTR_GUESSED	0x10u	/* the kernel tells of no kind */

#define LOF_NO_RANGE		((struct lof_range){ 0, 0 })

/* The attribute of an area as the kernel has it; 0: not locked. */
unsigned int lof_ledger_attr(const struct lof_vma *vma);

enum lof_intent {
	LOF_KEEPS,	/* can add nothing that is not in the ledger: needs
			   memory only where the ranges are tracked */
	LOF_MOVES,	/* the same, and moves what is in the first range */
	LOF_ADDS,	/* can lock: leaves memory for later calls that keep */
	LOF_READS,	/* makes no system call, and is only to be read back */
};

enum lof_outcome {
	LOF_REFUSED,	/* the kernel changed nothing */
	LOF_DONE,	/* it did what the arguments say */
	LOF_UNSURE,	/* it must be asked */
};

/* A wrapper's call, from begin to end. */
struct lof_call {
	/* What it may change. The wrapper sets what the kernel chose. */
	struct lof_range range[2];
	/*
	 * What becomes of holds and budgets, if it is done: the wrapper says so
	 * before it lands. moved goes to moved_to; gone ends.
	 */
	struct lof_range moved, gone[2];
	uintptr_t moved_to;
	/*
	 * How all that is locked in hinted is locked now; asked for where the
	 * kernel tells of no kind. Elsewhere what is tracked stays as it was.
	 */
	struct lof_range hinted;
	unsigned int hint;
	/* Private to the ledger. */
	struct lof_books *books;	/* NULL: there is no memory for them */
	int slot;			/* -1: not announced */
	uint32_t epoch;
	uint64_t began;			/* changes booked by then */
	size_t nodes;			/* that booking may take */
	enum lof_intent intent;
	enum lof_outcome outcome;
	bool unannounced;		/* it had no slot when it began */
	bool blind;			/* where it may lock no bit is set */
	bool fresh;			/* the first lock in its granules */
	bool keeps_nothing;		/* nothing is tracked in its ranges */
	bool booking;
};

/* What a system call that returned err did, if errors are told truly. */
enum lof_outcome lof_outcome(int err);

/*
 * Announce a call. 0, or -ENOMEM: there is no memory for what it may have to
 * book, and the call must not be made. b is LOF_NO_RANGE or a second range.
 */
int lof_call_begin(struct lof_call *call, enum lof_intent intent,
		   struct lof_range a, struct lof_range b);

/*
 * The system call has returned. True: the books are locked, and the caller
 * books what the call did, by the functions below. False: it books
 * nothing; lof_call_end() will ask the kernel if there is need.
 */
bool lof_call_land(struct lof_call *call, enum lof_outcome outcome);

void lof_call_set(struct lof_call *call, struct lof_range range,
		  unsigned int attr);
void lof_call_clear(struct lof_call *call, struct lof_range range);
void lof_call_copy(struct lof_call *call, struct lof_range from, uintptr_t to);

/* Set what became of range because of what is tracked elsewhere. */
void lof_call_derive(struct lof_call *call, struct lof_range range,
		     unsigned int attr);

/* While booking: is something tracked in range, and what comes first. */
bool lof_call_find_in(const struct lof_call *call, struct lof_range range,
		      struct lof_entry *entry);

/* While booking: what this call did cannot be known after all. */
void lof_call_unsure(struct lof_call *call);

void lof_call_end(struct lof_call *call);

/*
 * Ask the kernel what of range is locked, and make the ledger say so. False: it
 * could not be done now, and is left to who is done with the books next.
 */
bool lof_ledger_read_back(struct lof_range range);

/* The same for all, and MCL_FUTURE. 0; -EBUSY; why smaps cannot be read. */
int lof_ledger_sync(void);

/*
 * All in range was locked for a moment, and what others lock there at this time
 * may have been unlocked; since: the changes that were booked before it began.
 */
void lof_ledger_disturbed(struct lof_range range, uint64_t since);

/*
 * The library had range mapped and locked for a moment, without a call that was
 * announced: who looked meanwhile is not to keep it. since as above.
 */
void lof_ledger_vanished(struct lof_range range, uint64_t since);

/* Other memory is mapped in range now, so that nothing is held there. */
void lof_ledger_renew(struct lof_range range);

/*
 * The first tracked range that reaches into range, clipped. 1; 0: there is
 * none; -EBUSY: this is a signal handler inside the ledger's own code.
 */
int lof_ledger_find_in(struct lof_range range, struct lof_entry *entry);

/* The tracked range or the gap (attr 0) around addr. 0 or -EBUSY. */
int lof_ledger_around(uintptr_t addr, struct lof_entry *entry);

/* How often something was booked: if it is the same, nothing was. */
uint64_t lof_ledger_changes(void);

/*
 * Counts of lof_hold(): one more or one less for each page of range. No system
 * call is made but for memory. 0; -EBUSY as above; hold: -EOVERFLOW, -ENOMEM;
 * drop: -EINVAL, a page has none; unless it is to go by where there are any.
 * On failure nothing is changed.
 */
#define LOF_HOLDS_MAX	2047u
#define LOF_HELD_FULL	2048u	/* somebody wants it in full */
#define LOF_HELD_COUNT(attr)	((attr) & LOF_HOLDS_MAX)

int lof_ledger_hold(struct lof_range range, bool full);
int lof_ledger_drop(struct lof_range range, bool where_held);

/* As lof_ledger_find_in(), of counts: attr is a count and LOF_HELD_FULL. */
int lof_ledger_held_in(struct lof_range range, struct lof_entry *entry);

/*
 * Budgets: a range is in one of them or in none. attr: its number, and whether
 * its pages were seen when there was no more budget for them, or locked before.
 */
#define LOF_NBUDGETS	63u
#define LOF_SWEPT_ID(attr)	((attr) & LOF_NBUDGETS)
#define LOF_SWEPT_SEEN	64u
#define LOF_EXEMPT	128u	/* no budget: MCL_FUTURE does not reach it */

/* As lof_ledger_find_in(), of budgets. */
int lof_ledger_swept_in(struct lof_range range, struct lof_entry *entry);

/*
 * Put range into a budget, or out of any: attr 0. 0; -EBUSY as above; -ENOMEM,
 * and nothing is changed.
 */
int lof_ledger_sweep(struct lof_range range, unsigned int attr);

/* What it took and did. */
struct lof_costs {
	uint64_t bytes;		/* of memory */
	uint64_t read_back;	/* times the kernel was asked */
	uint64_t drift;		/* times it was wrong */
};

void lof_ledger_costs(struct lof_costs *costs);

#endif
