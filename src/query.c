/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The calls that tell what is locked: lof_query, lof_walk, lof_stats. */
#include "config.h"

#include "lockonfault.h"

#include <string.h>

#include "api.h"
#include "ledger.h"
#include "policy.h"
#include "smaps.h"

#define ATTEMPTS 3	/* then others change the memory faster than we look */

static struct lof_region region_of(const struct lof_entry *entry)
{
	return (struct lof_region){
		.start = entry->range.start,
		.len = lof_range_len(entry->range),
		.kind = LOF_ATTR_KIND(entry->attr),
		.how = LOF_ATTR_HOW(entry->attr),
	};
}

/* Fill the caller's structure, which may be older or newer than ours. */
static void copy_out(void *to, size_t to_size, const void *from, size_t size)
{
	size_t both = size < to_size ? size : to_size;

	memcpy(to, from, both);
	memset((char *)to + both, 0, to_size - both);
}

/* A search among the areas for what is around an address. */
struct search {
	uintptr_t addr;
	struct lof_entry run;	/* the last run of areas locked alike */
	uintptr_t before;	/* end of the one before it */
};

static int search_area(const struct lof_vma *vma, void *arg)
{
	unsigned int attr = lof_ledger_attr(vma);
	struct search *search = arg;
	struct lof_entry *run = &search->run;

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

/* The range or the gap around addr by the kernel's word alone. */
static int around_by_smaps(uintptr_t addr, struct lof_entry *around)
{
	struct search search = { .addr = addr };
	struct lof_range run, gap;
	int ret;

	ret = lof_smaps_each(search_area, &search);
	if (ret < 0)
		return ret;
	run = search.run.range;
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

/*
 * What the ledger says, if the kernel agrees about the page at addr; else what
 * it says after it was corrected.
 */
static int around(uintptr_t addr, struct lof_entry *entry)
{
	size_t page = lof_sys_page_size();
	struct lof_range here = { addr & ~(page - 1), 0 };
	bool locked;

	here.end = here.start + page;
	for (int i = 0; i < ATTEMPTS; i++) {
		if (lof_ledger_around(addr, entry))
			break;
		locked = lof_sys_msync(here, MS_ASYNC | MS_INVALIDATE) ==
			 -EBUSY;
		if (locked == (entry->attr != 0))
			return 0;
		lof_ledger_read_back(entry->range);
	}
	return around_by_smaps(addr, entry);
}

LOF_PUBLIC int lof_query(const void *addr, struct lof_region *region,
			 size_t size)
{
	struct lof_region found;
	struct lof_entry entry;
	int err;

	if (!size)
		return lof_return(-EINVAL);
	err = around((uintptr_t)addr, &entry);
	if (err)
		return lof_return(err);
	found = region_of(&entry);
	copy_out(region, size, &found, sizeof(found));
	return 0;
}

typedef int (*visitor)(const struct lof_region *region, void *arg);

/* 0 and what the last visit returned, or -EBUSY. */
static int walk(visitor visit, void *arg, int *result)
{
	struct lof_range rest = lof_range_all(lof_sys_page_size());
	struct lof_region region;
	struct lof_entry entry;
	int found;

	*result = 0;
	while ((found = lof_ledger_find_in(rest, &entry)) > 0) {
		rest.start = entry.range.end;
		region = region_of(&entry);
		*result = visit(&region, arg);
		if (*result)
			return 0;
	}
	return found;
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

/*
 * libc maps and unmaps unseen, and the kernel passes over areas that it cannot
 * lock. If the charge is not the sum of what is tracked, look what is locked.
 */
static void check_drift(void)
{
	uint64_t changes = lof_ledger_changes(), charge;
	struct lof_stats sum = { .ranges = 0 };
	int result;

	/* While others lock and unlock, the two cannot be compared. */
	if (!walk(add_region, &sum, &result) && !lof_smaps_charge(0, &charge) &&
	    lof_ledger_changes() == changes &&
	    charge != sum.onfault + sum.full)
		lof_ledger_read_back(lof_range_all(lof_sys_page_size()));
}

LOF_PUBLIC int lof_walk(int (*visit)(const struct lof_region *region,
				     void *arg), void *arg)
{
	int err, result;

	check_drift();
	err = walk(visit, arg, &result);
	return err ? lof_return(err) : result;
}

LOF_PUBLIC int lof_stats(struct lof_stats *stats, size_t size)
{
	struct lof_stats now = { .converted = lof_policy_converted() };
	int err, result;

	if (!size)
		return lof_return(-EINVAL);
	check_drift();
	err = walk(add_region, &now, &result);
	if (err)
		return lof_return(err);
	lof_ledger_costs(&now.ledger, &now.read_back);
	err = lof_sys_memlock_limit(&now.limit);
	if (!err)
		err = lof_smaps_charge(0, &now.charged);
	if (err)
		return lof_return(err);
	copy_out(stats, size, &now, sizeof(now));
	return 0;
}
