/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How MCL_FUTURE locks what will be mapped: one word, changed at once. */
#include "config.h"

#include "future.h"

#include <stdatomic.h>

#include "books.h"
#include "ledger.h"
#include "probe.h"

#define KIND		LOF_FUTURE_KIND
#define FOLLOWED	LOF_FUTURE_FOLLOWED
#define CHANGING	LOF_FUTURE_CHANGING
#define NUMBER(word)	((uint32_t)((word) >> 24))
#define ONE_CHANGING	((uint64_t)1 << 8)
#define ONE_NUMBER	((uint64_t)1 << 24)

static uint64_t with_kind(uint64_t word, unsigned int kind)
{
	return (word & ~(uint64_t)0xff) | kind;
}

struct lof_turn lof_future_begin(void)
{
	struct lof_books *books = lof_books_get();
	uint64_t word;

	if (!books)
		return (struct lof_turn){ .overlaps = true };
	word = atomic_fetch_add(&books->front.future, ONE_CHANGING + ONE_NUMBER);
	return (struct lof_turn){
		NUMBER(word) + 1, CHANGING(word) > 0
	};
}

void lof_future_end(struct lof_turn turn, int kind)
{
	struct lof_books *books = lof_books_known();
	uint64_t word, next;

	if (!books)
		return;
	word = atomic_load(&books->front.future);
	do {
		/* A handler may have forked, and this is the child. */
		if (CHANGING(word) == 0)
			return;
		next = word - ONE_CHANGING;
		if (kind != LOF_FUTURE_SAME)
			next = with_kind(next, (unsigned int)kind);
		if (turn.overlaps || NUMBER(word) != turn.number)
			next = with_kind(next, FOLLOWED(next) |
					       LOF_FUTURE_UNKNOWN);
	} while (!atomic_compare_exchange_weak(&books->front.future, &word, next));
}

/* An answer counts if nobody changed it while the kernel was asked. */
static unsigned int ask(struct lof_books *books, uint64_t word)
{
	uint64_t since = lof_ledger_changes();
	struct lof_range scratch;
	int kind = lof_probe_future(&scratch);

	if (kind > 0)
		lof_ledger_vanished(scratch, since);
	if (kind < 0)
		return kind == -EAGAIN ? LOF_ONFAULT : KIND(word);
	/* What the kernel locks need not be followed. */
	if (CHANGING(word) == 0 && KIND(word) != (unsigned int)kind)
		atomic_compare_exchange_strong(&books->front.future, &word,
			with_kind(word, kind ? (unsigned int)kind
					     : FOLLOWED(word)) + ONE_NUMBER);
	return (unsigned int)kind;
}

unsigned int lof_future_known(void)
{
	struct lof_books *books = lof_books_known();
	unsigned int kind;
	uint64_t word = lof_future_look(&kind);

	return kind == LOF_FUTURE_UNKNOWN ? ask(books, word) : kind;
}

void lof_future_sync(void)
{
	struct lof_books *books = lof_books_get();
	unsigned int kind;

	if (books)
		ask(books, lof_future_look(&kind));
}
