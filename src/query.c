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

/* The range or the gap around addr by the kernel's word alone. */
static int around_by_smaps(uintptr_t addr, struct lof_entry *around)
{
	struct lof_entry run = { .attr = 0 };	/* of areas locked alike */
	struct lof_smaps smaps;
	struct lof_vma vma;
	uintptr_t before = 0;			/* end of the run before */
	int ret;

	ret = lof_smaps_open(&smaps, 0);
	if (ret)
		return ret;
	while ((ret = lof_smaps_next(&smaps, &vma)) > 0) {
		unsigned int attr = lof_ledger_attr(&vma);

		if (!attr)
			continue;
		if (attr == run.attr && vma.range.start == run.range.end) {
			run.range.end = vma.range.end;
			continue;
		}
		if (run.range.end > addr)
			break;
		before = run.range.end;
		run = (struct lof_entry){ vma.range, attr };
	}
	lof_smaps_close(&smaps);
	if (ret < 0)
		return ret;
	if (run.range.end <= addr)
		run = (struct lof_entry){ { run.range.end, lof_range_all(
					    lof_sys_page_size()).end }, 0 };
	else if (run.range.start > addr)
		run = (struct lof_entry){ { before, run.range.start }, 0 };
	*around = run;
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

LOF_PUBLIC int lof_walk(int (*visit)(const struct lof_region *region,
				     void *arg), void *arg)
{
	struct lof_range rest = lof_range_all(lof_sys_page_size());
	struct lof_region region;
	struct lof_entry entry;
	int ret;

	while ((ret = lof_ledger_find_in(rest, &entry)) > 0) {
		rest.start = entry.range.end;
		region = region_of(&entry);
		ret = visit(&region, arg);
		if (ret)
			return ret;
	}
	return lof_return(ret);
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

LOF_PUBLIC int lof_stats(struct lof_stats *stats, size_t size)
{
	struct lof_stats now = { .converted = lof_policy_converted() };
	int err;

	if (!size)
		return lof_return(-EINVAL);
	if (lof_walk(add_region, &now))
		return -1;
	lof_ledger_costs(&now.ledger, &now.read_back);
	err = lof_sys_memlock_limit(&now.limit);
	if (!err)
		err = lof_smaps_charge(0, &now.charged);
	if (err)
		return lof_return(err);
	copy_out(stats, size, &now, sizeof(now));
	return 0;
}
