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

/* Bits of more than this take too long to set, or to find not set. */
#define MUCH	((uint64_t)1 << LOF_CHUNK_BITS)

/*
 * Before it is known where a call may lock, or if that is all over the place,
 * no bit is set for it: then it counts as blind as long as it takes.
 */
static bool is_blind(const struct lof_call *call)
{
	uint64_t len = lof_range_len(call->range[0]);

	return call->intent == LOF_MOVES ||
	       (call->intent == LOF_ADDS && len - 1 >= MUCH);
}

/* With the books locked: tell the others where this call may lock. */
static void show(struct lof_books *books, struct lof_call *call)
{
	if (is_blind(call))
		lof_books_count_blind(books, call);
	else if (call->intent == LOF_ADDS)
		call->fresh = lof_summary_set(&books->front.summary, call->range[0]);
}

/* Field by field: all at once the compiler would do it by a slow loop. */
static inline void init(struct lof_call *call, struct lof_books *books,
			enum lof_intent intent)
{
	call->moved = call->gone[0] = call->gone[1] = LOF_NO_RANGE;
	call->moved_to = 0;
	call->hinted = LOF_NO_RANGE;
	call->hint = 0;
	call->books = books;
	call->slot = -1;
	call->epoch = 0;
	call->began = 0;
	call->nodes = 0;
	call->intent = intent;
	call->outcome = LOF_REFUSED;
	call->unannounced = call->blind = call->fresh = false;
	call->keeps_nothing = call->booking = false;
}

int lof_call_begin(struct lof_call *call, enum lof_intent intent,
		   struct lof_range a, struct lof_range b)
{
	struct lof_books *books = lof_books_get();
	int err;

	init(call, books, intent);
	call->range[0] = a;
	call->range[1] = b;
	if (!books)
		return intent == LOF_ADDS ? -ENOMEM : 0;
	call->epoch = lof_books_epoch(books);
	/* Now, when no memory is free yet that the program knows of. */
	if (intent == LOF_ADDS)
		lof_summary_prepare(&books->front.summary, a);
	else if (intent == LOF_MOVES)
		lof_summary_prepare(&books->front.summary, b);
	err = lof_books_open(books, call);
	if (err && err != -EBUSY)
		return err;
	if (err) {
		call->fresh = true;
		lof_books_count_unannounced(books, call);
		return 0;
	}
	if (call->keeps_nothing)
		lof_books_tidy(books, call);
	lof_books_announce(books, call);
	show(books, call);
	if (call->slot < 0)
		lof_books_count_unannounced(books, call);
	lof_books_unlock(books);
	return 0;
}

/* Is something done to the memory of this call, or to any, not booked yet? */
static bool is_behind(struct lof_books *books, const struct lof_call *call)
{
	return lof_books_dirty_others(books, call) ||
	       atomic_load(&books->unannounced) > 0;
}

/* Is this still the process that the call began in? */
static bool is_valid(const struct lof_call *call)
{
	return call->books && lof_books_know(call->books, call);
}

/* What is beside cannot be moved now; who finds the note forgets it. */
static void note_beside(struct lof_books *books, const struct lof_call *call)
{
	if (atomic_load(&books->nbeside) == 0)
		return;
	lof_books_note(books, call->moved, true);
	lof_books_note(books, call->gone[0], true);
	lof_books_note(books, call->gone[1], true);
}

/* Is there nothing to book, and nobody to be told? Needs no lock. */
static bool is_done(struct lof_books *books, const struct lof_call *call)
{
	return call->keeps_nothing && call->intent == LOF_KEEPS &&
	       call->slot >= 0 && lof_books_is_alone(books, call) &&
	       !atomic_load(&books->slots[call->slot].dirty) &&
	       atomic_load(&books->nbeside) == 0;
}

bool lof_call_land(struct lof_call *call, enum lof_outcome outcome)
{
	struct lof_books *books = call->books;
	bool overtaken, behind;

	call->outcome = outcome;
	if (outcome != LOF_DONE || !is_valid(call) || is_done(books, call))
		return false;
	if (call->intent == LOF_ADDS && call->blind)
		lof_summary_prepare(&books->front.summary, call->range[0]);
	else if (call->intent == LOF_MOVES)
		lof_summary_prepare(&books->front.summary, call->range[1]);
	call->outcome = LOF_UNSURE;
	if (!lof_books_lock(books)) {
		note_beside(books, call);
		return false;
	}
	lof_books_move_beside(books, call);
	if (call->slot < 0) {
		lof_books_unlock(books);
		return false;
	}
	overtaken = lof_books_extend(books, call) ||
		    atomic_load(&books->slots[call->slot].dirty);
	behind = is_behind(books, call);
	if (overtaken || (behind && call->intent == LOF_MOVES) ||
	    !is_valid(call) || !lof_books_refill(books, call)) {
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
		lof_books_set(call->books, range, attr);
}

void lof_call_clear(struct lof_call *call, struct lof_range range)
{
	if (is_valid(call))
		lof_books_set(call->books, range, 0);
}

static void note_derived(const struct lof_call *call)
{
	struct lof_books *books = call->books;
	uint32_t n = atomic_load(&books->front.derived);

	books->derived_from[n % LOF_NDERIVED] = call->range[0];
	atomic_store(&books->front.derived, n + 1);
}

void lof_call_copy(struct lof_call *call, struct lof_range from, uintptr_t to)
{
	if (!is_valid(call))
		return;
	lof_summary_set(&call->books->front.summary, (struct lof_range){
		to, to + lof_range_len(from) });
	if (lof_tree_copy(&call->books->tree, from, to))
		note_derived(call);
}

void lof_call_derive(struct lof_call *call, struct lof_range range,
		     unsigned int attr)
{
	lof_call_set(call, range, attr);
	if (is_valid(call))
		note_derived(call);
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
		books = lof_books_known();
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

/*
 * Have the calls that others make on range read back. True: something was
 * booked since, and may be of that time.
 */
static bool disturb(struct lof_range range, uint64_t since)
{
	struct lof_books *books = lof_books_known();
	bool overtaken;

	if (!books)
		return false;
	if (!lof_books_lock(books)) {
		lof_books_note(books, range, false);
		return false;
	}
	overtaken = atomic_load(&books->changes) != since;
	lof_books_dirty_threads(books, range);
	lof_books_unlock(books);
	return overtaken;
}

void lof_ledger_disturbed(struct lof_range range, uint64_t since)
{
	/* What was locked there for a moment may have been moved on. */
	if (disturb(range, since))
		lof_ledger_read_back(lof_range_all(lof_sys_page_size()));
}

void lof_ledger_vanished(struct lof_range range, uint64_t since)
{
	struct lof_entry entry;

	/* Else what is tracked there is what this thread is about to move. */
	if (disturb(range, since) && lof_ledger_find_in(range, &entry) > 0)
		lof_ledger_read_back(range);
}

void lof_ledger_renew(struct lof_range range)
{
	struct lof_call call;

	if (lof_range_is_empty(range) ||
	    lof_call_begin(&call, LOF_READS, range, LOF_NO_RANGE))
		return;
	call.gone[0] = range;
	lof_call_land(&call, LOF_DONE);
	lof_call_unsure(&call);
	lof_call_end(&call);
}

static bool has_any(const struct lof_books *books, struct lof_range range)
{
	struct lof_entry entry;

	return lof_tree_find_in(&books->tree, range, &entry) ||
	       lof_tree_find_in(&books->beside[LOF_HELD], range, &entry) ||
	       lof_tree_find_in(&books->beside[LOF_SWEPT], range, &entry);
}

/*
 * What was removed is removed, whoever came before. But what another call has
 * booked there meanwhile may be from before or from after.
 */
static bool settle_gone(struct lof_books *books, struct lof_range range)
{
	const struct lof_call call = {
		.range = { range, LOF_NO_RANGE }, .slot = -1,
	};
	bool is_known;

	if (!lof_books_lock(books))
		return false;
	is_known = !has_any(books, range);
	lof_books_record(books, call.range);
	lof_books_dirty_others(books, &call);
	lof_books_unlock(books);
	return is_known;
}

/*
 * A move may have taken along as locked what was in range, and this call had
 * unlocked before. Then it was tracked, after the first look found no bit: it
 * has one now, or lost it. From where the last moves took is remembered.
 */
static bool may_have_moved(struct lof_books *books,
			   const struct lof_glance *glance)
{
	uint32_t first = glance->derived, now;
	bool any;

	if (!books || LOF_LEFT_OUT(DERIVED) ||
	    atomic_load(&books->front.derived) == first ||
	    (!lof_summary_has(&books->front.summary, glance->range) &&
	     atomic_load(&books->front.summary.cleared) == glance->cleared))
		return false;
	if (!lof_books_lock(books))
		return true;
	now = atomic_load(&books->front.derived);
	any = now - first > LOF_NDERIVED;
	for (; !any && first != now; first++)
		any = lof_range_overlaps(
			books->derived_from[first % LOF_NDERIVED],
			glance->range);
	lof_books_unlock(books);
	return any;
}

void lof_glance_settle(const struct lof_glance *glance, enum lof_glanced did)
{
	struct lof_books *books = lof_books_known();

	if (did == LOF_UNLOCKED)
		lof_ledger_read_back(glance->range);
	else if (!books || !settle_gone(books, glance->range))
		lof_ledger_renew(glance->range);
	if (did != LOF_MAPPED_ANEW && may_have_moved(books, glance))
		lof_ledger_read_back(lof_range_all(lof_sys_page_size()));
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

static int find_beside(enum lof_beside which, struct lof_range range,
		       struct lof_entry *entry)
{
	struct lof_books *books = lof_books_known();

	if (!books || atomic_load(&books->nbeside) == 0)
		return 0;
	return find_in(&books->beside[which], books, range, entry);
}

int lof_ledger_held_in(struct lof_range range, struct lof_entry *entry)
{
	return find_beside(LOF_HELD, range, entry);
}

int lof_ledger_swept_in(struct lof_range range, struct lof_entry *entry)
{
	return find_beside(LOF_SWEPT, range, entry);
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
