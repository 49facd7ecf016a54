/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which ranges are under a budget, in a tree of their own. What becomes of them
 * is for sweep.c.
 */
#include "config.h"

#include <stdatomic.h>

#include "books.h"

int lof_ledger_sweep(struct lof_range range, unsigned int attr)
{
	struct lof_books *books = attr ? lof_books_get() : lof_books_known();
	struct lof_tree *swept;
	int err = 0;

	if (!books || (!attr && atomic_load(&books->nbeside) == 0))
		return attr ? -ENOMEM : 0;
	swept = &books->beside[LOF_SWEPT];
	if (attr)
		lof_summary_prepare(&books->front.summary, range);
	while (!err) {
		if (!lof_books_lock(books))
			return -EBUSY;
		/* Twice, so that it can still be moved. */
		if (lof_pool_fill(&books->pool, swept,
				  2 * lof_tree_need(swept, 1)))
			break;
		err = lof_books_grow(books);
	}
	if (err)
		return err;
	if (attr) {
		lof_summary_set(&books->front.summary, range);
		lof_tree_set(swept, range, attr);
	} else {
		lof_tree_clear(swept, range);
	}
	lof_books_count_beside(books);
	lof_books_unlock(books);
	return 0;
}
