/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The books behind the ledger: the tree, its memory and lock, the table of
 * calls in flight, and the notes of who could not take the lock. For the
 * ledger's own files only. Nothing here asks the kernel what is locked.
 */
#ifndef LOF_BOOKS_H
#define LOF_BOOKS_H

#include "ledger.h"
#include "node_pool.h"

#define LOF_NSLOTS	128	/* calls in flight; more are read back */
#define LOF_NNOTES	16	/* ranges to be read back; more: everything */
#define LOF_NRECENT	64	/* bookings that are remembered */
#define LOF_NDERIVED	256	/* and of those derived, from where */

/* An announced call. Dirty: another one on the same memory was booked. */
struct lof_slot {
	_Atomic bool busy, dirty;
	bool unplaced;		/* it may lock where the kernel chooses */
	uintptr_t thread;	/* that makes it: the address of its lof_self */
	size_t nodes;		/* that its booking may take */
	struct lof_range range[2];
};

struct lof_note {
	_Atomic int state;	/* private to flight.c */
	struct lof_range range;
	bool ends;		/* what is beside it is gone */
};

/*
 * What is said of ranges beside the ledger: it is of the mapping, and so moves
 * and ends with it, locked or not.
 */
enum lof_beside {
	LOF_HELD,		/* counts of lof_hold() */
	LOF_SWEPT,		/* budgets, by number */
	LOF_NBESIDE
};

/* A budget, of which sweep.c alone knows more. */
struct lof_budget {
	size_t bytes;		/* that may be locked, whole pages */
	unsigned int policy;	/* LOF_BUDGET_FIRST, LOF_BUDGET_NEWEST */
	bool used;
	bool told;		/* that there was an overrun */
	size_t max_areas;	/* 0: not asked yet */
	size_t locked, over;	/* bytes at the last sweep */
	struct lof_range queue;	/* memory for runs in the order of time */
	size_t first, count;	/* of them */
};

struct lof_books {
	struct lof_front front;		/* first: lof_the_front points to both */
	_Atomic uintptr_t lock;		/* its owner, HAS_WAITERS */
	_Atomic uint32_t wakes;		/* futex: times a waiter was woken */
	_Atomic uint32_t epoch;		/* 0: not used since it was emptied */
	struct lof_tree tree;		/* what is locked */
	struct lof_tree beside[LOF_NBESIDE];
	_Atomic size_t nbeside;		/* ranges in both, for who has no lock */
	_Atomic uint32_t nnotes;	/* full ones, and note_all */
	_Atomic uint64_t changes;	/* times that something was booked */
	_Atomic size_t unannounced;	/* calls in flight without a slot, and
					   notes until they are read back */
	uint32_t looks;			/* private to lof_books_tidy() */
	bool inherited;			/* to be emptied with the unlock */
	_Atomic int nused;		/* slots that were ever busy */
	struct lof_pool pool;
	_Atomic uint64_t read_back;
	_Atomic uint64_t drift;		/* times it was found wrong */
	_Atomic bool note_all;		/* there was no free one */
	struct lof_slot slots[LOF_NSLOTS];
	struct lof_note notes[LOF_NNOTES];
	struct lof_range recent[LOF_NRECENT][2]; /* the last changes */
	struct lof_range derived_from[LOF_NDERIVED];
	_Atomic uint32_t sweeping;	/* futex; only who set it touches this: */
	struct lof_budget budgets[LOF_NBUDGETS + 1];
};

/* The books, made at their first use. NULL: there is no memory for them. */
struct lof_books *lof_books_get(void);

/* The same, but NULL if they were never used. */
static inline struct lof_books *lof_books_known(void)
{
	return (struct lof_books *)lof_front_known();
}

/*
 * A signal handler may have forked in the middle of a call. In the child, what
 * that call knows of the books is void: its epoch is not theirs any more.
 */
uint32_t lof_books_epoch(struct lof_books *books);
bool lof_books_know(const struct lof_books *books,
		    const struct lof_call *call);

/*
 * Lock the books. False: this thread holds the lock already, so this is a
 * signal handler; or its owner does not come on, because somebody stopped it
 * (a garbage collector that stops the world, say) and may wait for us.
 */
static inline bool lof_books_lock(struct lof_books *books);
static inline void lof_books_unlock(struct lof_books *books);

/* Lock the books with nodes for a call. 0; -EBUSY, -ENOMEM: not locked. */
int lof_books_open(struct lof_books *books, struct lof_call *call);

/*
 * With the books locked: what a call that had nothing to book finds there after
 * all can be booked too. False: there is no memory for it.
 */
bool lof_books_refill(struct lof_books *books, struct lof_call *call);

/*
 * With the books locked: nothing is tracked where this call goes. If so in all
 * of the granules, and nobody is about to change it, clear their bits.
 */
void lof_books_tidy(struct lof_books *books, const struct lof_call *call);

/*
 * Unlock the books, which lack memory, and get a slab. 0; -ENOMEM; -EBUSY: they
 * cannot be locked again.
 */
int lof_books_grow(struct lof_books *books);

/* Make range have attr; 0: nothing. The bits of the summary come first. */
void lof_books_set(struct lof_books *books, struct lof_range range,
		   unsigned int attr);

/* With the books locked: spare nodes that calls in flight count on. */
size_t lof_books_promised(const struct lof_books *books);

/* Announce, with the books locked. Without a free slot it stays unannounced. */
void lof_books_announce(struct lof_books *books, struct lof_call *call);

/* With the books locked: the call changes the ranges that it has now. */
void lof_books_place(struct lof_books *books, const struct lof_call *call);

/*
 * The same, where the kernel may have chosen them. True: something was booked
 * there since it was announced.
 */
bool lof_books_extend(struct lof_books *books, const struct lof_call *call);

/* With the books locked: something is booked in these ranges. */
void lof_books_record(struct lof_books *books,
		      const struct lof_range range[2]);

/* Nobody but this call is in flight; needs no lock. */
bool lof_books_is_alone(struct lof_books *books, const struct lof_call *call);

/* A call is in flight that has no slot. */
void lof_books_count_unannounced(struct lof_books *books,
				 struct lof_call *call);

/* A call is in flight that may book a lock where no bit is set; once. */
void lof_books_count_blind(struct lof_books *books, struct lof_call *call);

/* Give back what a call took; needs no lock. */
void lof_books_release(struct lof_books *books, struct lof_call *call);

/*
 * Tell the others in flight that something is booked on their memory. True:
 * there are such; or there may be, since nobody knows yet where they lock.
 */
bool lof_books_dirty_others(struct lof_books *books,
			    const struct lof_call *call);

/*
 * The same for the other threads' calls on a range that this thread did more to
 * than it was asked; and for those that nobody knows yet where they lock.
 */
void lof_books_dirty_threads(struct lof_books *books, struct lof_range range);

/*
 * Leave a range to be read back by whoever is done with the books next. With
 * ends, what is said beside of it is gone.
 */
void lof_books_note(struct lof_books *books, struct lof_range range,
		    bool ends);

/*
 * Make a call of such a note: it counts as unannounced as the note did, so that
 * it is never out of sight. False: there is none.
 */
bool lof_books_take_note(struct lof_books *books, struct lof_call *call,
			 bool *ends);

/*
 * With the books locked: do to what is said beside what a call says that its
 * system call did.
 */
void lof_books_move_beside(struct lof_books *books,
			   const struct lof_call *call);

/* With the books locked: something was said, or taken back. */
void lof_books_count_beside(struct lof_books *books);

/* Private to the two below: the lock is not free, or somebody waits for it. */
bool lof_books_wait(struct lof_books *books);
void lof_books_unlock_slowly(struct lof_books *books, uintptr_t lock);

/*
 * A variable of each thread's own, to be had without memory of libc's. musl
 * allows it this way to what a program begins with only, not to what it loads
 * later; but has the memory for the usual way beforehand.
 */
#ifdef __GLIBC__
#define LOF_PER_THREAD	_Thread_local __attribute__((tls_model("initial-exec")))
#else
#define LOF_PER_THREAD	_Thread_local
#endif

/* Its address tells one thread from another. */
extern LOF_PER_THREAD uintptr_t lof_self
	__attribute__((visibility("hidden")));

static inline bool lof_books_lock(struct lof_books *books)
{
	uintptr_t free = 0;

	return atomic_compare_exchange_strong(&books->lock, &free,
					      (uintptr_t)&lof_self) ||
	       lof_books_wait(books);
}

static inline void lof_books_unlock(struct lof_books *books)
{
	uintptr_t lock = (uintptr_t)&lof_self;

	if (books->inherited ||
	    !atomic_compare_exchange_strong(&books->lock, &lock, 0))
		lof_books_unlock_slowly(books, lock);
}

/* What fork.c calls before a fork, and after it on both sides. */
void lof_books_before_fork(void);
void lof_books_after_fork(void);
void lof_books_after_fork_in_child(void);

#endif
