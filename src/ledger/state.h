/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The ledger's state: trees, lock, calls in flight, log of landings, and the
 * effects left by calls that did not get the lock. For the files of this folder
 * only. Each file uses only files before it in this list:
 *
 *	state lock inflight trees left nodes runs change fastpath attrs resync
 *	fork
 *
 * All zero means: nothing is locked, no call is in flight. The kernel empties
 * this memory in a child of fork (MADV_WIPEONFORK), and the child's memory is
 * not locked: so the state is right, even if a thread of the parent was
 * changing it.
 */
#ifndef LOF_LEDGER_STATE_H
#define LOF_LEDGER_STATE_H

#include "base/per_thread.h"
#include "ledger/change.h"
#include "ledger/front.h"
#include "ledger/node_pool.h"
#include "ledger/notes.h"

#define LOF_NSLOTS	128	/* calls in flight; a further call takes over
				   a slot */
#define LOF_NLANDINGS	64	/* landings that are remembered */
#define LOF_NLEFT	32	/* landings of calls that had no lock */

/* MADV_WIPEONFORK needs whole pages: up to 64 KiB if not x86. */
#if defined(__x86_64__) || defined(__i386__)
#define LOF_PAGE_MAX	4096
#else
#define LOF_PAGE_MAX	65536
#endif

/*
 * A call in flight. Only that call writes its slot, without the lock. If its
 * thread left the call (by longjmp, by pthread_exit, or as a child of vfork
 * that died), another call takes the slot over.
 */
struct lof_slot {
	_Atomic uintptr_t change;	/* its address; 0: the slot is free */
	_Atomic uintptr_t thread;	/* the address of its lof_self */
	_Atomic bool is_announced;	/* the ranges are complete */
	_Atomic bool is_placed;		/* the kernel chooses no range */
	_Atomic bool is_reading;	/* the call changes nothing */
	_Atomic uintptr_t start[2], end[2];
} __attribute__((aligned(64)));

/* The effect that a call without the lock leaves to the lock's next owner. */
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
 * The owner of the lock has a guard in its stack frame. The guard's token is
 * valid until that frame returns or is left by longjmp.
 */
struct lof_guard {
	_Atomic uint32_t token;
	struct lof_guard *outer;	/* guard of the interrupted frame, if
					   that frame tried to take the lock */
};

struct lof_ledger {
	struct lof_front front;

	/* The lock. Only its owner writes editing, is_editing, generation. */
	struct lof_guard *_Atomic owner;
	enum lof_note editing;		/* the tree that is half changed */
	bool is_editing;
	_Atomic uint32_t generation;	/* times that the lock was taken */
	_Atomic uint32_t given_up;	/* generation longer than the spins */
	_Atomic uint32_t hopeless;	/* generation longer than a reader's
					   wait */
	bool is_inherited;		/* the unlock empties this state */

	_Atomic uint32_t epoch;		/* 0: not used since it was emptied */

	/* Under the lock. */
	struct lof_tree tree[LOF_NNOTES];
	struct lof_pool pool[LOF_NNOTES];
	struct lof_landing landing[LOF_NLANDINGS];
	uint32_t looks;			/* calls that found nothing noted */
	unsigned int assumed;		/* see struct lof_change */

	/* Also read without the lock. */
	_Atomic uint64_t nlandings;
	_Atomic size_t nattrs;		/* ranges in LOF_NOTED_HOLDS and
					   LOF_NOTED_BUDGETS */
	_Atomic uint32_t doubts;	/* times that all became suspect */
	_Atomic uint32_t resolved;	/* doubts that were resolved */
	_Atomic uint64_t read_back, drift;

	/* Written without the lock. */
	_Atomic uint32_t nleft;
	struct lof_left left[LOF_NLEFT];
	_Atomic int nused;		/* slots that were ever taken */
	struct lof_slot slot[LOF_NSLOTS];
} __attribute__((aligned(LOF_PAGE_MAX)));

extern struct lof_ledger lof_ledger __attribute__((visibility("hidden")));

/* Its address identifies the thread. */
struct lof_self {
	uintptr_t slot;			/* last slot taken */
	struct lof_guard *guard;	/* last that tried to take the lock */
	struct lof_guard *owned;	/* last that took the lock */
};

extern LOF_PER_THREAD struct lof_self lof_self
	__attribute__((visibility("hidden")));

/*
 * A tree is changed only between these two. If the thread leaves in between by
 * longjmp, the tree's contents are lost.
 */
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

/* The range is too large to set a bit or a mark for each part. */
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

/* Update nattrs. With the lock held, after a change of holds or budgets. */
void lof_count_attrs(void);

/* In a child that got the parent's state: empty it. */
void lof_ledger_empty_inherited(void);

/* Call madvise on the memory of the state. */
void lof_ledger_advise(int advice);

#endif
