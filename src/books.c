/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The books behind the ledger. Their state begins in memory that the kernel
 * empties in a child of fork, and all zero means: nothing locked, nobody
 * inside. So it does not matter what the parent's threads were doing.
 * No system call is made with the lock held but the waking of a waiter.
 */
#include "config.h"

#include "books.h"

#include <stdatomic.h>
#include <string.h>

#include "own_memory.h"
#include "sys.h"

#define PATIENCE_MS	100	/* then the lock's owner is taken for stopped */
#ifndef TIDY_EVERY
#define TIDY_EVERY	16	/* looks at memory where nothing is tracked */
#endif
#define HAS_WAITERS	((uintptr_t)1)

LOF_PER_THREAD uintptr_t lof_self;

struct lof_front *_Atomic lof_the_front;
static _Atomic uint32_t epochs;		/* not emptied in a child */

/* Whoever may write in them: an epoch says that they are not empty any more. */
struct lof_books *lof_books_get(void)
{
	struct lof_books *known = lof_books_known();
	struct lof_front *none = NULL;
	struct lof_range memory;

	if (known) {
		lof_books_epoch(known);
		return known;
	}
	if (lof_own_map(sizeof(struct lof_books), &memory))
		return NULL;
	known = (struct lof_books *)memory.start;
	lof_sys_madvise(memory.start, sizeof(*known), MADV_WIPEONFORK);
	lof_books_epoch(known);
	if (atomic_compare_exchange_strong(&lof_the_front, &none,
					   &known->front))
		return known;
	lof_sys_munmap(memory.start, lof_range_len(memory));
	return lof_books_get();
}

uint32_t lof_books_epoch(struct lof_books *books)
{
	uint32_t epoch = atomic_load(&books->epoch), mine;

	if (epoch)
		return epoch;
	mine = atomic_fetch_add(&epochs, 1) + 1;
	if (atomic_compare_exchange_strong(&books->epoch, &epoch, mine))
		return mine;
	return epoch;
}

bool lof_books_know(const struct lof_books *books, const struct lof_call *call)
{
	return call->epoch == atomic_load(&books->epoch);
}

static bool is_owner(struct lof_books *books)
{
	return books && (atomic_load(&books->lock) & ~HAS_WAITERS) ==
			(uintptr_t)&lof_self;
}

/*
 * A signal handler may fork while its own thread changes the tree. The child
 * returns into that change, so it gets the books as they are, finishes it, and
 * empties them with the unlock.
 */
static void keep_on_fork(int advice)
{
	struct lof_books *books = lof_books_known();

	if (is_owner(books))
		lof_sys_madvise((uintptr_t)books, sizeof(*books), advice);
}

void lof_books_before_fork(void)
{
	keep_on_fork(MADV_KEEPONFORK);
}

void lof_books_after_fork(void)
{
	keep_on_fork(MADV_WIPEONFORK);
}

void lof_books_after_fork_in_child(void)
{
	struct lof_books *books = lof_books_known();

	lof_books_after_fork();
	if (is_owner(books))
		books->inherited = true;
	/* Before Linux 4.14, or the program said MADV_KEEPONFORK of all. */
	else if (books && atomic_load(&books->epoch))
		memset((void *)books, 0, sizeof(*books));
}

/* What the child's handler did meanwhile is found by looking everywhere. */
static void empty_inherited(struct lof_books *books)
{
	bool noted = atomic_load(&books->nnotes) > 0;

	memset((void *)books, 0, sizeof(*books));
	if (noted)
		lof_books_note(books, lof_range_all(lof_sys_page_size()),
			       false);
}

bool lof_books_wait(struct lof_books *books)
{
	uintptr_t mine = (uintptr_t)&lof_self, waiters = 0;

	for (;;) {
		uint32_t wakes = atomic_load(&books->wakes);
		uintptr_t owner = 0;

		if (atomic_compare_exchange_strong(&books->lock, &owner,
						   mine | waiters))
			return true;
		if ((owner & ~HAS_WAITERS) == mine)
			return false;
		if (!(owner & HAS_WAITERS) &&
		    !atomic_compare_exchange_strong(&books->lock, &owner,
						    owner | HAS_WAITERS))
			continue;
		waiters = HAS_WAITERS;
		if (lof_sys_futex_wait(&books->wakes, wakes, PATIENCE_MS) ==
		    -ETIMEDOUT)
			return false;
	}
}

void lof_books_unlock_slowly(struct lof_books *books, uintptr_t lock)
{
	if (books->inherited) {
		empty_inherited(books);
		return;
	}
	if (lock & HAS_WAITERS) {
		atomic_store(&books->lock, 0);
		atomic_fetch_add(&books->wakes, 1);
		lof_sys_futex_wake(&books->wakes);
	}
}

static bool has(const struct lof_tree *tree, struct lof_range range)
{
	struct lof_entry entry;

	return !lof_range_is_empty(range) &&
	       lof_tree_find_in(tree, range, &entry);
}

static bool is_in(const struct lof_tree *tree, const struct lof_range range[2])
{
	return has(tree, range[0]) || has(tree, range[1]);
}

/* How many ranges reach into range. */
static size_t count_in(const struct lof_tree *tree, struct lof_range range)
{
	struct lof_cursor cursor;
	struct lof_entry entry;
	size_t n = 0;

	if (!lof_range_is_empty(range) &&
	    lof_tree_seek(tree, range.start, &cursor))
		while (lof_tree_next(&cursor, &entry) &&
		       entry.range.start < range.end)
			n++;
	return n;
}

/*
 * Nodes that the booking of a call may take: at most three sets or clears, and
 * for a move a set for each range in what moves.
 */
static size_t nodes_for(const struct lof_tree *tree, size_t nmoved)
{
	return 3 * lof_tree_need(tree, 1) + lof_tree_need(tree, nmoved + 1);
}

/* What is beside moves too; nobody but the mover takes nodes for it. */
static bool fill_beside(struct lof_books *books, const struct lof_call *call)
{
	bool filled = true;

	if (call->intent == LOF_READS)
		return true;
	for (int i = 0; filled && i < LOF_NBESIDE; i++) {
		struct lof_tree *tree = &books->beside[i];

		if (tree->count && is_in(tree, call->range))
			filled = lof_pool_fill(&books->pool, tree,
				nodes_for(tree, count_in(tree,
							 call->range[0])));
	}
	return filled;
}

static bool fill_tree(struct lof_books *books, struct lof_call *call)
{
	size_t spare, nmoved = 0;

	call->nodes = 0;
	if (call->intent == LOF_READS)
		return true;
	if (call->intent == LOF_MOVES)
		nmoved = count_in(&books->tree, call->range[0]);
	call->keeps_nothing = call->intent != LOF_ADDS && !nmoved &&
			      !is_in(&books->tree, call->range);
	if (call->keeps_nothing)
		return true;
	call->nodes = nodes_for(&books->tree, nmoved);
	spare = lof_books_promised(books) + call->nodes;
	if (call->intent == LOF_ADDS)
		spare += nodes_for(&books->tree, 0);
	return lof_pool_fill(&books->pool, &books->tree, spare);
}

int lof_books_open(struct lof_books *books, struct lof_call *call)
{
	int err;

	for (;;) {
		if (!lof_books_lock(books))
			return -EBUSY;
		if (fill_tree(books, call) && fill_beside(books, call))
			return 0;
		err = lof_books_grow(books);
		if (err)
			return err;
	}
}

bool lof_books_refill(struct lof_books *books, struct lof_call *call)
{
	if (call->nodes || !is_in(&books->tree, call->range))
		return true;
	call->nodes = nodes_for(&books->tree, 0);
	return lof_pool_fill(&books->pool, &books->tree,
			     lof_books_promised(books) + call->nodes);
}

static void tidy(struct lof_books *books, struct lof_range range)
{
	const struct lof_range granules[2] = { lof_summary_granules(range) };

	if (lof_summary_has(&books->front.summary, range) &&
	    !is_in(&books->tree, granules) &&
	    !is_in(&books->beside[LOF_HELD], granules) &&
	    !is_in(&books->beside[LOF_SWEPT], granules))
		lof_summary_clear(&books->front.summary, range);
}

void lof_books_tidy(struct lof_books *books, const struct lof_call *call)
{
	if (++books->looks % TIDY_EVERY != 0 || atomic_load(&books->front.blind) ||
	    atomic_load(&books->unannounced) ||
	    !lof_books_is_alone(books, call))
		return;
	tidy(books, call->range[0]);
	tidy(books, call->range[1]);
}

int lof_books_grow(struct lof_books *books)
{
	size_t size = lof_pool_slab_size(&books->pool);
	struct lof_range slab;

	lof_books_unlock(books);
	if (lof_own_map(size, &slab))
		return -ENOMEM;
	if (!lof_books_lock(books)) {
		lof_sys_munmap(slab.start, size);
		return -EBUSY;
	}
	lof_pool_slab_add(&books->pool, &books->tree, slab);
	lof_books_unlock(books);
	return 0;
}

/* Without nodes whole ranges go, also what sticks out of this one. */
static void end_in(struct lof_books *books, struct lof_tree *tree,
		   struct lof_range range)
{
	struct lof_entry entry;

	if (lof_range_is_empty(range))
		return;
	if (lof_pool_fill(&books->pool, tree, lof_tree_need(tree, 1))) {
		lof_tree_clear(tree, range);
		return;
	}
	while (lof_tree_find_in(tree, range, &entry)) {
		lof_tree_find(tree, range.start, &entry);
		lof_tree_clear(tree, entry.range);
	}
}

static void move_in(struct lof_books *books, struct lof_tree *tree,
		    const struct lof_call *call)
{
	struct lof_range from = call->moved;
	struct lof_range to = {
		call->moved_to, call->moved_to + lof_range_len(from)
	};

	end_in(books, tree, to);
	if (!lof_range_is_empty(from) &&
	    lof_pool_fill(&books->pool, tree,
			  nodes_for(tree, count_in(tree, from)))) {
		lof_summary_set(&books->front.summary, to);
		lof_tree_copy(tree, from, to.start);
	}
	end_in(books, tree, from);
	end_in(books, tree, call->gone[0]);
	end_in(books, tree, call->gone[1]);
}

void lof_books_count_beside(struct lof_books *books)
{
	atomic_store(&books->nbeside, books->beside[LOF_HELD].count +
				      books->beside[LOF_SWEPT].count);
}

void lof_books_move_beside(struct lof_books *books,
			   const struct lof_call *call)
{
	if (atomic_load(&books->nbeside) == 0)
		return;
	for (int i = 0; i < LOF_NBESIDE; i++)
		if (books->beside[i].count)
			move_in(books, &books->beside[i], call);
	lof_books_count_beside(books);
}

void lof_books_set(struct lof_books *books, struct lof_range range,
		   unsigned int attr)
{
	if (attr) {
		lof_summary_set(&books->front.summary, range);
		lof_tree_set(&books->tree, range, attr);
	} else {
		lof_tree_clear(&books->tree, range);
	}
}
