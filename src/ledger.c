/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The ledger's calls: begin, land, book, end; and what it tells. */
#include "config.h"

#include "ledger.h"

#include <stdatomic.h>

#include "books.h"
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

bool lof_call_land(struct lof_call *call, enum lof_outcome outcome)
{
	struct lof_books *books = call->books;
	struct lof_slot *slot;
	bool behind;

	call->outcome = outcome;
	if (outcome != LOF_DONE || !is_valid(call))
		return false;
	call->outcome = LOF_UNSURE;
	if (call->slot < 0 || !lof_books_lock(books))
		return false;
	slot = &books->slots[call->slot];
	slot->range[0] = call->range[0];
	slot->range[1] = call->range[1];
	behind = is_behind(books, call);
	if (slot->dirty || (behind && call->intent == LOF_MOVES) ||
	    !is_valid(call)) {
		lof_books_unlock(books);
		return false;
	}
	atomic_fetch_add(&books->changes, 1);
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

void lof_call_end(struct lof_call *call)
{
	struct lof_books *books = call->books;

	if (!books)
		return;
	if (call->booking)
		lof_books_unlock(books);
	if (call->outcome == LOF_UNSURE && is_valid(call))
		lof_readback(books, call);
	if (is_valid(call)) {
		lof_books_release(books, call);
	} else {
		/* The system call may have been made in the child. */
		lof_ledger_read_back(call->range[0]);
		lof_ledger_read_back(call->range[1]);
	}
	lof_readback_notes(books);
}

void lof_ledger_read_back(struct lof_range range)
{
	struct lof_call call;

	if (lof_range_is_empty(range) ||
	    lof_call_begin(&call, LOF_READS, range, LOF_NO_RANGE))
		return;
	lof_call_land(&call, LOF_UNSURE);
	lof_call_end(&call);
}

bool lof_ledger_is_empty(void)
{
	struct lof_books *books = lof_books_known();

	return !books || (atomic_load(&books->tracked) == 0 &&
			  atomic_load(&books->nnotes) == 0);
}

int lof_ledger_find_in(struct lof_range range, struct lof_entry *entry)
{
	struct lof_books *books = lof_books_known();
	int found;

	if (!books)
		return 0;
	lof_readback_notes(books);
	if (!lof_books_lock(books))
		return -EBUSY;
	found = lof_tree_find_in(&books->tree, range, entry);
	lof_books_unlock(books);
	lof_readback_notes(books);
	return found;
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

unsigned int lof_ledger_future(void)
{
	struct lof_books *books = lof_books_known();

	return books ? atomic_load(&books->future) : LOF_NONE;
}

void lof_ledger_set_future(unsigned int kind)
{
	struct lof_books *books = lof_books_get();

	if (books)
		atomic_store(&books->future, kind);
}

void lof_ledger_costs(uint64_t *bytes, uint64_t *read_back)
{
	struct lof_books *books = lof_books_known();

	*bytes = 0;
	*read_back = 0;
	if (!books || !lof_books_lock(books))
		return;
	*bytes = books->pool.bytes + sizeof(*books);
	lof_books_unlock(books);
	*read_back = atomic_load(&books->read_back);
}
