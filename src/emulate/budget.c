/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The budgets of lof_lock_budget(), and the scan that locks touched pages.
 *
 * The ledger notes the ranges under a budget (LOF_NOTED_BUDGETS) in a tree
 * beside the locks, so the budget moves with its memory. The ledger's locks
 * tell which parts of the ranges are locked. One thread scans at a time. A
 * locked run of touched pages splits its VMA, which makes two VMAs more. Before
 * there are too many VMAs, the scan also locks the smallest gaps between runs.
 */
#include "config.h"

#include "emulate/budget.h"

#include <stdatomic.h>
#include <string.h>

#include "base/options.h"
#include "emulate/mclfuture.h"
#include "kernel/caps.h"
#include "kernel/probe.h"
#include "kernel/smaps.h"
#include "kernel/sys.h"
#include "kernel/touched.h"
#include "ledger/attrs.h"
#include "ledger/change.h"
#include "ledger/front.h"
#include "ledger/runs.h"
#include "lock/onfault.h"
#include "lock/tracked.h"
#include "lockonfault.h"

#define AREAS_MAX	16384
#define AREAS_MIN	64
#define PATIENCE_MS	100
#define FAR		((uintptr_t)2 << 20)
#define LOCKED_AT_ONCE	((size_t)16 << 20)

/* A scan of one budget. */
struct sweep {
	struct budget *budget;
	unsigned int id;
	size_t runs;		/* of locked pages, each as long as possible */
	bool is_full;		/* the limit refused more in this scan */
	bool is_split;		/* the VMAs allow no run more in this scan */
	bool is_blind;		/* the ledger cannot be read now */
};

struct budget {
	size_t bytes;		/* that may be locked, in whole pages */
	bool used;
	size_t max_areas;	/* 0: not asked yet */
	size_t locked, over;	/* bytes at the last scan */
};

/* A child of fork empties the budgets at their first use. */
struct budgets {
	_Atomic uint32_t epoch;		/* of the ledger */
	_Atomic uint32_t sweeping;	/* futex; the scanning thread sets it */

	/* Only the thread that set `sweeping` changes the budgets. */
	struct budget budget[LOF_NBUDGETS + 1];
};

static struct budgets all_budgets;

static struct budgets *budgets_get(void)
{
	uint32_t epoch = lof_ledger_epoch();
	uint32_t known = atomic_load(&all_budgets.epoch);

	if (known != epoch &&
	    atomic_compare_exchange_strong(&all_budgets.epoch, &known, epoch)) {
		memset(all_budgets.budget, 0, sizeof(all_budgets.budget));
		atomic_store(&all_budgets.sweeping, 0);
	}
	return &all_budgets;
}

/* The values of the futex `sweeping`. */
enum { FREE, TAKEN, WAITED_FOR };

static bool begin(struct budgets *books, bool waits)
{
	uint32_t word = FREE;

	if (atomic_compare_exchange_strong(&books->sweeping, &word, TAKEN))
		return true;
	while (waits && atomic_exchange(&books->sweeping, WAITED_FOR) != FREE)
		lof_sys_futex_wait(&books->sweeping, WAITED_FOR, PATIENCE_MS);
	return waits;
}

static void end(struct budgets *books)
{
	if (atomic_exchange(&books->sweeping, FREE) == WAITED_FOR)
		lof_sys_futex_wake(&books->sweeping);
}

/* Get the next range under this budget. rest is set to the memory behind it. */
static bool next_swept(struct sweep *sweep, struct lof_range *rest,
		       struct lof_entry *entry)
{
	int found;

	while ((found = lof_ledger_first(LOF_NOTED_BUDGETS, *rest,
					 entry)) > 0) {
		rest->start = entry->range.end;
		if (LOF_BUDGET_ID(entry->attr) == sweep->id)
			return true;
	}
	sweep->is_blind |= found < 0;
	return false;
}

/* Get the next locked range. */
static bool next_locked(struct sweep *sweep, struct lof_range range,
			struct lof_entry *locked)
{
	int found;

	while ((found = lof_ledger_first(LOF_NOTED_LOCKS, range, locked)) > 0 &&
	       !LOF_ATTR_KIND(locked->attr))
		range.start = locked->range.end;
	sweep->is_blind |= found < 0;
	return found > 0;
}

static struct lof_range everything(void)
{
	return lof_range_all(lof_sys_page_size());
}

/*
 * Count the locked bytes and runs under this budget. False: no range is under
 * the budget, or the ledger cannot be read.
 */
static bool measure(struct sweep *sweep)
{
	struct lof_range rest = everything();
	struct lof_entry entry, locked;
	uintptr_t last = 0;
	bool any = false;

	sweep->budget->locked = sweep->runs = 0;
	while (next_swept(sweep, &rest, &entry)) {
		any = true;
		while (next_locked(sweep, entry.range, &locked)) {
			sweep->budget->locked += lof_range_len(locked.range);
			sweep->runs += locked.range.start != last;
			last = entry.range.start = locked.range.end;
		}
	}
	return any;
}

static bool is_page_locked(struct sweep *sweep, uintptr_t page)
{
	struct lof_entry locked;

	return next_locked(sweep, (struct lof_range){
			page, page + lof_sys_page_size() }, &locked);
}

/* Count the locked pages next to a range: 0, 1 or 2. */
static size_t neighbours(struct sweep *sweep, struct lof_range range)
{
	size_t page = lof_sys_page_size();

	return (size_t)is_page_locked(sweep, range.start - page) +
	       (size_t)is_page_locked(sweep, range.end);
}

/* Touched pages are resident, so a lock in full populates nothing more. */
static unsigned int kind_of_touched(void)
{
	return lof_cap_is_there(LOF_CAP_MLOCK2) ? LOF_ONFAULT : LOF_FULL;
}

/*
 * Unlock the parts of range that have left the budget. Since the lookup,
 * another thread may have unlocked or unmapped them by name. Such a thread ends
 * the budget of the range in the ledger before its system call.
 */
static void give_back(struct sweep *sweep, struct lof_range range)
{
	struct lof_range rest = range, gap = range;
	struct lof_entry entry;

	while (next_swept(sweep, &rest, &entry)) {
		gap.end = entry.range.start;
		if (!lof_range_is_empty(gap))
			lof_unlock_range(gap);
		gap.start = entry.range.end;
	}
	gap.end = range.end;
	if (!lof_range_is_empty(gap) && !sweep->is_blind)
		lof_unlock_range(gap);
}

/*
 * Lock a range, or as much of its front as the limit allows. Returns the bytes
 * that were locked.
 */
static size_t lock_front(struct sweep *sweep, struct lof_range range)
{
	size_t page = lof_sys_page_size(), len = lof_range_len(range);
	int err;

	while ((err = lof_lock_range(range, kind_of_touched())) != 0) {
		/* Not the limit: other ranges may still be locked. */
		if (err != -ENOMEM && err != -EAGAIN)
			return 0;
		sweep->is_full = true;
		len = len / 2 & ~(page - 1);
		if (!len)
			return 0;
		range.end = range.start + len;
	}
	sweep->runs += 1 - neighbours(sweep, range);
	sweep->budget->locked += len;
	give_back(sweep, range);
	return len;
}

/* Gaps are counted by size: exact in pages, above NEXACT by powers of two. */
#define NEXACT		256
#define NSIZES		(NEXACT + 64)

struct gaps {
	size_t count[NSIZES];
	size_t largest;		/* size to close */
};

static size_t size_of(struct lof_range gap)
{
	size_t n = lof_range_len(gap) / lof_sys_page_size();

	return n < NEXACT ? n :
	       NEXACT + (size_t)(63 - __builtin_clzll((uint64_t)n));
}

static void count_gap(struct sweep *sweep, struct lof_range gap,
		      struct gaps *gaps)
{
	(void)sweep;
	gaps->count[size_of(gap)]++;
}

static void close_gap(struct sweep *sweep, struct lof_range gap,
		      struct gaps *gaps)
{
	struct budget *budget = sweep->budget;
	size_t len = lof_range_len(gap);

	if (size_of(gap) > gaps->largest || budget->locked > budget->bytes ||
	    len > budget->bytes - budget->locked ||
	    lof_lock_range(gap, LOF_ONFAULT))
		return;
	budget->locked += len;
	sweep->runs--;
}

static void each_gap(struct sweep *sweep, struct gaps *gaps,
		     void (*visit)(struct sweep *sweep, struct lof_range gap,
				   struct gaps *gaps))
{
	struct lof_range rest = everything(), gap;
	struct lof_entry entry, locked;
	uintptr_t covered = 0, last = 0;

	while (next_swept(sweep, &rest, &entry)) {
		if (entry.range.start != covered)
			last = 0;
		covered = entry.range.end;
		while (next_locked(sweep, entry.range, &locked)) {
			gap = (struct lof_range){ last, locked.range.start };
			entry.range.start = locked.range.end;
			if (last && !lof_range_is_empty(gap))
				visit(sweep, gap, gaps);
			last = locked.range.end;
		}
	}
}

/*
 * Do the VMAs allow one run more? If not, lock the smallest gaps, until about
 * max / 3 runs are left. Not without mlock2: this would populate the gaps.
 */
static bool has_areas(struct sweep *sweep)
{
	size_t max = sweep->budget->max_areas, left = sweep->runs;
	struct gaps gaps = { .largest = 0 };

	if (2 * (sweep->runs + 1) <= max)
		return true;
	/* To look at all gaps for each run that is left over takes seconds. */
	if (sweep->is_split || !lof_cap_is_there(LOF_CAP_MLOCK2))
		return false;
	each_gap(sweep, &gaps, count_gap);
	while (left > max / 3 && gaps.largest < NSIZES - 1)
		left -= gaps.count[++gaps.largest];
	each_gap(sweep, &gaps, close_gap);
	sweep->is_split = 2 * (sweep->runs + 1) > max;
	return !sweep->is_split;
}

/* Returns the bytes that were locked. */
static size_t take_piece(struct sweep *sweep, struct lof_range range)
{
	struct budget *budget = sweep->budget;
	struct lof_range front = range;
	size_t room, locked = 0;

	/* has_areas() locks gaps, which may use up the budget. */
	if (budget->locked < budget->bytes && !sweep->is_full &&
	    has_areas(sweep) && budget->locked < budget->bytes) {
		room = budget->bytes - budget->locked;
		if (lof_range_len(front) > room)
			front.end = front.start + room;
		locked = lock_front(sweep, front);
	}
	budget->over += lof_range_len(range) - locked;
	return locked;
}

/*
 * Lock a run of newly touched pages, as far as the budget allows. A thread that
 * maps memory waits during each call: a millisecond for 16 MiB at most.
 */
static void take_new(struct sweep *sweep, struct lof_range range)
{
	struct lof_range piece = range;

	for (; !lof_range_is_empty(range); range.start = piece.end) {
		piece = range;
		if (lof_range_len(piece) > LOCKED_AT_ONCE)
			piece.end = piece.start + LOCKED_AT_ONCE;
		if (take_piece(sweep, piece) && piece.end != range.end)
			lof_sys_sleep(100);
	}
}

static int take_touched(struct lof_range run, void *arg)
{
	struct sweep *sweep = arg;
	struct lof_entry locked;
	struct lof_range gap;

	while (!lof_range_is_empty(run)) {
		gap = run;
		if (next_locked(sweep, run, &locked))
			gap.end = locked.range.start;
		run.start = gap.end;
		/* After a gap, read the ledger again: more may be locked. */
		if (lof_range_is_empty(gap))
			run.start = locked.range.end;
		else
			take_new(sweep, gap);
	}
	return 0;
}

/* Lock the parts of a touched run that are under this budget. */
static int take_run(struct lof_range run, void *arg)
{
	struct sweep *sweep = arg;
	struct lof_entry entry;

	while (next_swept(sweep, &run, &entry))
		take_touched(entry.range, sweep);
	return 0;
}

/*
 * Join the next range under this budget with the ranges not far behind it: each
 * call that scans page tables has a cost, as large as the scan of many pages.
 * rest is set to the memory behind the joined range.
 */
static bool next_scanned(struct sweep *sweep, struct lof_range *rest,
			 struct lof_range *all)
{
	uintptr_t far = lof_touched_joins() ? FAR : 0;
	struct lof_range behind;
	struct lof_entry entry;

	if (!next_swept(sweep, rest, &entry))
		return false;
	*all = entry.range;
	for (behind = *rest; next_swept(sweep, &behind, &entry) &&
			     entry.range.start - all->end <= far;
	     *rest = behind)
		all->end = entry.range.end;
	return true;
}

/* Scan one budget. If memory cannot be scanned now, the next scan tries it. */
static void sweep_one(struct budgets *books, unsigned int id)
{
	struct sweep sweep = {
		.budget = &books->budget[id], .id = id,
	};
	struct lof_range rest = everything(), all;
	int err = 0;

	if (id == LOF_BUDGET_OF_PROCESS)
		sweep.budget->bytes = lof_option_value(LOF_CONVERT_MAX) &
				      ~(lof_sys_page_size() - 1);
	if (!measure(&sweep) || sweep.is_blind) {
		if (!sweep.is_blind)
			*sweep.budget = (struct budget){ .bytes = 0 };
		return;
	}
	sweep.budget->used = true;
	if (!sweep.budget->max_areas)
		sweep.budget->max_areas = lof_smaps_areas_left(AREAS_MIN,
							       AREAS_MAX);
	sweep.budget->over = 0;
	while (!err && !sweep.is_blind && next_scanned(&sweep, &rest, &all))
		err = lof_touched_each(all, take_run, &sweep);
}

void lof_budget_scan_all(void)
{
	struct budgets *books = budgets_get();

	if (!begin(books, false))
		return;
	for (unsigned int id = 1; id <= LOF_NBUDGETS; id++)
		if (books->budget[id].used || id == LOF_BUDGET_OF_PROCESS)
			sweep_one(books, id);
	atomic_store(&lof_the_front->live.over, lof_budget_sums().over);
	end(books);
}

int lof_budget_add(struct lof_range range)
{
	return lof_budget_assign_patiently(range, LOF_BUDGET_OF_PROCESS);
}

void lof_budget_try_add(struct lof_range range)
{
	(void)!lof_budget_assign(range, LOF_BUDGET_OF_PROCESS);
}

/* Unlock in parts, as take_new() locks. */
static int take_back(const struct lof_entry *run, void *arg)
{
	struct lof_range rest = run->range, piece;

	if (run->attr && run->attr != LOF_BUDGET_OF_PROCESS)
		return 0;
	*(bool *)arg = true;
	lof_budget_try_add(run->range);
	for (; !lof_range_is_empty(rest); rest.start = piece.end) {
		piece = rest;
		if (lof_range_len(piece) > LOCKED_AT_ONCE)
			piece.end = piece.start + LOCKED_AT_ONCE;
		lof_unlock_range(piece);
		if (piece.end != rest.end)
			lof_sys_sleep(100);
	}
	return 0;
}

/* A lock that the program makes now is not noted yet. */
static int take_back_unnoted(const struct lof_entry *run, void *arg)
{
	return run->attr || lof_ledger_may_change(run->range) ? 0 :
	       lof_ledger_each_run(LOF_NOTED_BUDGETS, run->range, take_back,
				   arg);
}

static int take_back_area(const struct lof_vma *vma, void *arg)
{
	return vma->onfault ?
	       lof_ledger_each_run(LOF_NOTED_LOCKS, vma->range,
				   take_back_unnoted, arg) : 0;
}

bool lof_budget_take_back(void)
{
	bool any = false;

	if (lof_option_value(LOF_CONVERT_MAX) &&
	    lof_mclfuture_known() == LOF_NONE)
		(void)!lof_smaps_each(take_back_area, &any);
	return any;
}

struct lof_budget_totals lof_budget_sums(void)
{
	struct budgets *books = budgets_get();
	struct lof_budget_totals sums = { .locked = 0 };

	for (unsigned int id = 1; id <= LOF_NBUDGETS; id++) {
		const struct budget *budget = &books->budget[id];

		if (budget->used) {
			sums.locked += budget->locked;
			sums.over += budget->over;
		}
	}
	return sums;
}

static unsigned int unused_id(const struct budgets *books)
{
	for (unsigned int id = LOF_BUDGET_OF_PROCESS + 1; id <= LOF_NBUDGETS; id++)
		if (!books->budget[id].used)
			return id;
	return 0;
}

/* Free the budgets that have no range any more: no scan may have seen this. */
static void end_budgets(struct budgets *books)
{
	for (unsigned int id = LOF_BUDGET_OF_PROCESS + 1; id <= LOF_NBUDGETS; id++) {
		struct sweep sweep = {
			.budget = &books->budget[id], .id = id,
		};

		if (!measure(&sweep) && !sweep.is_blind)
			*sweep.budget = (struct budget){ .bytes = 0 };
	}
}

static unsigned int free_id(struct budgets *books)
{
	if (!unused_id(books))
		end_budgets(books);
	return unused_id(books);
}

/* Make a new budget for range. Returns its number, or a negative errno. */
static int make(struct budgets *books, struct lof_range range, size_t bytes)
{
	unsigned int id = free_id(books);
	int err;

	if (!id)
		return -ENOMEM;
	if (lof_option_value(LOF_HUGE) == LOF_HUGE_SPLIT)
		lof_sys_madvise(range.start, lof_range_len(range),
				MADV_NOHUGEPAGE);
	err = lof_budget_assign(range, id);
	if (err)
		return err;
	books->budget[id] = (struct budget){ .bytes = bytes, .used = true };
	return (int)id;
}

int lof_budget_lock(const void *addr, size_t len, size_t bytes, int policy)
{
	struct budgets *books = budgets_get();
	struct lof_range range;
	int ret;

	bytes &= ~(lof_sys_page_size() - 1);
	if (lof_range_of(&range, addr, len) || lof_range_is_empty(range) ||
	    !bytes || policy != LOF_BUDGET_FIRST)
		return -EINVAL;
	if (lof_first_hole(range) != range.end)
		return -ENOMEM;
	/* Has the process the privilege to lock? */
	ret = lof_may_lock();
	if (!ret)
		ret = lof_touched_tells(range);
	if (ret)
		return ret;
	begin(books, true);
	ret = make(books, range, bytes);
	if (ret > 0)
		sweep_one(books, (unsigned int)ret);
	end(books);
	return ret < 0 ? ret : 0;
}
