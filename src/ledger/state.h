/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The ledger's state: trees, lock, calls in flight, log of landings, and what
 * calls left that did not get the lock. For the files of this folder only. They
 * stand on each other in this order:
 *
 *	state lock inflight trees left nodes runs change fastpath attrs resync
 *	fork
 *
 * All zero means: nothing is locked, no call is in flight. The kernel empties
 * this memory in a child of fork (MADV_WIPEONFORK), whose locks are gone: so it
 * does not matter what the parent's threads were doing.
 */
#ifndef LOF_LEDGER_STATE_H
#define LOF_LEDGER_STATE_H

#include "base/per_thread.h"
#include "ledger/change.h"
#include "ledger/front.h"
#include "ledger/node_pool.h"
#include "ledger/notes.h"

#define LOF_NSLOTS	128	/* calls in flight; one more takes a slot over */
#define LOF_NLANDINGS	64	/* landings that are remembered */
#define LOF_NLEFT	32	/* landings of calls that had no lock */

/* MADV_WIPEONFORK wants whole pages, which may have 64 KiB elsewhere. */
#if defined(__x86_64__) || defined(__i386__)
#define LOF_PAGE_MAX	4096
#else
#define LOF_PAGE_MAX	65536
#endif

/*
 * A call in flight. Written without the lock, by its own call; a slot that a
 * thread left by longjmp or pthread_exit is taken over by another call.
 */
struct lof_slot {
	_Atomic uintptr_t change;	/* its address; 0: the slot is free */
	_Atomic uintptr_t thread;	/* the address of its lof_self */
	_Atomic bool is_announced;	/* the ranges are complete */
	_Atomic bool is_placed;		/* no range is left to the kernel */
	_Atomic bool is_reading;	/* it changes nothing */
	_Atomic uintptr_t start[2], end[2];
} __attribute__((aligned(64)));

/* What a call that did not get the lock leaves to the next owner. */
struct lof_left {
	_Atomic int state;
	struct lof_left_effect {
		struct lof_range suspect[2], unmapped[2], moved;
		uintptr_t moved_to;
	} effect;
};

struct lof_landing {
	struct lof_range range[2];
};

/*
 * Whoever takes the lock has a guard in its stack frame. It is intact as long as
 * that frame is not left.
 */
struct lof_guard {
	_Atomic uint32_t token;
	struct lof_guard *outer;	/* of the frame that was interrupted, if
					   that tried to take the lock */
};

struct lof_ledger {
	struct lof_front front;

	/* The lock. Its owner alone writes the next three. */
	struct lof_guard *_Atomic owner;
	enum lof_note editing;		/* a tree that is half changed */
	bool is_editing;
	_Atomic uint32_t generation;	/* times that it was taken */
	_Atomic uint32_t given_up;	/* generation that did not end */
	_Atomic uint32_t hopeless;	/* the same, after a long wait */
	bool is_inherited;		/* to be emptied with the unlock */

	_Atomic uint32_t epoch;		/* 0: not used since it was emptied */

	/* Under the lock. */
	struct lof_tree tree[LOF_NNOTES];
	struct lof_pool pool[LOF_NNOTES];
	struct lof_landing landing[LOF_NLANDINGS];
	uint32_t looks;			/* calls that found nothing noted */
	unsigned int assumed;		/* see struct lof_change */

	/* Read without it, too. */
	_Atomic uint64_t nlandings;
	_Atomic size_t nattrs;		/* ranges in LOF_NOTED_HOLDS, LOF_NOTED_BUDGETS */
	_Atomic uint32_t doubts;	/* times that everything became suspect */
	_Atomic uint32_t resolved;	/* doubts that were resolved */
	_Atomic uint64_t read_back, drift;

	/* Written without it. */
	_Atomic uint32_t nleft;
	struct lof_left left[LOF_NLEFT];
	_Atomic int nused;		/* slots that were ever taken */
	struct lof_slot slot[LOF_NSLOTS];
} __attribute__((aligned(LOF_PAGE_MAX)));

extern struct lof_ledger lof_ledger __attribute__((visibility("hidden")));

/* Its address tells one thread from another. */
struct lof_self {
	uintptr_t slot;			/* last taken */
	struct lof_guard *guard;	/* last that tried to take the lock */
	struct lof_guard *owned;	/* last that took it */
};

extern LOF_PER_THREAD struct lof_self lof_self
	__attribute__((visibility("hidden")));

/* A tree is changed between these; if the thread leaves there, it is lost. */
static inline void lof_edit_begin(enum lof_note note)
{
	lof_ledger.editing = note;
	lof_ledger.is_editing = true;
	atomic_signal_fence(memory_order_seq_cst);
}

static inline void lof_edit_end(void)
{
	atomic_signal_fence(memory_order_seq_cst);
	lof_ledger.is_editing = false;
}

/* To set a bit or a mark for each part of it takes too long. */
static inline bool lof_is_much(struct lof_range range)
{
	uint64_t len = lof_range_len(range);

	return len > (uint64_t)1 << LOF_CHUNK_BITS;
}

static inline bool lof_all_is_suspect(void)
{
	return atomic_load(&lof_ledger.doubts) !=
	       atomic_load(&lof_ledger.resolved);
}

static inline void lof_doubt_all(void)
{
	atomic_fetch_add(&lof_ledger.doubts, 1);
}

/* With the lock held, after a change of the trees of holds and budgets. */
void lof_count_attrs(void);

/* Empty the state of a parent, in a child that has it. */
void lof_ledger_empty_inherited(void);

/* madvise of this memory. */
void lof_ledger_advise(int advice);

#endif
