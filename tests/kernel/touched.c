/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The three ways to find touched pages. */
#include "config.h"

#include "support/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kernel/caps.h"
#include "kernel/sys.h"
#include "kernel/touched.h"
#include "lockonfault.h"
#include "kernel/wrapped_sys.h"

#define NPAGES	2000

enum { BY_IOCTL, BY_PAGEMAP, BY_MINCORE, NWAYS };

static char *memory;
static size_t page;

static void use_way(int way)
{
	if (way != BY_IOCTL)
		lof_cap_override(LOF_CAP_PAGEMAP_SCAN, 0);
	else if (!lof_cap_is_there(LOF_CAP_PAGEMAP_SCAN))
		skip("no PAGEMAP_SCAN before Linux 6.7");
	if (way == BY_MINCORE)
		lof_cap_override(LOF_CAP_PAGEMAP, 0);
}

static void begin(void)
{
	unit_sys = (struct unit_sys){ .no_memory = false };
	page = lof_sys_page_size();
	memory = mmap(NULL, NPAGES * page, PROT_READ | PROT_WRITE, UNIT_MAP, -1,
		      0);
	ck_assert_ptr_ne(memory, MAP_FAILED);
	madvise(memory, NPAGES * page, MADV_NOHUGEPAGE);
}

static void end(void)
{
	lof_cap_override(LOF_CAP_PAGEMAP_SCAN, -1);
	lof_cap_override(LOF_CAP_PAGEMAP, -1);
	munmap(memory, NPAGES * page);
}

struct seen {
	bool touched[NPAGES];
	uintptr_t last;
	size_t runs;
};

/* The runs come in order, and no two runs touch. */
static int see(struct lof_range run, void *arg)
{
	struct seen *seen = arg;

	ck_assert_uint_lt(run.start, run.end);
	ck_assert(!seen->runs || run.start > seen->last);
	seen->last = run.end;
	seen->runs++;
	for (; run.start < run.end; run.start += page)
		seen->touched[(run.start - (uintptr_t)memory) / page] = true;
	return 0;
}

static struct lof_range part(size_t start, size_t after)
{
	return (struct lof_range){ (uintptr_t)memory + start * page,
				   (uintptr_t)memory + after * page };
}

/* The share of touched pages, in eighths. The scan adapts to the last share. */
static const unsigned int dense[] = { 0, 1, 3, 4, 6, 7, 8 };

#define NDENSE	(sizeof(dense) / sizeof(dense[0]))

/* Touch a random share of the pages. */
static void touch_some(size_t start, size_t after, unsigned int eighths,
		       bool *touched, uint64_t *state)
{
	for (size_t i = start; i < after; i++)
		if (unit_below(state, 8) < eighths) {
			memory[i * page] = 1;
			touched[i] = true;
		}
}

START_TEST(touched_pages_are_reported)
{
	static struct seen seen;
	uint64_t state = unit_seed;
	bool touched[NPAGES] = { false };
	unsigned int eighths = dense[_i / NWAYS];

	use_way(_i % NWAYS);
	touch_some(0, NPAGES / 2, eighths, touched, &state);
	touch_some(NPAGES / 2, NPAGES, 8 - eighths, touched, &state);
	ck_assert_int_eq(lof_touched_each(part(3, NPAGES - 5), see, &seen), 0);
	for (size_t i = 0; i < NPAGES; i++)
		ck_assert_int_eq(seen.touched[i], touched[i] && i >= 3 &&
				 i < NPAGES - 5);
}
END_TEST

START_TEST(unmapped_pages_are_not_reported)
{
	static struct seen seen;
	const size_t hole = 1500;

	use_way(_i);
	for (size_t i = 0; i < NPAGES; i++)
		memory[i * page] = 1;
	ck_assert_int_eq(munmap(memory + hole * page, 100 * page), 0);
	ck_assert_int_eq(lof_touched_each(part(0, NPAGES), see, &seen), 0);
	for (size_t i = 0; i < NPAGES; i++)
		ck_assert_int_eq(seen.touched[i],
				 i < hole || i >= hole + 100);
	ck_assert_uint_eq(seen.runs, 2);
}
END_TEST

START_TEST(no_pages_and_all_pages_are_reported)
{
	static struct seen none, all;

	use_way(_i);
	ck_assert_int_eq(lof_touched_each(part(0, NPAGES), see, &none), 0);
	ck_assert_uint_eq(none.runs, 0);
	ck_assert_int_eq(unit_sys.scan_untouched, 0);
	for (size_t i = 0; i < NPAGES; i++)
		memory[i * page] = 1;
	ck_assert_int_eq(lof_touched_each(part(0, NPAGES), see, &all), 0);
	ck_assert_uint_eq(all.last, part(0, NPAGES).end);
	ck_assert_uint_eq(all.runs, 1);
	/* The scan asks for touched pages first, then for untouched pages. */
	ck_assert_int_eq(unit_sys.scan_untouched,
			 lof_cap_is_there(LOF_CAP_PAGEMAP_SCAN));
	for (size_t i = 0; i < NPAGES; i++)
		ck_assert(all.touched[i]);
}
END_TEST

static int refuse(struct lof_range run, void *arg)
{
	(void)run;
	++*(int *)arg;
	return 7;
}

START_TEST(visitor_ends_the_scan)
{
	int n = 0;

	use_way(_i);
	memory[page] = memory[5 * page] = 1;
	ck_assert_int_eq(lof_touched_each(part(0, NPAGES), refuse, &n), 7);
	ck_assert_int_eq(n, 1);
}
END_TEST

/* For a file, mincore() reports the pages of the page cache. */
START_TEST(mincore_is_not_used_for_files)
{
	char name[] = "/tmp/unit-scan-XXXXXX";
	int fd = mkstemp(name);
	struct seen seen = { .runs = 0 };

	ck_assert_int_ge(fd, 0);
	unlink(name);
	ck_assert_int_eq(ftruncate(fd, (off_t)(8 * page)), 0);
	ck_assert_int_eq(pwrite(fd, "x", 1, (off_t)(2 * page)), 1);
	ck_assert_ptr_eq(mmap(memory, 8 * page, PROT_READ | PROT_WRITE,
			      (_i / NWAYS ? MAP_SHARED : MAP_PRIVATE) |
			      MAP_FIXED, fd, 0), memory);
	close(fd);
	use_way(_i % NWAYS);
	memory[4 * page] = 1;
	if (_i % NWAYS == BY_MINCORE) {
		ck_assert_int_eq(lof_touched_each(part(0, 8), see, &seen), 0);
		ck_assert_uint_eq(seen.runs, 0);
		ck_assert_int_eq(lof_touched_tells(part(0, 8)), -ENOSYS);
		errno = 0;
		ck_assert_int_eq(lof_lock_budget(memory, 8 * page, page, 0),
				 -1);
		ck_assert_int_eq(errno, ENOSYS);
		return;
	}
	ck_assert_int_eq(lof_touched_each(part(0, 8), see, &seen), 0);
	ck_assert(seen.touched[4] && !seen.touched[2]);
}
END_TEST

START_TEST(failed_open_is_reported)
{
	int n = 0;

	use_way(_i);
	memory[0] = 1;
	unit_sys.open_err = -EMFILE;
	ck_assert_int_eq(lof_touched_each(part(0, NPAGES), refuse, &n), -EMFILE);
	unit_sys.open_err = 0;
	ck_assert_int_eq(n, 0);
}
END_TEST

/* A failed open() says nothing about the capabilities of the kernel. */
START_TEST(failed_open_does_not_decide_a_capability)
{
	static const int err[] = { -EMFILE, -ENFILE, -ENOMEM };
	bool scans = lof_cap_is_there(LOF_CAP_PAGEMAP_SCAN);
	bool tells = lof_cap_is_there(LOF_CAP_PAGEMAP);

	lof_cap_override(LOF_CAP_PAGEMAP_SCAN, -1);
	lof_cap_override(LOF_CAP_PAGEMAP, -1);
	unit_sys.open_err = err[_i];
	ck_assert(!lof_cap_is_there(LOF_CAP_PAGEMAP_SCAN));
	ck_assert(!lof_cap_is_there(LOF_CAP_PAGEMAP));
	unit_sys.open_err = 0;
	ck_assert_int_eq(lof_cap_is_there(LOF_CAP_PAGEMAP_SCAN), scans);
	ck_assert_int_eq(lof_cap_is_there(LOF_CAP_PAGEMAP), tells);
}
END_TEST

START_TEST(budgets_work_by_each_way)
{
	struct lof_stats stats;

	use_way(_i);
	memory[3 * page] = memory[900 * page] = 1;
	ck_assert_int_eq(lof_lock_budget(memory, NPAGES * page, page,
					 LOF_BUDGET_FIRST), 0);
	ck_assert_int_eq(lof_stats(&stats, sizeof(stats)), 0);
	ck_assert_uint_eq(stats.swept, page);
	ck_assert_uint_eq(stats.overrun, page);
	ck_assert_int_eq(lof_munlock(memory, NPAGES * page), 0);
	ck_assert_int_eq(lof_sync(), 0);
}
END_TEST

Suite *suite_scan(void)
{
	Suite *suite = suite_create("scan");
	TCase *tc = tcase_create("each way");

	tcase_add_checked_fixture(tc, begin, end);
	tcase_add_loop_test(tc, touched_pages_are_reported, 0, NDENSE * NWAYS);
	tcase_add_loop_test(tc, unmapped_pages_are_not_reported, 0, NWAYS);
	tcase_add_loop_test(tc, no_pages_and_all_pages_are_reported, 0, NWAYS);
	tcase_add_loop_test(tc, visitor_ends_the_scan, 0, NWAYS);
	tcase_add_loop_test(tc, mincore_is_not_used_for_files, 0, 2 * NWAYS);
	tcase_add_loop_test(tc, failed_open_is_reported, 0, NWAYS);
	tcase_add_loop_test(tc, failed_open_does_not_decide_a_capability, 0, 3);
	tcase_add_loop_test(tc, budgets_work_by_each_way, 0, NWAYS);
	suite_add_tcase(suite, tc);
	return suite;
}
