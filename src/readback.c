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
#include "sys_caps.h"

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
	bool found = lof_tree_find_in(&books->tree, range, &entry);

	if (!attr || !found)
		return attr || found;
	return entry.attr != attr || entry.range.start != range.start ||
	       entry.range.end != range.end;
}

/*
 * The functions that read back return READ; OVERTAKEN, when another call on the
 * same memory was booked and it must be done again; LATER, when smaps cannot be
 * read now, but may be soon; -EBUSY without the lock; or -ECHILD, when a handler
 * forked and this is the child: then what is being read may be the parent's
 * smaps.
 */
enum { OVERTAKEN = 0, READ = 1, LATER = 2 };

static bool is_for_a_time(int err)
{
	return err == -EMFILE || err == -ENFILE || err == -ENOMEM ||
	       err == -EIO || err == -EINTR || err == -EAGAIN;
}

static int standing(const struct lof_books *books, const struct lof_call *call)
{
	if (!lof_books_know(books, call))
		return -ECHILD;
	return atomic_load(&books->slots[call->slot].dirty) ? OVERTAKEN : READ;
}

/* Book what was read of a range. */
static int book_truth(struct lof_books *books, const struct lof_call *call,
		      struct lof_range range, unsigned int attr)
{
	struct lof_call piece = {
		.range = { range }, .slot = -1,
		.intent = attr ? LOF_ADDS : LOF_KEEPS,
	};
	int err, ret;

	if (lof_range_is_empty(range))
		return READ;
	if (attr)
		lof_summary_prepare(&books->front.summary, range);
	err = lof_books_open(books, &piece);
	if (err == -EBUSY || (err && !lof_books_lock(books)))
		return -EBUSY;
	ret = standing(books, call);
	lof_books_record(books, piece.range);
	if (ret == READ && differs(books, range, attr)) {
		/* Where nothing was called, it was wrong before. */
		if (call->intent == LOF_READS)
			atomic_fetch_add(&books->drift, 1);
		if (err)
			forget(books, range);
		else
			lof_books_set(books, range, attr);
	}
	lof_books_unlock(books);
	return ret;
}

unsigned int lof_ledger_attr(const struct lof_vma *vma)
{
	size_t len = lof_range_len(vma->range);

	if (!vma->locked)
		return 0;
	if (vma->onfault)
		return LOF_ATTR(LOF_ONFAULT, LOF_BY_KERNEL);
	if (lof_cap_is_there(LOF_CAP_SMAPS_KIND))
		return LOF_ATTR(LOF_FULL, LOF_BY_KERNEL);
	return LOF_ATTR(vma->rss < len ? LOF_ONFAULT : LOF_FULL,
			LOF_BY_KERNEL) | LOF_ATTR_GUESSED;
}

/* What is tracked is known; a guess is for the rest alone. */
static int book_guess(struct lof_books *books, const struct lof_call *call,
		      struct lof_range range, unsigned int attr)
{
	struct lof_range gap = range;
	struct lof_entry entry;
	int found, ret = READ;

	while (ret == READ && (found = lof_ledger_find_in(range, &entry)) != 0) {
		if (found < 0)
			return found;
		gap.end = entry.range.start;
		ret = book_truth(books, call, gap, attr);
		range.start = gap.start = entry.range.end;
	}
	gap.end = range.end;
	return ret == READ ? book_truth(books, call, gap, attr) : ret;
}

static int book_area(struct lof_books *books, const struct lof_call *call,
		     const struct lof_vma *vma, struct lof_range piece)
{
	unsigned int attr = lof_ledger_attr(vma);

	if (!(attr & LOF_ATTR_GUESSED))
		return book_truth(books, call, piece, attr);
	if (call->hinted.start <= piece.start && piece.end <= call->hinted.end)
		return book_truth(books, call, piece, call->hint);
	return book_guess(books, call, piece, attr);
}

/* Nothing is mapped in range, so that nothing is held there. */
static int book_hole(struct lof_books *books, const struct lof_call *call,
		     struct lof_range range)
{
	const struct lof_call ended = { .gone = { range } };
	int ret;

	if (lof_range_is_empty(range) || atomic_load(&books->nbeside) == 0)
		return READ;
	if (!lof_books_lock(books))
		return -EBUSY;
	ret = standing(books, call);
	if (ret == READ)
		lof_books_move_beside(books, &ended);
	lof_books_unlock(books);
	return ret;
}

/* Read a range from smaps. Also another negative errno: there is no smaps. */
__attribute__((noinline))
static int read_smaps(struct lof_books *books, const struct lof_call *call,
		      struct lof_range range)
{
	struct lof_range hole = range;
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
		if (lof_range_is_empty(piece))
			continue;
		hole.end = piece.start;
		ret = book_hole(books, call, hole);
		hole = (struct lof_range){ piece.end, range.end };
		if (ret != READ || !vma.locked)
			continue;
		ret = book_truth(books, call, before, 0);
		if (ret == READ)
			ret = book_area(books, call, &vma, piece);
		range.start = piece.end;
	}
	lof_smaps_close(&smaps);
	if (ret != READ || more < 0)
		return ret != READ ? ret : more;
	ret = book_hole(books, call, hole);
	return ret == READ ? book_truth(books, call, range, 0) : ret;
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

/*
 * Nothing in range is locked, by one look where smaps may have thousands of
 * lines. But what of it is a hole, where nothing can be held, smaps tells.
 */
static bool is_plain(struct lof_books *books, struct lof_range range)
{
	int err;

	if (atomic_load(&books->nbeside) > 0)
		return false;
	err = lof_sys_msync(range, MS_ASYNC | MS_INVALIDATE);
	return err == 0 || err == -ENOMEM;
}

static int read_range(struct lof_books *books, const struct lof_call *call,
		      struct lof_range range, bool is_note)
{
	int err, ret;

	if (is_plain(books, range))
		return book_truth(books, call, range, 0);
	err = read_smaps(books, call, range);
	if (err >= 0 || err == -EBUSY || err == -ECHILD)
		return err;
	if (is_note && is_for_a_time(err))
		return LATER;
	ret = read_msync(books, call, range);
	return ret == READ && is_for_a_time(err) ? LATER : ret;
}

/* One attempt to read back what a call may have changed. */
static int read_once(struct lof_books *books, struct lof_call *call,
		     bool is_note)
{
	bool later = false;
	int ret;

	if (!lof_books_lock(books))
		return -EBUSY;
	atomic_store(&books->slots[call->slot].dirty, false);
	lof_books_place(books, call);
	lof_books_unlock(books);
	for (int i = 0; i < 2; i++) {
		if (lof_range_is_empty(call->range[i]))
			continue;
		ret = read_range(books, call, call->range[i], is_note);
		if (ret != READ && ret != LATER)
			return ret;
		later |= ret == LATER;
	}
	if (!lof_books_lock(books))
		return -EBUSY;
	ret = standing(books, call);
	if (ret == READ)
		lof_books_dirty_others(books, call);
	lof_books_unlock(books);
	return ret == READ && later ? LATER : ret;
}

static bool readback(struct lof_books *books, struct lof_call *call,
		     bool is_note)
{
	int ret = -EBUSY, attempts = 0;

	/* What it finds locked may lie where no bit is set. */
	lof_books_count_blind(books, call);
	if (call->slot < 0 && lof_books_lock(books)) {
		lof_books_announce(books, call);
		lof_books_unlock(books);
	}
	if (call->slot >= 0) {
		atomic_fetch_add(&books->read_back, 1);
		do
			ret = read_once(books, call, is_note);
		while (ret == OVERTAKEN && ++attempts < ATTEMPTS);
	}
	if (ret == READ)
		return true;
	lof_books_note(books, call->range[0], false);
	lof_books_note(books, call->range[1], false);
	return false;
}

bool lof_readback(struct lof_books *books, struct lof_call *call)
{
	return readback(books, call, false);
}

static bool end_beside(struct lof_books *books, struct lof_range range)
{
	const struct lof_call ended = { .gone = { range } };

	if (!lof_books_lock(books)) {
		lof_books_note(books, range, true);
		return false;
	}
	lof_books_move_beside(books, &ended);
	lof_books_unlock(books);
	return true;
}

void lof_readback_noted(struct lof_books *books)
{
	struct lof_call call = {
		.slot = -1, .epoch = lof_books_epoch(books),
	};
	bool done = true, ends;

	/* While somebody holds the lock, they are his to read back. */
	while (done && atomic_load(&books->nnotes) > 0 &&
	       atomic_load(&books->lock) == 0) {
		done = lof_books_take_note(books, &call, &ends) &&
		       (!ends || end_beside(books, call.range[0])) &&
		       readback(books, &call, true);
		lof_books_release(books, &call);
	}
}
