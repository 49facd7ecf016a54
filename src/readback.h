/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Ask the kernel what is locked, and book it: for calls that were overtaken or
 * whose effect cannot be known. For ledger.c only.
 */
#ifndef LOF_READBACK_H
#define LOF_READBACK_H

#include "books.h"

/*
 * Read back the ranges of a call. False: the books were not to be had, and a
 * note was left.
 */
bool lof_readback(struct lof_books *books, struct lof_call *call);

/* Read back what handlers, and threads that lost patience, have left. */
void lof_readback_noted(struct lof_books *books);

static inline void lof_readback_notes(struct lof_books *books)
{
	if (atomic_load(&books->nnotes) > 0)
		lof_readback_noted(books);
}

#endif
