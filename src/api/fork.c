/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The handlers of a fork, called by fork() of libc. With LOF_FORK_RELOCK the
 * forking thread lists the locked ranges, and the child locks them on fault:
 * the new lock copies no page. A raw clone calls no handlers; its child has no
 * locks and an empty ledger.
 */
#include "config.h"

#include <errno.h>
#include <pthread.h>

#include "api/hooked_summary.h"
#include "api/sync_thread.h"
#include "base/options.h"
#include "base/per_thread.h"
#include "emulate/budget.h"
#include "kernel/own_memory.h"
#include "kernel/probe.h"
#include "kernel/sys.h"
#include "ledger/fork.h"
#include "ledger/resync.h"
#include "ledger/runs.h"
#include "lockonfault.h"

struct locked_part {
	struct lof_range range;
	bool is_bounded;	/* in the budget of the process */
};

struct list {
	struct list *outer;	/* list of the fork around this fork */
	unsigned int depth;	/* depth of the fork that took the list */
	struct lof_range memory;
	size_t count;
	struct locked_part part[];
};

static LOF_PER_THREAD struct list *list;
/* The number of forks in progress: a handler of a fork may fork. */
static LOF_PER_THREAD unsigned int depth;

/* Counts all locked ranges, and stores the first max of them. */
struct collection {
	struct locked_part *to;
	size_t max, n;
	struct locked_part last;
	bool is_suspect;	/* the run that is collected */
};

static void add(struct collection *c, struct lof_range range, bool is_bounded)
{
	bool is_next = c->n > 0 && range.start == c->last.range.end &&
		       is_bounded == c->last.is_bounded;

	if (!is_next) {
		c->n++;
		c->last = (struct locked_part){ range, is_bounded };
	}
	c->last.range.end = range.end;
	if (c->n <= c->max)
		c->to[c->n - 1] = c->last;
}

/* Add the locked pages of a range: bisect the range with msync. */
static void add_locked(struct collection *c, struct lof_range range,
		       bool is_bounded)
{
	size_t page = lof_sys_page_size(), half = lof_range_len(range) / 2;
	uintptr_t middle = range.start + (half & ~(page - 1));

	if (!lof_is_locked(range))
		return;
	if (middle == range.start) {
		add(c, range, is_bounded);
		return;
	}
	add_locked(c, (struct lof_range){ range.start, middle }, is_bounded);
	add_locked(c, (struct lof_range){ middle, range.end }, is_bounded);
}

/* A part of a locked run, by the budgets that it is in. */
static int collect_part(const struct lof_entry *part, void *arg)
{
	bool is_bounded = part->attr == LOF_BUDGET_OF_PROCESS;
	struct collection *c = arg;

	if (c->is_suspect)
		add_locked(c, part->range, is_bounded);
	else
		add(c, part->range, is_bounded);
	return 0;
}

/* A run may be suspect: other threads may change locks after the resync. */
static int collect_run(const struct lof_entry *run, void *arg)
{
	struct collection *c = arg;

	c->is_suspect = run->attr & LOF_ATTR_SUSPECT;
	return run->attr ? lof_ledger_each_run(LOF_NOTED_BUDGETS, run->range,
					       collect_part, c) : 0;
}

static size_t collect(struct locked_part *to, size_t max)
{
	struct collection c = { .to = to, .max = max };

	(void)!lof_ledger_each_run(LOF_NOTED_LOCKS,
				   lof_range_all(lof_sys_page_size()),
				   collect_run, &c);
	return c.n;
}

/*
 * The child has no locks, and cannot ask the kernel about suspect ranges: the
 * parent asks before the fork. If there is no memory for the list, the child
 * locks nothing.
 */
static void take_list(void)
{
	struct lof_range memory;
	struct list *new;
	size_t count;

	if (lof_option_value(LOF_FORK) != LOF_FORK_RELOCK)
		return;
	lof_ledger_resync(lof_range_all(lof_sys_page_size()));
	count = collect(NULL, 0);
	if (!count ||
	    lof_own_borrow(sizeof(*new) + count * sizeof(new->part[0]),
			   &memory))
		return;
	new = (struct list *)memory.start;
	new->memory = memory;
	new->outer = list;
	new->depth = depth;
	new->count = collect(new->part, count);
	/* Another thread may have locked a range since the count. */
	if (new->count > count)
		new->count = count;
	list = new;
}

/* The list that this fork took; NULL: this fork took no list. */
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
	lof_ledger_before_fork();
	take_list();
}

static void after_fork(void)
{
	drop_list();
	lof_ledger_after_fork();
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

/* MADV_DONTFORK may leave holes: then lock each VMA of the range. */
static void lock_part(const struct locked_part *part)
{
	struct lof_range range = part->range;

	if (part->is_bounded)
		lof_budget_try_add(range);
	else if (lock(range))
		lof_smaps_each(lock_area, &range);
}

static void after_fork_in_child(void)
{
	int saved = errno;

	lof_ledger_after_fork_in_child();
	lof_summary_after_fork_in_child();
	for (size_t i = 0; own_list() && i < list->count; i++)
		lock_part(&list->part[i]);
	if (own_list())
		lof_sync_thread_use();
	drop_list();
	errno = saved;
}

/*
 * A part of pthread_atfork() in glibc is linked into the library and needs a
 * function that musl lacks. A program of musl may load the library too.
 */
#if defined(__GLIBC__) && defined(PIC)
extern void *__dso_handle;
extern int __register_atfork(void (*before)(void), void (*after)(void),
			     void (*after_in_child)(void), void *object)
	__attribute__((weak));
extern __typeof__(pthread_atfork) pthread_atfork __attribute__((weak));

__attribute__((constructor))
static void fork_init(void)
{
	if (__register_atfork)
		__register_atfork(before_fork, after_fork, after_fork_in_child,
				  __dso_handle);
	else if (pthread_atfork)
		pthread_atfork(before_fork, after_fork, after_fork_in_child);
}
#else
__attribute__((constructor))
static void fork_init(void)
{
	pthread_atfork(before_fork, after_fork, after_fork_in_child);
}
#endif
