/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Ask the kernel what is locked, and book it piece by piece. The lock is never
 * held while asking: if another call on the same memory is booked meanwhile,
 * what was read may be old, and it is read again.
 */
#include "config.h"

#include "readback.h"

#include <stdatomic.h>
#include <sys/mman.h>

#include "lockonfault.h"
#include "smaps.h"
#include "sys.h"

/*
 * Calls of others, and of signal handlers, may be booked faster than smaps is
 * read. Then a note is left for quieter times.
 */
#define ATTEMPTS	10

/*
 * Forget all that reaches into range, also what sticks out of it: for this no
 * node is needed. What is locked but not tracked is found again by asking.
 */
static void forget(struct lof_books *books, struct lof_range range)
{
	struct lof_entry entry;

	while (lof_tree_find_in(&books->tree, range, &entry)) {
		lof_tree_find(&books->tree, range.start, &entry);
		lof_tree_clear(&books->tree, entry.range);
	}
}

static bool differs(const struct lof_books *books, struct lof_range range,
		    unsigned int attr)
{
	struct lof_entry entry;

	return !lof_tree_find_in(&books->tree, range, &entry) ||
	       entry.attr != attr || entry.range.start != range.start ||
	       entry.range.end != range.end;
}

/*
 * The functions that read back return READ; OVERTAKEN, when another call on the
 * same memory was booked and it must be done again; -EBUSY without the lock; or
 * -ECHILD, when a handler forked and this is the child: then what is being read
 * may be the parent's smaps.
 */
enum { OVERTAKEN = 0, READ = 1 };

static int standing(const struct lof_books *books, const struct lof_call *call)
{
	if (!lof_books_know(books, call))
		return -ECHILD;
	return books->slots[call->slot].dirty ? OVERTAKEN : READ;
}

/* Book what was read of a range. */
static int book_truth(struct lof_books *books, const struct lof_call *call,
		      struct lof_range range, unsigned int attr)
{
	const struct lof_range both[2] = { range, LOF_NO_RANGE };
	size_t nodes;
	int err, ret;

	if (lof_range_is_empty(range))
		return READ;
	err = lof_books_open(books, attr ? LOF_ADDS : LOF_KEEPS, both, &nodes);
	if (err == -EBUSY || (err && !lof_books_lock(books)))
		return -EBUSY;
	ret = standing(books, call);
	atomic_fetch_add(&books->changes, 1);
	if (ret == READ && err)
		forget(books, range);
	else if (ret == READ && attr && differs(books, range, attr))
		lof_tree_set(&books->tree, range, attr);
	else if (ret == READ && !attr)
		lof_tree_clear(&books->tree, range);
	lof_books_unlock(books);
	return ret;
}

unsigned int lof_ledger_attr(const struct lof_vma *vma)
{
	if (!vma->locked)
		return 0;
	return LOF_ATTR(vma->onfault ? LOF_ONFAULT : LOF_FULL, LOF_BY_KERNEL);
}

/* Read a range from smaps. Also another negative errno: there is no smaps. */
static int read_smaps(struct lof_books *books, const struct lof_call *call,
		      struct lof_range range)
{
	struct lof_smaps smaps;
	struct lof_vma vma;
	int ret, more;

	ret = lof_smaps_open(&smaps, 0);
	if (ret)
		return ret;
	ret = READ;
	while (ret == READ && (more = lof_smaps_next(&smaps, &vma)) > 0) {
		struct lof_range piece = lof_range_both(vma.range, range);
		struct lof_range before = { range.start, piece.start };

		if (vma.range.start >= range.end)
			break;
		if (lof_range_is_empty(piece) || !vma.locked)
			continue;
		ret = book_truth(books, call, before, 0);
		if (ret == READ)
			ret = book_truth(books, call, piece,
					 lof_ledger_attr(&vma));
		range.start = piece.end;
	}
	lof_smaps_close(&smaps);
	if (ret != READ || more < 0)
		return ret != READ ? ret : more;
	return book_truth(books, call, range, 0);
}

/*
 * Without smaps msync tells which pages are locked. It cannot tell how, so
 * that only what is tracked and still locked stays tracked.
 */
static int read_msync(struct lof_books *books, const struct lof_call *call,
		      struct lof_range range)
{
	size_t page = lof_sys_page_size();
	struct lof_entry entry;
	int found, ret;

	while ((found = lof_ledger_find_in(range, &entry)) > 0) {
		struct lof_range one = entry.range;

		for (; one.start < entry.range.end; one.start = one.end) {
			one.end = one.start + page;
			if (lof_sys_msync(one, MS_ASYNC | MS_INVALIDATE) ==
			    -EBUSY)
				continue;
			ret = book_truth(books, call, one, 0);
			if (ret != READ)
				return ret;
		}
		range.start = entry.range.end;
	}
	return found < 0 ? found : READ;
}

/* One attempt to read back what a call may have changed. */
static int read_once(struct lof_books *books, struct lof_call *call)
{
	struct lof_slot *slot = &books->slots[call->slot];
	int ret;

	if (!lof_books_lock(books))
		return -EBUSY;
	slot->dirty = false;
	slot->range[0] = call->range[0];
	slot->range[1] = call->range[1];
	lof_books_unlock(books);
	for (int i = 0; i < 2; i++) {
		if (lof_range_is_empty(call->range[i]))
			continue;
		ret = read_smaps(books, call, call->range[i]);
		if (ret < 0 && ret != -EBUSY && ret != -ECHILD)
			ret = read_msync(books, call, call->range[i]);
		if (ret != READ)
			return ret;
	}
	if (!lof_books_lock(books))
		return -EBUSY;
	ret = standing(books, call);
	if (ret == READ)
		lof_books_dirty_others(books, call);
	lof_books_unlock(books);
	return ret;
}

bool lof_readback(struct lof_books *books, struct lof_call *call)
{
	int ret = -EBUSY, attempts = 0;

	if (call->slot < 0 && lof_books_lock(books)) {
		lof_books_announce(books, call);
		lof_books_unlock(books);
	}
	if (call->slot >= 0) {
		atomic_fetch_add(&books->read_back, 1);
		do
			ret = read_once(books, call);
		while (ret == OVERTAKEN && ++attempts < ATTEMPTS);
	}
	if (ret == READ)
		return true;
	lof_books_note(books, call->range[0]);
	lof_books_note(books, call->range[1]);
	return false;
}

void lof_readback_notes(struct lof_books *books)
{
	struct lof_call call = {
		.slot = -1, .epoch = lof_books_epoch(books),
	};
	bool done = true;

	/* While somebody holds the lock, they are his to read back. */
	while (done && atomic_load(&books->nnotes) > 0 &&
	       atomic_load(&books->lock) == 0) {
		/* A note that was taken must not be out of sight. */
		lof_books_count_unannounced(books, &call);
		done = lof_books_take_note(books, &call.range[0]) &&
		       lof_readback(books, &call);
		lof_books_release(books, &call);
	}
}
