/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The process's ledger: which ranges are locked, and in which way. The kernel
 * has the truth; the ledger is a note of it. Three mechanisms keep the note
 * true:
 *
 *   calls in flight   A wrapper announces the ranges that its system call may
 *                     change, and makes the call with no lock held.
 *   log of landings   A call that returned logs its ranges. If another call on
 *                     the same memory was in flight then, that call cannot know
 *                     which of the two the kernel did last.
 *   suspicion         A call that cannot know the kernel's last change of its
 *                     ranges marks them suspect and returns. A reader asks the
 *                     kernel about suspect ranges before it answers, and about
 *                     no other ranges.
 *
 * A wrapper declares its effect, and the ledger applies it:
 *
 *	lof_change_begin(&change, LOF_MAY_UNLOCK, range, LOF_NO_RANGE);
 *	err = lof_sys_munmap(addr, len);
 *	if (!err)
 *		change.unmapped[0] = range;
 *	lof_change_end(&change, lof_outcome(err));
 *
 * Neither begin nor end fails, waits for another thread or reads /proc. They
 * make a system call only to get memory of the library's own (own_memory.h)
 * when that memory is used up, or if this thread already owns the ledger's lock
 * (lock.c). If a range cannot be noted for lack of memory, it is suspect.
 */
#ifndef LOF_LEDGER_CHANGE_H
#define LOF_LEDGER_CHANGE_H

#include "ledger/notes.h"

/* The changes of locks that a system call may make. */
enum lof_may {
	LOF_MAY_UNLOCK,	/* unlock, unmap, or map memory that is not locked */
	LOF_MAY_MOVE,	/* move the first range to the second, with its locks */
	LOF_MAY_LOCK,	/* lock the first range */
	LOF_MAY_READ,	/* change nothing: a reader asks about the range */
};

enum lof_outcome {
	LOF_REFUSED,	/* the kernel changed nothing */
	LOF_DONE,	/* the kernel changed all that the effect declares */
	LOF_UNSURE,	/* the kernel changed something in these ranges */
};

/*
 * The outcome of a system call that returned err. Only for a call that changes
 * nothing if it fails with -EINVAL, -EPERM, -ENOSYS, -EBADF or -EACCES.
 */
enum lof_outcome lof_outcome(int err);

/* A call in flight, from begin to end. */
struct lof_change {
	/*
	 * The ranges that the call may change. If the kernel will choose a
	 * range, the wrapper begins with an empty one (the first range of
	 * LOF_MAY_LOCK, the second of LOF_MAY_MOVE) and sets it before end.
	 */
	struct lof_range range[2];

	/* The effect: the wrapper sets it before end. Applied in this order. */
	struct lof_range unmapped[2];	/* the mapping ended, or is a new one */
	struct lof_range moved;		/* the mapping moved to moved_to */
	uintptr_t moved_to;
	struct lof_range unlocked;	/* the mapping stays */
	struct lof_range locked;
	unsigned int attr;		/* of locked; 0: attribute of `like` */
	uintptr_t like;			/* a page: its attribute before the
					   effect is the attribute of locked */

	/*
	 * If not 0: all locked memory in the ranges has this attribute now.
	 * Used if the kernel does not tell the kind of a lock.
	 */
	unsigned int assumed;

	/* Begin set a bit: nothing was noted in a block that the call locks. */
	bool is_first;

	/* Private to the ledger. */
	enum lof_may may;
	int slot;
	uint32_t epoch;
	uint64_t since;			/* landings logged before begin */
	bool is_blind;			/* it set no bit: see front.h */
	bool has_nodes;			/* enough for all of the effect */
};

/* Announce a call. b is LOF_NO_RANGE or a second range. */
void lof_change_begin(struct lof_change *change, enum lof_may may,
		      struct lof_range a, struct lof_range b);

/*
 * The system call returned. LOF_REFUSED drops the effect. LOF_UNSURE applies
 * the declared effect and marks all ranges suspect.
 *
 * true      the ledger is certain of the ranges
 * false     the ranges are suspect
 */
bool lof_change_end(struct lof_change *change, enum lof_outcome outcome);

/* Mark a range, or everything, suspect: for events that have no lof_change. */
void lof_ledger_suspect(struct lof_range range);
void lof_ledger_suspect_all(void);

/* The mapping in range ended or is a new one, and may be locked. */
void lof_ledger_renew(struct lof_range range);

/* May a call change range that is not noted yet? True also if it is not known. */
bool lof_ledger_may_change(struct lof_range range);

/* The number of landings logged. While it stays the same nothing is noted. */
uint64_t lof_ledger_landings(void);

#endif
