/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The touched pages of a range, by the best call that the kernel has: the ioctl
 * PAGEMAP_SCAN, else /proc/self/pagemap, else mincore. mincore is used for
 * private anonymous memory only: for a file it reports pages that any process
 * has in the page cache. /proc/self/pagemap is opened each time, since in a
 * child of fork an old descriptor would report the parent's pages.
 */
#include "config.h"

#include "kernel/touched.h"

#include <errno.h>

#include "kernel/caps.h"
#include "kernel/probe.h"
#include "kernel/smaps.h"
#include "kernel/sys.h"

#define NREGIONS	128
#define NPAGES		512
#define NENTRIES	512

/*
 * The kernel holds the lock of the memory while it looks at so much: about half
 * a millisecond, if all is resident in small pages.
 */
#define IOCTL_BYTES	((size_t)128 << 20)
#define PAGEMAP_BYTES	((size_t)32 << 20)

#define ENTRY_PRESENT	((uint64_t)1 << 63)
#define ENTRY_SWAPPED	((uint64_t)1 << 62)

static int open_pagemap(void)
{
	return lof_sys_open("/proc/self/pagemap");
}

/* A run of touched pages that may go on where the next one begins. */
struct growing {
	struct lof_range run;
	int (*visit)(struct lof_range run, void *arg);
	void *arg;
};

static int end_run(struct growing *growing)
{
	struct lof_range run = growing->run;

	growing->run = (struct lof_range){ 0, 0 };
	return lof_range_is_empty(run) ? 0 : growing->visit(run, growing->arg);
}

static int grow(struct growing *growing, struct lof_range touched)
{
	int ret;

	if (lof_range_is_empty(touched))
		return 0;
	if (touched.start == growing->run.end) {
		growing->run.end = touched.end;
		return 0;
	}
	ret = end_run(growing);
	growing->run = touched;
	return ret;
}

/* Add the kernel's answer for a range. *len: the bytes that it reported. */
static int take_told(struct growing *growing, struct lof_range range,
		     bool untouched, const struct lof_pm_region *region,
		     size_t n, size_t *len)
{
	struct lof_range told;
	int ret = 0;

	*len = 0;
	for (size_t i = 0; !ret && i < n; i++) {
		told.start = (uintptr_t)region[i].start;
		told.end = (uintptr_t)region[i].end;
		/* The kernel reports some pages twice (seen on 6.18). */
		told = lof_range_both(told, range);
		if (lof_range_is_empty(told))
			continue;
		*len += lof_range_len(told);
		ret = grow(growing, untouched ? (struct lof_range){
				   range.start, told.start } : told);
		range.start = told.end;
	}
	return untouched && !ret ? grow(growing, range) : ret;
}

/* Bytes between two pauses, bytes of the next question, and bytes seen. */
struct pace {
	size_t most, next, seen;
};

/*
 * A thread that waits for the lock, to map memory, needs some time to wake up.
 * Without a pause the next question takes the lock before it, until the kernel
 * hands the lock over, after 4 ms and more. Where no page is touched, there is
 * nothing to look at: ask for more each time.
 */
static void keep_pace(struct pace *pace, size_t len, bool is_empty)
{
	if (is_empty) {
		pace->next += pace->next < SIZE_MAX / 2 ? pace->next : 0;
		return;
	}
	pace->next = pace->most;
	pace->seen += len;
	if (pace->seen < pace->most)
		return;
	pace->seen = 0;
	lof_sys_sleep(100);
}

/*
 * A page that the kernel reports takes four times as long as another page. So
 * ask for the touched pages or for the untouched pages, whichever were fewer
 * the last time. A hole is reported neither as touched nor as untouched: if the
 * range has holes, ask for the touched pages only.
 */
static int scan_by_ioctl(struct lof_range range,
			 int (*visit)(struct lof_range run, void *arg),
			 void *arg)
{
	struct growing growing = { .visit = visit, .arg = arg };
	struct lof_pm_question question = { .max_pages = NPAGES };
	/* valgrind does not know that the kernel writes this array. */
	struct lof_pm_region region[NREGIONS] = { { .start = 0 } };
	int fd = open_pagemap(), ret = 0;
	struct pace pace = { .most = IOCTL_BYTES, .next = IOCTL_BYTES };
	bool has_holes = false;

	if (fd < 0)
		return fd;
	while (!ret && !lof_range_is_empty(range)) {
		struct lof_range walked = range;
		uint64_t end;
		size_t len;
		long n;

		if (lof_range_len(walked) > pace.next)
			walked.end = walked.start + pace.next;
		question.range = walked;
		n = lof_sys_pagemap_scan(fd, &question, region, NREGIONS, &end);
		if (n < 0) {
			ret = (int)n;
			break;
		}
		if (n > 0 && end < region[n - 1].end)
			end = region[n - 1].end;
		if (end < walked.end)
			walked.end = (uintptr_t)end;
		if (lof_range_is_empty(walked))
			break;
		if (question.untouched &&
		    lof_first_hole(walked) != walked.end) {
			has_holes = true;
			question.untouched = false;
			continue;
		}
		ret = take_told(&growing, walked, question.untouched, region,
				(size_t)n, &len);
		range.start = walked.end;
		keep_pace(&pace, lof_range_len(walked), question.untouched ?
			  len == lof_range_len(walked) : !len);
		if (len > lof_range_len(walked) / 2)
			question.untouched = !question.untouched && !has_holes;
	}
	lof_sys_close(fd);
	return ret ? ret : end_run(&growing);
}

static int take_page(struct growing *growing, uintptr_t page, bool touched)
{
	return touched ? grow(growing, (struct lof_range){
			      page, page + lof_sys_page_size() }) : 0;
}

static int scan_by_pagemap(struct lof_range range,
			   int (*visit)(struct lof_range run, void *arg),
			   void *arg)
{
	struct growing growing = { .visit = visit, .arg = arg };
	size_t page = lof_sys_page_size(), n;
	struct pace pace = { .most = PAGEMAP_BYTES };
	int fd = open_pagemap(), ret = 0;
	uint64_t entry[NENTRIES];
	long got;

	if (fd < 0)
		return fd;
	while (!ret && !lof_range_is_empty(range)) {
		uint64_t any = 0;

		n = lof_range_len(range) / page;
		if (n > NENTRIES)
			n = NENTRIES;
		got = lof_sys_seek_read(fd, entry, n * sizeof(entry[0]),
				    range.start / page * sizeof(entry[0]));
		if (got < (long)sizeof(entry[0])) {
			ret = got < 0 ? (int)got : -EIO;
			break;
		}
		n = (size_t)got / sizeof(entry[0]);
		for (size_t i = 0; !ret && i < n; i++) {
			any |= entry[i] & (ENTRY_PRESENT | ENTRY_SWAPPED);
			ret = take_page(&growing, range.start + i * page,
					entry[i] & (ENTRY_PRESENT |
						    ENTRY_SWAPPED));
		}
		range.start += n * page;
		keep_pace(&pace, n * page, !any);
	}
	lof_sys_close(fd);
	return ret ? ret : end_run(&growing);
}

struct by_mincore {
	struct lof_range range;
	struct growing growing;
	int ret;
};

static int scan_area(const struct lof_vma *vma, void *arg)
{
	struct by_mincore *scan = arg;
	struct lof_range rest = lof_range_both(vma->range, scan->range), part;
	size_t page = lof_sys_page_size();
	unsigned char present[NENTRIES];
	int ret = 0;

	if (lof_range_is_empty(rest))
		return vma->range.start >= scan->range.end;
	/* mincore tells nothing of a file: pass over this VMA. */
	if (!vma->anonymous)
		return 0;
	while (!ret && !lof_range_is_empty(rest)) {
		part = rest;
		if (lof_range_len(part) > NENTRIES * page)
			part.end = part.start + NENTRIES * page;
		ret = lof_sys_mincore(part, present);
		for (size_t i = 0; !ret && part.start + i * page < part.end;
		     i++)
			ret = take_page(&scan->growing, part.start + i * page,
					present[i] & 1);
		rest.start = part.end;
	}
	scan->ret = ret ? ret : end_run(&scan->growing);
	return scan->ret != 0;
}

static int scan_by_mincore(struct lof_range range,
			   int (*visit)(struct lof_range run, void *arg),
			   void *arg)
{
	struct by_mincore scan = {
		.range = range, .growing = { .visit = visit, .arg = arg },
	};
	int err = lof_maps_each(scan_area, &scan);

	return err < 0 ? err : scan.ret;
}

int lof_touched_each(struct lof_range range,
	     int (*visit)(struct lof_range run, void *arg), void *arg)
{
	int ret = -EACCES;

	if (lof_cap_is_there(LOF_CAP_PAGEMAP_SCAN))
		ret = scan_by_ioctl(range, visit, arg);
	else if (lof_cap_is_there(LOF_CAP_PAGEMAP))
		ret = scan_by_pagemap(range, visit, arg);
	/* After setuid() pagemap belongs to root. */
	return ret == -EACCES || ret == -EPERM ?
	       scan_by_mincore(range, visit, arg) : ret;
}

/* With mincore no: the memory between may be a file's. */
bool lof_touched_joins(void)
{
	return lof_cap_is_there(LOF_CAP_PAGEMAP_SCAN) ||
	       lof_cap_is_there(LOF_CAP_PAGEMAP);
}

static int refuse_area(const struct lof_vma *vma, void *arg)
{
	const struct lof_range *range = arg;

	return lof_range_overlaps(vma->range, *range) && !vma->anonymous ?
	       -ENOSYS : 0;
}

int lof_touched_tells(struct lof_range range)
{
	int fd;

	if (!lof_touched_joins())
		return lof_maps_each(refuse_area, &range);
	fd = open_pagemap();
	if (fd < 0)
		return fd;
	lof_sys_close(fd);
	return 0;
}
