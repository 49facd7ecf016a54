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
#ifndef LOF_LEDGER_LEDGER_H
#define LOF_LEDGER_LEDGER_H

#include <stdbool.h>
#include <stdint.h>

#include "range.h"
#include "range_tree.h"
#include "smaps.h"

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

#define LOF_NO_RANGE		((struct lof_range){ 0, 0 })

/* The attribute of a VMA as the kernel has it; 0: not locked. */
unsigned int lof_attr_of_vma(const struct lof_vma *vma);

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

/*
 * Visit the runs of range in order: each longest run of pages that are noted
 * alike, and each gap (attr 0) between; clipped to range. It is what the ledger
 * has, suspect or not. No lock is held over a visit.
 *
 * 0         all was visited
 * -EBUSY    a signal handler interrupted the ledger's own code, or the thread
 *           that holds its lock does not come on: the rest was not visited
 * other     what the last visit returned
 */
typedef int lof_run_visit(const struct lof_entry *run, void *arg);

__attribute__((warn_unused_result))
int lof_ledger_each_run(enum lof_note note, struct lof_range range,
			lof_run_visit *visit, void *arg);

/* The first run that is noted in range, clipped: 1, 0, -EBUSY. */
__attribute__((warn_unused_result))
int lof_ledger_first(enum lof_note note, struct lof_range range,
		     struct lof_entry *run);

/* The run around addr as far as it goes: 0 or -EBUSY. */
__attribute__((warn_unused_result))
int lof_ledger_around(uintptr_t addr, struct lof_entry *run);

/* Is anything in range noted? 1, 0, -EBUSY. */
__attribute__((warn_unused_result))
int lof_ledger_has(enum lof_note note, struct lof_range range);

/*
 * For readers. Ask the kernel about all that is suspect in range.
 *
 * 0         the ledger says what the kernel said; what another call has in
 *           flight is read, and stays suspect
 * -EBUSY    as above
 * other     a negative errno: /proc/self/smaps cannot be read. What msync tells
 *           is noted; the rest stays suspect
 */
int lof_ledger_resync(struct lof_range range);

/* The same about all of range, suspect or not. */
int lof_ledger_reread(struct lof_range range);

/* How many landings were logged: if it is the same, nothing was noted. */
uint64_t lof_ledger_landings(void);

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
 * Budgets: a range is in one of them or in none. attr: its number, and whether
 * its pages were seen when there was no budget left for them.
 */
#define LOF_NBUDGETS	63u
#define LOF_BUDGET_ID(attr)	((attr) & LOF_NBUDGETS)
#define LOF_BUDGET_SEEN		64u
#define LOF_BUDGET_EXEMPT	128u	/* MCL_FUTURE does not reach it */

/* Put range into a budget, or with 0 out of any. 0, -EBUSY, -ENOMEM. */
int lof_budget_assign(struct lof_range range, unsigned int attr);

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

/* What fork.c calls before a fork, and after it on both sides. */
void lof_ledger_before_fork(void);
void lof_ledger_after_fork(void);
void lof_ledger_after_fork_in_child(void);

#endif
