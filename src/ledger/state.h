/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The ledger's state: trees, lock, calls in flight, log of landings, and what
 * calls left that did not get the lock. For the files of this folder only.
 *
 * All zero means: nothing is locked, no call is in flight. The kernel empties
 * this memory in a child of fork (MADV_WIPEONFORK), whose locks are gone: so it
 * does not matter what the parent's threads were doing.
 */
#ifndef LOF_LEDGER_STATE_H
#define LOF_LEDGER_STATE_H

#include "ledger/fastpath.h"
#include "ledger/ledger.h"
#include "node_pool.h"
#include "per_thread.h"

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

/* --- lock.c */

/* Private to the two below. */
bool lof_ledger_lock_slowly(struct lof_guard *guard);
void lof_ledger_empty_inherited(void);

/* --- left.c: what calls without the lock left */

/* Apply all of it. */
void lof_left_apply(void);

/*
 * Leave a landing. Where all is full everything becomes suspect; and what is
 * unmapped or moved is lost to holds and budgets.
 */
void lof_left_leave(const struct lof_change *change);

/* --- lock.c again */

static inline uint32_t lof_guard_token(const struct lof_guard *guard)
{
	return (uint32_t)((uintptr_t)guard >> 4) ^ 0x6c6f6e66u;
}

static inline void lof_ledger_owns(struct lof_guard *guard)
{
	lof_self.owned = guard;
	atomic_store_explicit(&lof_ledger.generation,
		atomic_load_explicit(&lof_ledger.generation,
				     memory_order_relaxed) + 1,
		memory_order_relaxed);
}

/*
 * Take the lock, which covers no system call. It is tried for microseconds. The
 * guard lies in the caller's frame until the unlock. False: a signal handler
 * interrupted its owner on this thread, or the owner does not come on.
 */
static inline bool lof_ledger_lock(struct lof_guard *guard)
{
	struct lof_guard *free = NULL;

	guard->outer = lof_self.guard;
	atomic_store_explicit(&guard->token, lof_guard_token(guard),
			      memory_order_relaxed);
	lof_self.guard = guard;
	atomic_signal_fence(memory_order_seq_cst);
	if (atomic_compare_exchange_strong(&lof_ledger.owner, &free, guard)) {
		lof_ledger_owns(guard);
	} else if (!lof_ledger_lock_slowly(guard)) {
		lof_self.guard = guard->outer;
		return false;
	}
	if (atomic_load(&lof_ledger.nleft))
		lof_left_apply();
	return true;
}

/* The same for a reader: it waits up to a tenth of a second, once. */
bool lof_ledger_lock_patiently(struct lof_guard *guard);

static inline struct lof_guard *lof_ledger_guard(void)
{
	return atomic_load_explicit(&lof_ledger.owner, memory_order_relaxed);
}

static inline void lof_ledger_unlock(void)
{
	struct lof_guard *guard = lof_ledger_guard();

	if (lof_ledger.is_inherited)
		lof_ledger_empty_inherited();
	else
		atomic_store_explicit(&lof_ledger.owner, NULL,
				      memory_order_release);
	atomic_signal_fence(memory_order_seq_cst);
	lof_self.guard = guard->outer;
	atomic_store_explicit(&guard->token, 0, memory_order_relaxed);
}

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

/* --- inflight.c: slots, log; with the lock held but for the first two */

void lof_slot_take(struct lof_change *change);
void lof_slot_release(struct lof_change *change);

/* Write the ranges of a change into its slot, and announce it. */
void lof_slot_announce(const struct lof_change *change);

/* False: another call took the slot over. */
bool lof_slot_is_ours(const struct lof_change *change);

/*
 * Is a call in flight, other than this one, that may change or reads range? Also
 * if it is not known yet where it locks.
 */
bool lof_inflight_overlaps(const struct lof_change *but,
			   struct lof_range range);

/* Visit what of range calls in flight may change, as far as it is known. */
void lof_inflight_each(struct lof_range range,
		       void (*visit)(struct lof_range part, void *arg),
		       void *arg);

/* Is no call in flight? */
bool lof_inflight_is_none(void);

void lof_log_add(struct lof_range a, struct lof_range b);

/* Did a call land on range since so many landings? */
bool lof_log_overlaps(uint64_t since, struct lof_range range);

/* Visit what of range calls landed on since; all of it if that is forgotten. */
void lof_log_each(uint64_t since, struct lof_range range,
		  void (*visit)(struct lof_range part, void *arg), void *arg);

/* --- marks.c: changes of the trees, with the lock held */

/*
 * Get memory for n nodes; gives the lock up for it. 0; -ENOMEM; -EBUSY: the lock
 * could not be taken again.
 */
int lof_nodes_get(enum lof_note note, size_t n);

/* Take the lock, with nodes for a change if they are to be had. */
bool lof_lock_with_nodes(struct lof_change *change, struct lof_guard *guard);

/* Nodes that are there without a system call. */
bool lof_nodes_have(enum lof_note note, size_t n);

/* Apply the part of an effect that concerns holds and budgets. */
void lof_apply_to_attrs(const struct lof_change *change);

/* Apply the part that concerns locks. False: there were no nodes for it. */
bool lof_apply_to_locks(const struct lof_change *change);

/* Make range suspect. */
void lof_mark_suspect(struct lof_range range, unsigned int assumed);

/* Set or clear (0) what is noted of range; the bits of the summary first. */
void lof_note_as(enum lof_note note, struct lof_range range, unsigned int attr);

void lof_count_attrs(void);

/* --- runs.c, with the lock held */

/* The first run of range: the pages that are noted alike, or are not noted. */
struct lof_entry lof_run_in(enum lof_note note, struct lof_range range);

/*
 * A call found nothing noted in range, though bits are set: now and then, and if
 * no call is in flight, clear the bits of blocks that have nothing.
 */
void lof_clear_unused_bits(struct lof_range range);

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

#endif
