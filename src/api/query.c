/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The calls that report locks: lof_query, lof_walk, lof_stats; and lof_sync. */
#include "config.h"

#include "lockonfault.h"

#include <string.h>

#include "api/drift.h"
#include "api/result.h"
#include "base/options.h"
#include "emulate/budget.h"
#include "emulate/mclfuture.h"
#include "emulate/mclfuture_emulated.h"
#include "kernel/caps.h"
#include "kernel/probe.h"
#include "kernel/smaps.h"
#include "kernel/sys.h"
#include "ledger/attrs.h"
#include "ledger/change.h"
#include "ledger/resync.h"
#include "ledger/runs.h"
#include "lock/quirks.h"

/* All attempts fail only if other threads change the memory all the time. */
#define ATTEMPTS 3

static struct lof_region region_of(const struct lof_entry *entry)
{
	unsigned int flags = 0;

	if (entry->attr & LOF_ATTR_GUESSED)
		flags |= LOF_GUESSED;
	if (entry->attr & LOF_ATTR_SUSPECT)
		flags |= LOF_UNVERIFIED;
	if (entry->attr && !lof_cap_is_there(LOF_CAP_LOCKS))
		flags |= LOF_ACCOUNTED;
	return (struct lof_region){
		.start = entry->range.start,
		.len = lof_range_len(entry->range),
		.kind = LOF_ATTR_KIND(entry->attr),
		.how = LOF_ATTR_HOW(entry->attr),
		.flags = flags,
	};
}

/* The caller's structure may be shorter or longer than the library's. */
static void copy_out(void *to, size_t to_size, const void *from, size_t size)
{
	size_t both = size < to_size ? size : to_size;

	memcpy(to, from, both);
	memset((char *)to + both, 0, to_size - both);
}

/* A search in smaps for the run or the gap around an address. */
struct search {
	uintptr_t addr;
	struct lof_entry run;	/* the last run of VMAs locked alike */
	uintptr_t before;	/* end of the run before the last run */
	bool kept;		/* the VMA at addr is never swapped */
};

static int search_area(const struct lof_vma *vma, void *arg)
{
	unsigned int attr = lof_attr_of_vma(vma);
	struct search *search = arg;
	struct lof_entry *run = &search->run;

	if (vma->range.start <= search->addr && search->addr < vma->range.end)
		search->kept = lof_is_never_swapped(vma);
	if (!attr)
		return 0;
	if (attr == run->attr && vma->range.start == run->range.end) {
		run->range.end = vma->range.end;
		return 0;
	}
	if (run->range.end > search->addr)
		return 1;
	search->before = run->range.end;
	*run = (struct lof_entry){ vma->range, attr };
	return 0;
}

/* Get the locked range or the gap around addr from smaps alone. */
static int around_by_smaps(uintptr_t addr, struct lof_entry *around,
			   bool *kept)
{
	struct search search = { .addr = addr };
	struct lof_range run, gap;
	int ret;

	ret = lof_smaps_each(search_area, &search);
	if (ret < 0)
		return ret;
	run = search.run.range;
	*kept = search.kept;
	*around = search.run;
	if (run.start <= addr && addr < run.end)
		return 0;
	gap = lof_range_all(lof_sys_page_size());
	gap.start = run.end <= addr ? run.end : search.before;
	if (run.start > addr)
		gap.end = run.start;
	*around = (struct lof_entry){ .range = gap };
	return 0;
}

static bool is_same(const struct lof_entry *a, const struct lof_entry *b)
{
	return a->range.start == b->range.start &&
	       a->range.end == b->range.end &&
	       ((a->attr ^ b->attr) & ~LOF_ATTR_SUSPECT) == 0;
}

/*
 * Without smaps: get the locked range or the gap around addr from the ledger,
 * if msync agrees that the page at addr is locked or unlocked.
 */
static int around_by_msync(uintptr_t addr, struct lof_entry *entry)
{
	size_t page = lof_sys_page_size();
	struct lof_range here = { addr & ~(page - 1), 0 };
	int err, locked;

	here.end = here.start + page;
	for (int i = 0; i < ATTEMPTS; i++) {
		err = lof_ledger_around(addr, entry);
		if (err)
			return err;
		locked = lof_ask_locked(here);
		if (locked == (LOF_ATTR_KIND(entry->attr) != 0))
			return 0;
		/* A filter refuses msync, too: the ledger alone knows. */
		if (locked < 0) {
			entry->attr |= LOF_ATTR_SUSPECT;
			return 0;
		}
		lof_ledger_reread(entry->range);
	}
	return -EAGAIN;
}

/* Get the kernel's answer for addr, and correct the ledger to agree. */
static int around(uintptr_t addr, struct lof_entry *entry, bool *kept)
{
	struct lof_entry known;
	int err;

	err = around_by_smaps(addr, entry, kept);
	if (err)
		return around_by_msync(addr, entry) ? err : 0;
	for (int i = 0; i < ATTEMPTS; i++) {
		if (lof_ledger_around(addr, &known) || is_same(&known, entry))
			break;
		lof_ledger_reread(known.range);
		lof_ledger_reread(entry->range);
		/* If smaps gave a guess, take the kind from the ledger. */
		if (!(entry->attr & LOF_ATTR_GUESSED) ||
		    lof_ledger_around(addr, entry))
			around_by_smaps(addr, entry, kept);
	}
	return 0;
}

/*
 * Cut region to the front of rest: the longest part with one number of holds.
 * rest becomes the part behind region.
 *
 * 1         rest is not empty
 * 0         rest is empty
 * -EBUSY    the ledger is busy
 */
static int cut_holds(struct lof_region *region, struct lof_range *rest)
{
	struct lof_entry held;
	int found;

	region->start = rest->start;
	found = lof_ledger_first(LOF_NOTED_HOLDS, *rest, &held);
	region->holds = found > 0 && held.range.start == rest->start ?
			LOF_HELD_COUNT(held.attr) : 0;
	if (found > 0 && !region->holds)
		rest->start = held.range.start;
	/* The ledger splits ranges held in full from those held on fault. */
	while (found > 0 && held.range.start == rest->start &&
	       LOF_HELD_COUNT(held.attr) == region->holds) {
		rest->start = held.range.end;
		found = lof_ledger_first(LOF_NOTED_HOLDS, *rest, &held);
	}
	if (found < 0)
		return found;
	if (!found && !region->holds)
		rest->start = rest->end;
	region->len = rest->start - region->start;
	return !lof_range_is_empty(*rest);
}

/*
 * Get the first run of range that is under a budget; skip exempt runs. 1; 0:
 * there is none; -EBUSY.
 */
static int next_swept(struct lof_range range, struct lof_entry *swept)
{
	int found;

	while ((found = lof_ledger_first(LOF_NOTED_BUDGETS, range,
					 swept)) > 0 &&
	       !LOF_BUDGET_ID(swept->attr))
		range.start = swept->range.end;
	return found;
}

/*
 * Cut region to its front: the longest part that is all under budgets, or all
 * under no budget. rest begins behind region. Returns like cut_holds().
 */
static int cut_swept(struct lof_region *region, struct lof_range *rest)
{
	struct lof_range range = { region->start, region->start + region->len };
	struct lof_entry swept;
	uintptr_t end = range.end;
	int found;

	found = next_swept(range, &swept);
	if (found > 0 && swept.range.start > range.start)
		end = swept.range.start;
	else if (found > 0)
		region->how = LOF_BY_SWEEP;
	while (found > 0 && swept.range.start == range.start) {
		end = range.start = swept.range.end;
		found = next_swept(range, &swept);
	}
	if (found < 0)
		return found;
	region->len = end - region->start;
	if (end < rest->start)
		rest->start = end;
	return !lof_range_is_empty(*rest);
}

static int cut(struct lof_region *region, unsigned int how,
	       struct lof_range *rest)
{
	int more;

	region->how = how;
	more = cut_holds(region, rest);
	return more < 0 || !region->kind ? more : cut_swept(region, rest);
}

LOF_PUBLIC int lof_query(const void *addr, struct lof_region *region,
			 size_t size)
{
	struct lof_region found;
	struct lof_entry entry;
	bool kept = false;
	int err, more;

	if (!size)
		return lof_return(-EINVAL);
	err = around((uintptr_t)addr, &entry, &kept);
	if (err)
		return lof_return(err);
	found = region_of(&entry);
	do
		more = cut(&found, LOF_ATTR_HOW(entry.attr), &entry.range);
	while (more > 0 && entry.range.start <= (uintptr_t)addr);
	if (more < 0)
		return lof_return(more);
	if (kept)
		found.how = LOF_BY_NATURE;
	copy_out(region, size, &found, sizeof(found));
	return 0;
}

typedef int (*visitor)(const struct lof_region *region, void *arg);

struct walking {
	visitor visit;
	void *arg;
	int result;		/* of the last visit */
};

/* Visit the regions of a run. 0; 1: the visitor ended the walk; -EBUSY. */
static int visit_run(const struct lof_entry *run, void *arg)
{
	struct lof_region region = region_of(run);
	struct lof_range rest = run->range;
	struct walking *w = arg;
	int more;

	if (!region.kind)
		return 0;
	do {
		more = cut(&region, LOF_ATTR_HOW(run->attr), &rest);
		if (more < 0)
			return more;
		w->result = w->visit(&region, w->arg);
	} while (!w->result && more);
	return w->result != 0;
}

static int walk_run(const struct lof_entry *run, void *arg)
{
	return lof_visit_settled(run, visit_run, arg);
}

static struct lof_range everything(void)
{
	return lof_range_all(lof_sys_page_size());
}

/* 0, and *result is the result of the last visit; or -EBUSY. */
static int walk(visitor visit, void *arg, int *result)
{
	struct walking w = { .visit = visit, .arg = arg };
	int ret = lof_ledger_each_run(LOF_NOTED_LOCKS, everything(), walk_run,
				      &w);

	*result = w.result;
	return ret < 0 ? ret : 0;
}

static int add_region(const struct lof_region *region, void *arg)
{
	struct lof_stats *stats = arg;

	stats->ranges++;
	if (region->kind == LOF_ONFAULT)
		stats->onfault += region->len;
	else
		stats->full += region->len;
	return 0;
}

LOF_PUBLIC int lof_walk(int (*visit)(const struct lof_region *region,
				     void *arg), void *arg)
{
	int err = lof_check_drift(), result = 0;

	if (!err)
		err = walk(visit, arg, &result);
	return err ? lof_return(err) : result;
}

static int add_held(const struct lof_entry *run, void *arg)
{
	uint64_t *bytes = arg;

	if (run->attr)
		*bytes += lof_range_len(run->range);
	return 0;
}

/* 0 or -EBUSY. */
static int count_held(uint64_t *bytes)
{
	return lof_ledger_each_run(LOF_NOTED_HOLDS, everything(), add_held,
				   bytes);
}

static int catch_up(void)
{
	int err = lof_emulate_all();

	lof_budget_scan_all();
	return err;
}

LOF_PUBLIC int lof_sync(void)
{
	int err;

	lof_mclfuture_sync();
	err = lof_option_value(LOF_CONVERT_MAX) ? lof_check_drift() : 0;
	if (!err)
		err = lof_ledger_reread(everything());
	return lof_return(err ? err : catch_up());
}

LOF_PUBLIC int lof_catch_up(void)
{
	return lof_return(catch_up());
}

LOF_PUBLIC int lof_stats(struct lof_stats *stats, size_t size)
{
	struct lof_stats now = { .converted = lof_converted() };
	struct lof_budget_totals sweeps = lof_budget_sums();
	struct lof_unemulated unfollowed;
	struct lof_costs costs;
	int err, result;

	if (!size)
		return lof_return(-EINVAL);
	err = lof_check_drift();
	if (!err)
		err = walk(add_region, &now, &result);
	if (err)
		return lof_return(err);
	lof_ledger_costs(&costs);
	now.ledger = costs.bytes;
	now.read_back = costs.read_back;
	now.drift = costs.drift;
	err = count_held(&now.holds);
	if (!err)
		err = lof_sys_memlock_limit(&now.limit);
	if (!err)
		err = lof_smaps_charge(0, &now.charged);
	if (!err)
		err = lof_emulate_count(&unfollowed);
	if (err)
		return lof_return(err);
	now.left_out = unfollowed.writable;
	now.passed_over = unfollowed.other;
	now.swept = sweeps.locked;
	now.overrun = sweeps.over;
	copy_out(stats, size, &now, sizeof(now));
	return 0;
}
