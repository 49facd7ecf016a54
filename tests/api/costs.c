/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The cost of a call does not grow with the process: beside many locked ranges
 * it reads no file. And an idle process under a bound stays idle.
 */
#include "config.h"

#include "support/kernel.h"
#include "support/truth.h"

#include <sys/resource.h>
#include <unistd.h>

#define RW	(PROT_READ | PROT_WRITE)
#define ANON	(MAP_PRIVATE | MAP_ANONYMOUS)
#define NRANGES	2000

/* Lock every second page of much memory. */
static void lock_many(void)
{
	char *much;

	MAPPED(much, lof_mmap(NULL, pages(2 * NRANGES), RW, ANON, -1, 0));
	for (size_t i = 0; i < 2 * NRANGES; i += 2)
		OK(lof_mlock2(much + pages(i), page, MLOCK_ONFAULT));
	count_reads();
}

/* The reads since `before`, without those of count_reads(). */
static unsigned long reads_since(unsigned long before)
{
	unsigned long now = count_reads();

	return now - before - (count_reads() - now);
}

START_TEST(holds_beside_many_ranges_read_no_file)
{
	unsigned long before;

	if (tool_is_limited())
		skip("the ranges do not fit a limit");
	lock_many();
	OK(lof_hold(at(0), page, MLOCK_ONFAULT));
	before = count_reads();
	OK(lof_hold(at(0), page, MLOCK_ONFAULT));
	OK(lof_drop(at(0), page));
	OK(lof_drop(at(0), page));
	ck_assert_uint_eq(reads_since(before), 0);
	KINDS(at(0), "........");
}
END_TEST

START_TEST(calls_beside_many_ranges_read_no_file)
{
	unsigned long before;
	void *addr;

	if (tool_is_limited())
		skip("the ranges do not fit a limit");
	if (tool_is(TOOL_NO_MLOCK2))
		skip("without mlock2 a hole is looked for");
	OK(lof_set(LOF_CONVERT, LOF_CONVERT_LOCKS));
	lock_many();
	OK(lof_mlock(at(0), pages(4)));
	OK(lof_munmap(at(8), page));
	/* The first call looks for features of the kernel. */
	FAILS(lof_mlock(at(6), pages(4)), ENOMEM);
	before = count_reads();
	MAPPED(addr, lof_mmap(at(1), pages(2), RW, ANON | MAP_FIXED |
			      MAP_LOCKED, -1, 0));
	FAILS(lof_mlock(at(6), pages(4)), ENOMEM);
	FAILS(lof_munmap(at(1) + 1, page), EINVAL);
	OK(lof_munlock(at(2), page));
	ck_assert_uint_eq(reads_since(before), 0);
}
END_TEST

static long cpu_us(void)
{
	struct rusage used;

	getrusage(RUSAGE_SELF, &used);
	return (used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1000000 +
	       used.ru_utime.tv_usec + used.ru_stime.tv_usec;
}

/* Many VMAs under a bound of npages, and the thread that scans every ms. */
static void bound_many_vmas(size_t npages, unsigned long ms)
{
	char *much;

	MAPPED(much, lof_mmap(NULL, pages(2 * NRANGES), PROT_NONE, ANON, -1,
			      0));
	for (size_t i = 0; i < 2 * NRANGES; i += 2)
		OK(lof_mprotect(much + pages(i), page, RW));
	OK(lof_set(LOF_CONVERT, LOF_CONVERT_LOCKS));
	OK(lof_set(LOF_CONVERT_MAX, npages * page));
	OK(lof_set(LOF_SYNC_MS, ms));
	OK(lof_mlockall(MCL_CURRENT | MCL_FUTURE));
}

/* At first the thread scans often. */
START_TEST(idle_process_under_a_bound_stays_idle)
{
	long before;

	bound_many_vmas(64, 100);
	sleep(2);
	before = cpu_us();
	sleep(2);
	ck_assert_int_lt(cpu_us() - before, 100000);
	OK(lof_set(LOF_SYNC_MS, 0));
}
END_TEST

/* Map a page without the library, and touch it. */
static char *map_unseen(void)
{
	char *addr = mmap(NULL, page, RW, ANON, -1, 0);

	ck_assert_ptr_ne(addr, MAP_FAILED);
	*(volatile char *)addr = 1;
	return addr;
}

/* The kernel's answer, without a file. */
static bool is_locked_soon(void *addr)
{
	for (int i = 0; i < 1000; i++) {
		if (msync(addr, page, MS_ASYNC | MS_INVALIDATE) &&
		    errno == EBUSY)
			return true;
		usleep(10000);
	}
	return false;
}

/*
 * The thread finds new memory, and memory that has gone, by maps: while smaps is
 * read, a thread of the program that maps memory waits. smaps takes a read for
 * each VMA at least, maps a fifteenth of that.
 */
enum { UNDER_A_BOUND, BY_FOLLOWING, NSCANS };

START_TEST(scan_beside_many_vmas_reads_no_smaps)
{
	unsigned long before;
	char *much, *addr[4];

	if (tool_is(TOOL_NO_MLOCK2))
		skip("the memory that is locked in full is read from smaps");
	MAPPED(much, lof_mmap(NULL, pages(2 * NRANGES), PROT_NONE, ANON, -1,
			      0));
	for (size_t i = 0; i < 2 * NRANGES; i += 2)
		OK(lof_mprotect(much + pages(i), page, RW));
	if (_i == BY_FOLLOWING) {
		if (tool_is_limited())
			skip("under RLIMIT_MEMLOCK smaps is read");
		OK(lof_set(LOF_FUTURE, LOF_FUTURE_EMULATE));
	} else {
		OK(lof_set(LOF_CONVERT_MAX, 1024 * page));
	}
	OK(lof_set(LOF_CONVERT, LOF_CONVERT_LOCKS));
	OK(lof_set(LOF_SYNC_MS, 20));
	OK(lof_mlockall(MCL_CURRENT | MCL_FUTURE));
	ck_assert(is_locked_soon(map_unseen()));
	usleep(100000);
	before = count_reads();
	for (int i = 0; i < 4; i++) {
		addr[i] = map_unseen();
		ck_assert(is_locked_soon(addr[i]));
		/* The scan goes on after the lock. */
		usleep(50000);
	}
	ck_assert_int_eq(munmap(addr[1], page), 0);
	ck_assert_int_eq(munmap(addr[2], page), 0);
	addr[1] = map_unseen();
	ck_assert(is_locked_soon(addr[1]));
	ck_assert_uint_lt(reads_since(before), 5ul * NRANGES);
	ck_assert_int_eq(truth_kind_at(addr[3]), LOF_ONFAULT);
	OK(lof_set(LOF_SYNC_MS, 0));
}
END_TEST

/* Only smaps tells how memory is locked that libc moved with its lock. */
START_TEST(scan_of_moved_memory_reads_smaps_once)
{
	unsigned long before;
	char *addr;

	if (tool_is(TOOL_NO_MLOCK2) || tool_is_limited())
		skip("the memory is not locked on fault");
	bound_many_vmas(1024, 20);
	addr = map_unseen();
	ck_assert(is_locked_soon(addr));
	usleep(100000);
	before = count_reads();
	for (int i = 0; i < 2; i++) {
		addr = mremap(addr, page, page, MREMAP_MAYMOVE | MREMAP_FIXED,
			      at(2 * (size_t)i));
		ck_assert_ptr_eq(addr, at(2 * (size_t)i));
		map_unseen();
		usleep(150000);
		ck_assert(is_locked_soon(addr));
	}
	ck_assert_uint_lt(reads_since(before), 6ul * NRANGES);
	OK(lof_set(LOF_SYNC_MS, 0));
}
END_TEST

Suite *costs_suite(void)
{
	Suite *suite = suite_create("costs");
	TCase *tcase = arena_case(suite, "costs");

	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, holds_beside_many_ranges_read_no_file);
	tcase_add_test(tcase, calls_beside_many_ranges_read_no_file);
	tcase_add_test(tcase, idle_process_under_a_bound_stays_idle);
	tcase_add_loop_test(tcase, scan_beside_many_vmas_reads_no_smaps, 0,
			    NSCANS);
	tcase_add_test(tcase, scan_of_moved_memory_reads_smaps_once);
	return suite;
}
