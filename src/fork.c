/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a fork does to the library, by handlers that fork() of libc calls. With
 * LOF_FORK_RELOCK the forking thread takes a list of what is locked along, and
 * the child locks it on fault: so no page is copied for it. A raw clone has no
 * handlers; its child begins with nothing locked, and its books are empty.
 */
#include "config.h"

#include <errno.h>
#include <pthread.h>

#include "books.h"
#include "lockonfault.h"
#include "own_memory.h"
#include "policy.h"
#include "sys.h"
#include "ticker.h"

struct list {
	struct list *outer;	/* of the fork that this one's handler is in */
	unsigned int depth;
	struct lof_range memory;
	size_t count;
	struct lof_range range[];
};

static LOF_PER_THREAD struct list *list;
static LOF_PER_THREAD unsigned int depth;	/* of forks inside forks */

#define PATIENCE	20	/* times that of the books' lock */

/*
 * Here nobody makes good later what was missed: on a busy machine the owner of the
 * lock comes on after a while. A handler that interrupted it does not wait.
 */
static int find_in(struct lof_range range, struct lof_entry *entry)
{
	int found = -EBUSY;

	for (int i = 0; found == -EBUSY && i < PATIENCE; i++)
		found = lof_ledger_find_in(range, entry);
	return found;
}

/* Put up to max ranges of what is locked into to; how many there are. */
static size_t collect(struct lof_range *to, size_t max)
{
	struct lof_range rest = lof_range_all(lof_sys_page_size());
	struct lof_entry entry;
	size_t n = 0;

	while (find_in(rest, &entry) > 0) {
		if (n < max)
			to[n] = entry.range;
		n++;
		rest.start = entry.range.end;
	}
	return n;
}

/* Without memory for a list nothing is locked again. */
static void take_list(void)
{
	size_t count = collect(NULL, 0);
	struct lof_range memory;
	struct list *new;

	if (lof_policy(LOF_FORK) != LOF_FORK_RELOCK || !count ||
	    lof_own_borrow(sizeof(*new) + count * sizeof(new->range[0]),
			   &memory))
		return;
	new = (struct list *)memory.start;
	new->memory = memory;
	new->outer = list;
	new->depth = depth;
	new->count = collect(new->range, count);
	/* Others may have locked more meanwhile. */
	if (new->count > count)
		new->count = count;
	list = new;
}

/* The list that this fork took, if it did. */
static struct list *own_list(void)
{
	return list && list->depth == depth ? list : NULL;
}

static void drop_list(void)
{
	struct lof_range memory;

	if (own_list()) {
		memory = list->memory;
		list = list->outer;
		lof_own_return(memory);
	}
	depth--;
}

static void before_fork(void)
{
	depth++;
	lof_books_before_fork();
	take_list();
}

static void after_fork(void)
{
	drop_list();
	lof_books_after_fork();
}

static int lock(struct lof_range range)
{
	return lof_mlock2((void *)range.start, lof_range_len(range),
			  MLOCK_ONFAULT);
}

static int lock_area(const struct lof_vma *vma, void *arg)
{
	const struct lof_range *range = arg;
	struct lof_range piece = lof_range_both(vma->range, *range);

	if (!lof_range_is_empty(piece))
		lock(piece);
	return vma->range.start >= range->end;
}

static void after_fork_in_child(void)
{
	int saved = errno;

	lof_books_after_fork_in_child();
	/* With MADV_DONTFORK there may be holes. */
	for (size_t i = 0; own_list() && i < list->count; i++)
		if (lock(list->range[i]))
			lof_smaps_each(lock_area, &list->range[i]);
	drop_list();
	lof_ticker_after_fork_in_child();
	errno = saved;
}

__attribute__((constructor))
static void fork_init(void)
{
	pthread_atfork(before_fork, after_fork, after_fork_in_child);
}
