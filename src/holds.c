/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The counts of lof_hold(), in a tree of their own: it says how often each page
 * is held, and the ledger's tree whether the page is locked.
 */
#include "config.h"

#include <stdatomic.h>

#include "books.h"
#include "lockonfault.h"

/* The next longest run of pages in range that are held alike, or not at all. */
static struct lof_entry next_run(const struct lof_tree *held,
				 struct lof_range range)
{
	struct lof_entry entry;

	if (!lof_tree_find_in(held, range, &entry))
		return (struct lof_entry){ .range = range };
	if (entry.range.start > range.start)
		return (struct lof_entry){
			.range = { range.start, entry.range.start },
		};
	return entry;
}

/* The least and the greatest attribute in range, and how many runs it has. */
struct extent {
	unsigned int least, greatest;
	size_t runs;
};

static struct extent extent_of(const struct lof_tree *held,
			       struct lof_range range)
{
	struct extent extent = { LOF_HOLDS_MAX, 0, 0 };
	struct lof_entry run;
	unsigned int count;

	for (; !lof_range_is_empty(range); range.start = run.range.end) {
		run = next_run(held, range);
		count = LOF_HELD_COUNT(run.attr);
		if (count < extent.least)
			extent.least = count;
		if (count > extent.greatest)
			extent.greatest = count;
		extent.runs++;
	}
	return extent;
}

/* Lock the books with nodes to count each run of range. */
static int open_for(struct lof_books *books, struct lof_range range,
		    struct extent *extent)
{
	int err = 0;

	while (!err) {
		if (!lof_books_lock(books))
			return -EBUSY;
		*extent = extent_of(&books->beside[LOF_HELD], range);
		/* Twice, so that what is held can still be moved. */
		if (lof_pool_fill(&books->pool, &books->beside[LOF_HELD],
				  2 * lof_tree_need(&books->beside[LOF_HELD],
						    extent->runs)))
			return 0;
		err = lof_books_grow(books);
	}
	return err;
}

int lof_ledger_hold(struct lof_range range, bool full)
{
	struct lof_books *books = lof_books_get();
	struct extent extent;
	struct lof_entry run;
	int err;

	if (!books)
		return -ENOMEM;
	lof_summary_prepare(&books->front.summary, range);
	err = open_for(books, range, &extent);
	if (err)
		return err;
	if (extent.greatest == LOF_HOLDS_MAX) {
		lof_books_unlock(books);
		return -EOVERFLOW;
	}
	lof_summary_set(&books->front.summary, range);
	for (; !lof_range_is_empty(range); range.start = run.range.end) {
		run = next_run(&books->beside[LOF_HELD], range);
		lof_tree_set(&books->beside[LOF_HELD], run.range,
			     (run.attr + 1) | (full ? LOF_HELD_FULL : 0));
	}
	lof_books_count_beside(books);
	lof_books_unlock(books);
	return 0;
}

int lof_ledger_drop(struct lof_range range, bool where_held)
{
	struct lof_books *books = lof_books_known();
	struct extent extent;
	struct lof_entry run;
	int err;

	if (lof_range_is_empty(range))
		return 0;
	if (!books)
		return -EINVAL;
	err = open_for(books, range, &extent);
	if (err)
		return err;
	if (extent.least == 0 && !where_held) {
		lof_books_unlock(books);
		return -EINVAL;
	}
	for (; !lof_range_is_empty(range); range.start = run.range.end) {
		run = next_run(&books->beside[LOF_HELD], range);
		if (LOF_HELD_COUNT(run.attr) <= 1)
			lof_tree_clear(&books->beside[LOF_HELD], run.range);
		else
			lof_tree_set(&books->beside[LOF_HELD], run.range, run.attr - 1);
	}
	lof_books_count_beside(books);
	lof_books_unlock(books);
	return 0;
}
