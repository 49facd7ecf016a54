/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The ledger's calls: begin, land, book, end; and what it tells. */
#include "config.h"

#include "ledger.h"

#include <stdatomic.h>

#include "books.h"
#include "future.h"
#include "lockonfault.h"
#include "readback.h"
#include "sys.h"

enum lof_outcome lof_outcome(int err)
{
	switch (err) {
	case 0:
		return LOF_DONE;
	case -EINVAL: case -EPERM: case -ENOSYS: case -EBADF: case -EACCES:
		return LOF_REFUSED;
	default:
		return LOF_UNSURE;
	}
}

int lof_call_begin(struct lof_call *call, enum lof_intent intent,
		   struct lof_range a, struct lof_range b)
{
	struct lof_books *books = lof_books_get();
	int err;

	*call = (struct lof_call){
		.range = { a, b }, .books = books, .slot = -1,
		.intent = intent,
	};
	if (!books)
		return intent == LOF_ADDS ? -ENOMEM : 0;
	call->epoch = lof_books_epoch(books);
	err = lof_books_open(books, intent, call->range, &call->promised);
	if (err)
		call->promised = 0;
	if (err && err != -EBUSY)
		return err;
	if (!err) {
		atomic_fetch_add(&books->promised, call->promised);
		lof_books_announce(books, call);
	}
	if (call->slot < 0)
		lof_books_count_unannounced(books, call);
	if (!err)
		lof_books_unlock(books);
	return 0;
}

/* Is something done to the memory of this call, or to any, not booked yet? */
static bool is_behind(struct lof_books *books, const struct lof_call *call)
{
	return lof_books_dirty_others(books, call) ||
	       atomic_load(&books->unannounced) > 0 ||
	       atomic_load(&books->nnotes) > 0;
}

/* Is this still the process that the call began in? */
static bool is_valid(const struct lof_call *call)
{
	return call->books && lof_books_know(call->books, call);
}

/* What is held cannot be moved now; it is forgotten by who finds the note. */
static void note_holds(struct lof_books *books, const struct lof_call *call)
{
	if (atomic_load(&books->nheld) == 0)
		return;
	lof_books_note(books, call->moved, true);
	lof_books_note(books, call->gone[0], true);
	lof_books_note(books, call->gone[1], true);
}

bool lof_call_land(struct lof_call *call, enum lof_outcome outcome)
{
	struct lof_books *books = call->books;
	bool overtaken, behind;

	call->outcome = outcome;
	if (outcome != LOF_DONE || !is_valid(call))
		return false;
	call->outcome = LOF_UNSURE;
	if (!lof_books_lock(books)) {
		note_holds(books, call);
		return false;
	}
	lof_books_move_holds(books, call);
	if (call->slot < 0) {
		lof_books_unlock(books);
		return false;
	}
	overtaken = lof_books_extend(books, call) ||
		    books->slots[call->slot].dirty;
	behind = is_behind(books, call);
	if (overtaken || (behind && call->intent == LOF_MOVES) ||
	    !is_valid(call)) {
		lof_books_unlock(books);
		return false;
	}
	lof_books_record(books, call->range);
	call->outcome = LOF_DONE;
	call->booking = true;
	return true;
}

void lof_call_set(struct lof_call *call, struct lof_range range,
		  unsigned int attr)
{
	if (is_valid(call))
		lof_tree_set(&call->books->tree, range, attr);
}

void lof_call_clear(struct lof_call *call, struct lof_range range)
{
	if (is_valid(call))
		lof_tree_clear(&call->books->tree, range);
}

void lof_call_copy(struct lof_call *call, struct lof_range from, uintptr_t to)
{
	if (is_valid(call))
		lof_tree_copy(&call->books->tree, from, to);
}

bool lof_call_find_in(const struct lof_call *call, struct lof_range range,
		      struct lof_entry *entry)
{
	return lof_tree_find_in(&call->books->tree, range, entry);
}

void lof_call_unsure(struct lof_call *call)
{
	call->outcome = LOF_UNSURE;
}

/* False: it had to be read back, and that was left to others. */
static bool end(struct lof_call *call)
{
	struct lof_books *books = call->books;
	bool is_right = true;

	if (!books)
		return true;
	if (call->booking)
		lof_books_unlock(books);
	if (call->outcome == LOF_UNSURE && is_valid(call))
		is_right = lof_readback(books, call);
	if (is_valid(call)) {
		lof_books_release(books, call);
	} else {
		/* The system call may have been made in the child. */
		lof_ledger_read_back(call->range[0]);
		lof_ledger_read_back(call->range[1]);
	}
	lof_readback_notes(books);
	return is_right;
}

void lof_call_end(struct lof_call *call)
{
	end(call);
}

bool lof_ledger_read_back(struct lof_range range)
{
	struct lof_call call;

	if (lof_range_is_empty(range))
		return true;
	if (lof_call_begin(&call, LOF_READS, range, LOF_NO_RANGE) ||
	    !call.books)
		return false;
	lof_call_land(&call, LOF_UNSURE);
	return end(&call);
}

int lof_ledger_sync(void)
{
	struct lof_smaps smaps;
	int err;

	err = lof_smaps_open(&smaps, 0);
	if (err)
		return err;
	lof_smaps_close(&smaps);
	if (!lof_books_get())
		return -ENOMEM;
	lof_future_sync();
	return lof_ledger_read_back(lof_range_all(lof_sys_page_size())) ?
	       0 : -EBUSY;
}

void lof_ledger_renew(struct lof_range range)
{
	struct lof_call call;

	if (lof_call_begin(&call, LOF_READS, range, LOF_NO_RANGE))
		return;
	call.gone[0] = range;
	lof_call_land(&call, LOF_DONE);
	lof_call_unsure(&call);
	lof_call_end(&call);
}

bool lof_ledger_is_empty(void)
{
	struct lof_books *books = lof_books_known();

	return !books || (atomic_load(&books->tracked) == 0 &&
			  atomic_load(&books->nheld) == 0 &&
			  atomic_load(&books->nnotes) == 0);
}

static int find_in(const struct lof_tree *tree, struct lof_books *books,
		   struct lof_range range, struct lof_entry *entry)
{
	int found;

	lof_readback_notes(books);
	if (!lof_books_lock(books))
		return -EBUSY;
	found = lof_tree_find_in(tree, range, entry);
	lof_books_unlock(books);
	lof_readback_notes(books);
	return found;
}

int lof_ledger_find_in(struct lof_range range, struct lof_entry *entry)
{
	struct lof_books *books = lof_books_known();

	return books ? find_in(&books->tree, books, range, entry) : 0;
}

int lof_ledger_held_in(struct lof_range range, struct lof_entry *entry)
{
	struct lof_books *books = lof_books_known();

	if (!books || atomic_load(&books->nheld) == 0)
		return 0;
	return find_in(&books->held, books, range, entry);
}

int lof_ledger_around(uintptr_t addr, struct lof_entry *entry)
{
	struct lof_books *books = lof_books_get();
	struct lof_range all = lof_range_all(lof_sys_page_size());

	*entry = (struct lof_entry){ .range = all };
	if (!books)
		return 0;
	lof_readback_notes(books);
	if (!lof_books_lock(books))
		return -EBUSY;
	lof_tree_around(&books->tree, addr, all.end, entry);
	lof_books_unlock(books);
	lof_readback_notes(books);
	return 0;
}

uint64_t lof_ledger_changes(void)
{
	struct lof_books *books = lof_books_known();

	return books ? atomic_load(&books->changes) : 0;
}

void lof_ledger_costs(struct lof_costs *costs)
{
	struct lof_books *books = lof_books_known();

	*costs = (struct lof_costs){ .bytes = 0 };
	if (!books || !lof_books_lock(books))
		return;
	costs->bytes = books->pool.bytes + sizeof(*books);
	lof_books_unlock(books);
	costs->read_back = atomic_load(&books->read_back);
	costs->drift = atomic_load(&books->drift);
}
