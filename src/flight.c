/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The books' table of calls in flight, the last bookings, for who learns late
 * what he changed, and the notes of who could not take the lock. No tree here.
 */
#include "config.h"

#include "books.h"

#include <stdatomic.h>

#include "sys.h"

enum { NOTE_FREE, NOTE_CLAIMED, NOTE_FULL };

static int slots_used(const struct lof_books *books)
{
	return atomic_load_explicit(&books->nused, memory_order_relaxed);
}

size_t lof_books_promised(const struct lof_books *books)
{
	size_t sum = 0;

	for (int i = 0; i < slots_used(books); i++)
		if (atomic_load_explicit(&books->slots[i].busy,
					 memory_order_relaxed))
			sum += books->slots[i].nodes;
	return sum;
}

static bool is_unplaced(const struct lof_call *call)
{
	switch (call->intent) {
	case LOF_ADDS:
		return lof_range_is_empty(call->range[0]);
	case LOF_MOVES:
		return lof_range_is_empty(call->range[1]);
	default:
		return false;
	}
}

void lof_books_announce(struct lof_books *books, struct lof_call *call)
{
	for (int i = 0; i < LOF_NSLOTS; i++) {
		struct lof_slot *slot = &books->slots[i];

		if (atomic_load_explicit(&slot->busy, memory_order_acquire))
			continue;
		atomic_store_explicit(&slot->dirty, false,
				      memory_order_relaxed);
		slot->unplaced = is_unplaced(call);
		slot->thread = (uintptr_t)&lof_self;
		slot->nodes = call->nodes;
		slot->range[0] = call->range[0];
		slot->range[1] = call->range[1];
		atomic_store_explicit(&slot->busy, true, memory_order_release);
		if (i >= books->nused)
			atomic_store(&books->nused, i + 1);
		call->slot = i;
		call->began = atomic_load_explicit(&books->changes,
						   memory_order_relaxed);
		return;
	}
}

static bool is_within(struct lof_range range, const struct lof_range of[2])
{
	return lof_range_is_empty(range) ||
	       (of[0].start <= range.start && range.end <= of[0].end) ||
	       (of[1].start <= range.start && range.end <= of[1].end);
}

static bool overlap(const struct lof_range a[2], const struct lof_range b[2])
{
	return lof_range_overlaps(a[0], b[0]) ||
	       lof_range_overlaps(a[0], b[1]) ||
	       lof_range_overlaps(a[1], b[0]) || lof_range_overlaps(a[1], b[1]);
}

void lof_books_place(struct lof_books *books, const struct lof_call *call)
{
	struct lof_slot *slot = &books->slots[call->slot];

	slot->unplaced = false;
	slot->range[0] = call->range[0];
	slot->range[1] = call->range[1];
}

bool lof_books_extend(struct lof_books *books, const struct lof_call *call)
{
	struct lof_slot *slot = &books->slots[call->slot];
	bool was_announced = is_within(call->range[0], slot->range) &&
			     is_within(call->range[1], slot->range);
	uint64_t now = atomic_load(&books->changes);

	lof_books_place(books, call);
	if (was_announced || now == call->began || LOF_LEFT_OUT(RECENT))
		return false;
	if (now - call->began > LOF_NRECENT)
		return true;
	for (uint64_t i = call->began; i < now; i++)
		if (overlap(books->recent[i % LOF_NRECENT], call->range))
			return true;
	return false;
}

void lof_books_record(struct lof_books *books, const struct lof_range range[2])
{
	uint64_t change = atomic_load_explicit(&books->changes,
					       memory_order_relaxed);
	struct lof_range *at = books->recent[change % LOF_NRECENT];

	atomic_store_explicit(&books->changes, change + 1,
			      memory_order_relaxed);
	at[0] = range[0];
	at[1] = range[1];
}

bool lof_books_is_alone(struct lof_books *books, const struct lof_call *call)
{
	for (int i = 0; i < slots_used(books); i++)
		if (i != call->slot && atomic_load(&books->slots[i].busy))
			return false;
	return true;
}

void lof_books_count_unannounced(struct lof_books *books, struct lof_call *call)
{
	atomic_fetch_add(&books->unannounced, 1);
	call->unannounced = true;
}

void lof_books_count_blind(struct lof_books *books, struct lof_call *call)
{
	if (call->blind || LOF_LEFT_OUT(BLINDNESS))
		return;
	atomic_fetch_add(&books->front.blind, 1);
	call->blind = true;
}

void lof_books_release(struct lof_books *books, struct lof_call *call)
{
	bool is_ours = lof_books_know(books, call);

	if (call->blind && is_ours)
		atomic_fetch_sub(&books->front.blind, 1);
	if (call->unannounced && is_ours)
		atomic_fetch_sub(&books->unannounced, 1);
	call->blind = call->unannounced = false;
	if (call->slot >= 0 && is_ours)
		atomic_store_explicit(&books->slots[call->slot].busy, false,
				      memory_order_release);
	call->slot = -1;
}

bool lof_books_dirty_others(struct lof_books *books,
			    const struct lof_call *call)
{
	bool any = false;

	for (int i = 0; i < slots_used(books); i++) {
		struct lof_slot *slot = &books->slots[i];

		if (i == call->slot ||
		    !atomic_load_explicit(&slot->busy, memory_order_acquire))
			continue;
		any |= slot->unplaced && !LOF_LEFT_OUT(UNPLACED);
		if (!overlap(slot->range, call->range) ||
		    LOF_LEFT_OUT(DIRTYING))
			continue;
		atomic_store_explicit(&slot->dirty, true,
				      memory_order_relaxed);
		any = true;
	}
	return any;
}

void lof_books_dirty_threads(struct lof_books *books, struct lof_range range)
{
	const struct lof_range both[2] = { range, LOF_NO_RANGE };

	for (int i = 0; i < slots_used(books); i++) {
		struct lof_slot *slot = &books->slots[i];

		if (atomic_load_explicit(&slot->busy, memory_order_acquire) &&
		    slot->thread != (uintptr_t)&lof_self &&
		    (slot->unplaced || overlap(slot->range, both)))
			atomic_store_explicit(&slot->dirty, true,
					      memory_order_relaxed);
	}
}

void lof_books_note(struct lof_books *books, struct lof_range range,
		    bool ends)
{
	if (lof_range_is_empty(range) || LOF_LEFT_OUT(NOTES))
		return;
	atomic_fetch_add(&books->unannounced, 1);
	for (int i = 0; i < LOF_NNOTES; i++) {
		struct lof_note *note = &books->notes[i];
		int state = NOTE_FREE;

		if (!atomic_compare_exchange_strong(&note->state, &state,
						    NOTE_CLAIMED))
			continue;
		note->range = range;
		note->ends = ends;
		atomic_store(&note->state, NOTE_FULL);
		atomic_fetch_add(&books->nnotes, 1);
		return;
	}
	if (!atomic_exchange(&books->note_all, true))
		atomic_fetch_add(&books->nnotes, 1);
	else
		atomic_fetch_sub(&books->unannounced, 1);
}

bool lof_books_take_note(struct lof_books *books, struct lof_call *call,
			 bool *ends)
{
	call->range[0] = lof_range_all(lof_sys_page_size());
	*ends = false;
	for (int i = 0; i < LOF_NNOTES; i++) {
		struct lof_note *note = &books->notes[i];
		int state = NOTE_FULL;

		if (!atomic_compare_exchange_strong(&note->state, &state,
						    NOTE_CLAIMED))
			continue;
		call->range[0] = note->range;
		*ends = note->ends;
		atomic_store(&note->state, NOTE_FREE);
		call->unannounced = true;
		break;
	}
	if (!call->unannounced)
		call->unannounced = atomic_exchange(&books->note_all, false);
	if (call->unannounced)
		atomic_fetch_sub(&books->nnotes, 1);
	return call->unannounced;
}
