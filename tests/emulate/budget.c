/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Budgets: their locks, their limits, and the calls that end them. */
#include "config.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "support/kernel.h"

#include "support/truth.h"

#define RW	(PROT_READ | PROT_WRITE)
#define ANON	(MAP_PRIVATE | MAP_ANONYMOUS)

static struct lof_stats stats(void)
{
	struct lof_stats now;

	ck_assert_int_eq(lof_stats(&now, sizeof(now)), 0);
	return now;
}

static void budget(size_t first, size_t npages, size_t nlocked, int policy)
{
	OK(lof_lock_budget(at(first), pages(npages), pages(nlocked), policy));
}

static void touch(size_t n)
{
	*(volatile char *)at(n) = 1;
}

START_TEST(touched_pages_are_locked)
{
	touch(3);
	touch(4);
	budget(2, 10, 4, LOF_BUDGET_FIRST);
	KINDS(at(0), "...KK........");
	touch(9);
	KINDS(at(0), "...KK........");
	OK(lof_sync());
	KINDS(at(0), "...KK....K...");
	ck_assert_uint_eq(stats().swept, pages(3));
	ck_assert_uint_eq(stats().overrun, 0);
}
END_TEST

START_TEST(pages_touched_first_stay_locked)
{
	budget(0, 16, 3, LOF_BUDGET_FIRST);
	touch(8);
	OK(lof_sync());
	touch(1);
	touch(2);
	OK(lof_sync());
	KINDS(at(0), ".KK.....K.......");
	touch(12);
	touch(13);
	OK(lof_sync());
	KINDS(at(0), ".KK.....K.......");
	ck_assert_uint_eq(stats().swept, pages(3));
	ck_assert_uint_eq(stats().overrun, pages(2));
	OK(lof_sync());
	ck_assert_uint_eq(stats().overrun, pages(2));
	touch(15);
	OK(lof_sync());
	KINDS(at(0), ".KK.....K.......");
}
END_TEST

START_TEST(pages_over_the_budget_stay_unlocked)
{
	for (size_t i = 2; i < 12; i++)
		touch(i);
	budget(0, 16, 4, LOF_BUDGET_FIRST);
	KINDS(at(0), "..KKKK..........");
	ck_assert_uint_eq(stats().overrun, pages(6));
	OK(lof_sync());
	ck_assert_uint_eq(stats().overrun, pages(6));
}
END_TEST

START_TEST(locked_pages_count_against_the_budget)
{
	struct lof_region region;

	arena_lay(0, ".F.O....");
	touch(6);
	touch(7);
	budget(0, 8, 3, LOF_BUDGET_FIRST);
	KINDS(at(0), ".F.O..K.");
	OK(lof_query(at(6), &region, sizeof(region)));
	ck_assert_uint_eq(region.how, LOF_BY_SWEEP);
	ck_assert_uint_eq(region.kind, tool_is(TOOL_NO_MLOCK2) ? LOF_FULL
							      : LOF_ONFAULT);
	ck_assert_ptr_eq((void *)region.start, at(6));
	ck_assert_uint_eq(region.len, page);
}
END_TEST

/* The query shows the bounds of a budget between equal locks. */
START_TEST(query_shows_the_bounds_of_the_budget)
{
	struct lof_region region;

	arena_lay(0, "OOOO");
	touch(0);
	budget(1, 2, 2, LOF_BUDGET_FIRST);
	KINDS(at(0), "OOOO");
	OK(lof_query(at(1), &region, sizeof(region)));
	ck_assert_ptr_eq((void *)region.start, at(1));
	ck_assert_uint_eq(region.len, pages(2));
	ck_assert_uint_eq(region.how, LOF_BY_SWEEP);
	OK(lof_query(at(3), &region, sizeof(region)));
	ck_assert_ptr_eq((void *)region.start, at(3));
	ck_assert_uint_eq(region.len, page);
	ck_assert_uint_eq(region.how, tool_is(TOOL_NO_MLOCK2) ? LOF_BY_FLAG
							     : LOF_BY_KERNEL);
}
END_TEST

static void map_shared(void)
{
	ck_assert_ptr_eq(lof_mmap(at(0), pages(8), RW, MAP_SHARED |
				  MAP_ANONYMOUS | MAP_FIXED, -1, 0), at(0));
}

static void map_file(int flags)
{
	char name[] = "/tmp/budget-XXXXXX";
	int fd = mkstemp(name);

	ck_assert_int_ge(fd, 0);
	unlink(name);
	ck_assert_int_eq(ftruncate(fd, (off_t)pages(8)), 0);
	ck_assert_ptr_eq(lof_mmap(at(0), pages(8), RW, flags | MAP_FIXED, fd,
				  0), at(0));
	close(fd);
}

START_TEST(shared_and_file_memory_is_scanned)
{
	if (_i == 0)
		map_shared();
	else
		map_file(_i == 1 ? MAP_SHARED : MAP_PRIVATE);
	budget(0, 8, 2, LOF_BUDGET_FIRST);
	touch(5);
	OK(lof_sync());
	KINDS(at(0), ".....K..");
}
END_TEST

#ifndef MAP_DROPPABLE
#define MAP_DROPPABLE	0x08
#endif

/* The scan skips memory that cannot be locked, and locks the rest. */
START_TEST(droppable_memory_is_skipped)
{
	void *addr = lof_mmap(at(2), pages(2), RW, MAP_DROPPABLE |
			      MAP_ANONYMOUS | MAP_FIXED, -1, 0);

	if (addr == MAP_FAILED)
		skip("no MAP_DROPPABLE before Linux 6.11");
	touch(2);
	touch(5);
	budget(0, 8, 4, LOF_BUDGET_FIRST);
	KINDS(at(0), ".....K..");
	ck_assert_uint_eq(stats().overrun, page);
}
END_TEST

static void end_by_munlock(void)
{
	OK(lof_munlock(at(0), pages(8)));
}

static void end_by_munlock2(void)
{
	OK(lof_munlock2(at(0), pages(8), MLOCK_ONFAULT));
}

static void end_by_munlockall(void)
{
	OK(lof_munlockall());
}

static void end_by_munlockall2(void)
{
	OK(lof_munlockall2(MCL_ONFAULT));
}

static void end_by_munmap(void)
{
	OK(lof_munmap(at(0), pages(8)));
	ck_assert_ptr_eq(mmap(at(0), pages(8), RW, ANON | MAP_FIXED, -1, 0),
			 at(0));
}

static void end_by_a_new_mapping(void)
{
	ck_assert_ptr_eq(lof_mmap(at(0), pages(8), RW, ANON | MAP_FIXED, -1,
				  0), at(0));
}

static void (*const end[])(void) = {
	end_by_munlock, end_by_munlock2, end_by_munlockall, end_by_munlockall2,
	end_by_munmap, end_by_a_new_mapping,
};

START_TEST(unlock_or_unmap_ends_the_budget)
{
	budget(0, 8, 4, LOF_BUDGET_FIRST);
	touch(1);
	OK(lof_sync());
	KINDS(at(0), ".K......");
	end[_i]();
	touch(2);
	touch(3);
	OK(lof_sync());
	KINDS(at(0), "........");
	ck_assert_uint_eq(stats().swept, 0);
}
END_TEST

START_TEST(munlock_of_a_part_keeps_the_rest)
{
	budget(0, 8, 4, LOF_BUDGET_FIRST);
	OK(lof_munlock(at(2), pages(2)));
	for (size_t i = 0; i < 8; i++)
		touch(i);
	OK(lof_sync());
	KINDS(at(0), "KK..KK..");
	ck_assert_uint_eq(stats().overrun, pages(2));
}
END_TEST

START_TEST(budget_moves_with_the_memory)
{
	char *moved;

	if (!moves_several_vmas())
		skip("no moves of several VMAs before Linux 6.17");
	budget(0, 8, 4, LOF_BUDGET_FIRST);
	touch(1);
	OK(lof_sync());
	MAPPED(moved, lof_mremap(at(0), pages(8), pages(8), MREMAP_MAYMOVE |
				 MREMAP_FIXED, at(20)));
	KINDS(moved, ".K......");
	touch(25);
	OK(lof_sync());
	KINDS(moved, ".K...K..");
	ck_assert_uint_eq(stats().swept, pages(2));
}
END_TEST

START_TEST(child_of_fork_has_no_budget)
{
	int status = 1;
	pid_t pid;

	budget(0, 8, 4, LOF_BUDGET_FIRST);
	pid = fork();
	if (pid == 0) {
		touch(1);
		lof_sync();
		_exit(truth_kind_at(at(1)) != LOF_NONE);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	touch(2);
	OK(lof_sync());
	KINDS(at(0), "..K.....");
}
END_TEST

/* With LOF_FORK_RELOCK, locks under the bound are under the child's, too. */
START_TEST(child_that_locks_again_has_the_bound)
{
	int status;
	pid_t pid;

	if (tool_is(TOOL_NO_MLOCK2))
		skip("touched pages are locked in full");
	OK(lof_set(LOF_FORK, LOF_FORK_RELOCK));
	OK(lof_set(LOF_CONVERT, LOF_CONVERT_LOCKS));
	OK(lof_set(LOF_CONVERT_MAX, pages(4)));
	for (size_t i = 0; i < 8; i++)
		touch(i);
	OK(lof_mlock(at(0), pages(8)));
	OK(lof_mlock2(at(12), pages(2), MLOCK_ONFAULT));
	OK(lof_catch_up());
	KINDS(at(0), "OOOO........OO..");
	pid = fork();
	if (pid == 0) {
		OK(lof_catch_up());
		KINDS(at(0), "OOOO........OO..");
		OK(lof_mlock(at(16), pages(4)));
		touch(17);
		OK(lof_catch_up());
		ck_assert_uint_eq(truth_vmlck(), pages(6));
		_exit(0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
}
END_TEST

START_TEST(budget_refuses_bad_arguments)
{
	touch(0);
	FAILS(lof_lock_budget(at(0), 0, page, 0), EINVAL);
	FAILS(lof_lock_budget(at(0), SIZE_MAX, page, 0), EINVAL);
	FAILS(lof_lock_budget(at(0), page, 0, 0), EINVAL);
	FAILS(lof_lock_budget(at(0), page, page - 1, 0), EINVAL);
	FAILS(lof_lock_budget(at(0), page, page, 2), EINVAL);
	FAILS(lof_lock_budget(at(0), page, page, -1), EINVAL);
	arena_lay(4, "-");
	FAILS(lof_lock_budget(at(0), pages(8), page, 0), ENOMEM);
	KINDS(at(0), "....-...");
	OK(lof_sync());
	KINDS(at(0), "....-...");
}
END_TEST

START_TEST(at_most_62_budgets_are_allowed)
{
	char *addr = mmap(NULL, pages(128), RW, ANON, -1, 0);

	ck_assert_ptr_ne(addr, MAP_FAILED);
	for (size_t i = 0; i < 62; i++)
		OK(lof_lock_budget(addr + pages(2 * i), page, page,
				   LOF_BUDGET_FIRST));
	FAILS(lof_lock_budget(addr + pages(126), page, page, 0), ENOMEM);
	OK(lof_munlock(addr, page));
	OK(lof_lock_budget(addr + pages(126), page, page, 0));
	for (size_t i = 0; i < 128; i++)
		addr[pages(i)] = 1;
	OK(lof_sync());
	KINDS(addr, "..K.K.K.K");
	ck_assert_uint_eq(stats().swept, pages(62));
}
END_TEST

START_TEST(under_a_limit_of_0_a_budget_is_not_permitted)
{
	become_nobody(0);
	touch(1);
	FAILS(lof_lock_budget(at(0), pages(4), page, 0), EPERM);
	OK(lof_sync());
	KINDS(at(0), "....");
}
END_TEST

/* Each touch is a prime number of pages behind the last. */
static void touch_at_random(char *addr, size_t npages, size_t n)
{
	size_t at_page = 0;

	for (size_t i = 0; i < n; i++) {
		at_page = (at_page + 104729) % npages;
		addr[pages(at_page)] = 1;
	}
}

/* The number of VMAs in a range. */
static size_t vmas_in(const char *addr, size_t len)
{
	size_t from = (size_t)addr, start, stop;
	FILE *maps = fopen("/proc/self/maps", "r");
	char line[512];
	size_t n = 0;

	ck_assert_ptr_nonnull(maps);
	while (fgets(line, sizeof(line), maps))
		n += sscanf(line, "%zx-%zx ", &start, &stop) == 2 &&
		     start < from + len && stop > from;
	fclose(maps);
	return n;
}

#define LIMIT		((size_t)8 << 20)
#define MUCH		((size_t)1 << 30)

/* Without huge pages, so that one touch populates one page. */
static char *map_much(void)
{
	char *addr = mmap(NULL, MUCH, RW, ANON | MAP_NORESERVE, -1, 0);

	ck_assert_ptr_ne(addr, MAP_FAILED);
	madvise(addr, MUCH, MADV_NOHUGEPAGE);
	return addr;
}

START_TEST(budget_uses_the_whole_limit_and_no_more)
{
	char *addr = map_much();

	become_nobody(LIMIT);
	FAILS(lof_mlock2(addr, MUCH, MLOCK_ONFAULT), ENOMEM);
	OK(lof_lock_budget(addr, MUCH, (size_t)(_i + 1) * LIMIT,
			   LOF_BUDGET_FIRST));
	for (int i = 0; i < 4; i++) {
		touch_at_random(addr, MUCH / page, 1000u * (unsigned int)i);
		OK(lof_sync());
		ck_assert_uint_le(vmas_in(addr, MUCH), 2 * LIMIT / page + 1);
	}
	ck_assert_uint_eq(truth_vmlck(), LIMIT);
	ck_assert_uint_eq(stats().swept, LIMIT);
	ck_assert_uint_eq(stats().overrun, 3000 * page - LIMIT);
	touch_at_random(addr, MUCH / page, MUCH / page);
	OK(lof_sync());
	ck_assert_uint_eq(truth_vmlck(), LIMIT);
	ck_assert_uint_eq(stats().overrun, MUCH - LIMIT);
}
END_TEST

#define HUGE_LEN	((size_t)2 << 20)

/* Memory of one huge page, which one touch populates. */
static char *map_huge(void)
{
	char *addr = mmap(NULL, 2 * HUGE_LEN, RW, ANON, -1, 0);
	unsigned char last = 0;

	ck_assert_ptr_ne(addr, MAP_FAILED);
	addr += -(uintptr_t)addr % HUGE_LEN;
	madvise(addr, HUGE_LEN, MADV_HUGEPAGE);
	*addr = 1;
	ck_assert_int_eq(mincore(addr + HUGE_LEN - page, page, &last), 0);
	if (!(last & 1))
		skip("no transparent huge page is to be had");
	return addr;
}

START_TEST(a_huge_page_is_touched_as_a_whole)
{
	char *addr = map_huge();

	OK(lof_lock_budget(addr, HUGE_LEN, LIMIT / 8, LOF_BUDGET_FIRST));
	ck_assert_uint_eq(truth_vmlck(), LIMIT / 8);
	KINDS(addr, "KKKK");
	ck_assert_uint_eq(stats().swept, LIMIT / 8);
	ck_assert_uint_eq(stats().overrun, HUGE_LEN - LIMIT / 8);
	ck_assert_uint_eq(truth_rss((uintptr_t)addr, (uintptr_t)addr +
				    HUGE_LEN), HUGE_LEN);
}
END_TEST

/* MADV_DONTNEED frees the huge page, and the new pages are small. */
START_TEST(huge_pages_that_are_split_are_touched_one_by_one)
{
	char *addr = map_huge();

	ck_assert_int_eq(madvise(addr, HUGE_LEN, MADV_DONTNEED), 0);
	OK(lof_set(LOF_HUGE, LOF_HUGE_SPLIT));
	OK(lof_lock_budget(addr, HUGE_LEN, LIMIT / 8, LOF_BUDGET_FIRST));
	addr[pages(1)] = addr[HUGE_LEN - page] = 1;
	OK(lof_sync());
	KINDS(addr, ".K..");
	ck_assert_uint_eq(truth_vmlck(), pages(2));
	ck_assert_uint_eq(stats().swept, pages(2));
	ck_assert_uint_eq(stats().overrun, 0);
}
END_TEST

/* More isolated pages than VMAs are allowed. */
START_TEST(the_number_of_vmas_is_bounded)
{
	char *addr = map_much();
	size_t locked;

	if (tool_is_limited())
		skip("RLIMIT_MEMLOCK comes before the bound on areas");
	OK(lof_lock_budget(addr, MUCH, MUCH / 2, LOF_BUDGET_FIRST));
	for (unsigned int i = 1; i <= 4; i++) {
		touch_at_random(addr, MUCH / page, 5000 * i);
		OK(lof_sync());
		ck_assert_uint_le(vmas_in(addr, MUCH), 16385);
	}
	locked = truth_vmlck();
	ck_assert_uint_ge(locked, pages(20000));
	ck_assert_uint_le(locked, MUCH / 2);
	ck_assert_uint_eq(stats().swept, locked);
	ck_assert_uint_eq(stats().overrun, 0);
}
END_TEST

/* CPU time of a scan, in ms. */
static long scan_ms(void)
{
	clock_t before = clock();

	OK(lof_catch_up());
	return (long)((clock() - before) / (CLOCKS_PER_SEC / 1000));
}

/*
 * A scan looks for gaps to lock once, not for each page that is left over. Here
 * are none: the memory between the pages is not under the bound.
 */
START_TEST(a_scan_with_too_many_vmas_is_short)
{
	const size_t n = 20000;
	char *much;
	long few;

	if (tool_is_limited() || tool_is(TOOL_NO_MLOCK2))
		skip("few pages are locked");
	OK(lof_set(LOF_CONVERT, LOF_CONVERT_LOCKS));
	OK(lof_set(LOF_CONVERT_MAX, pages(2 * n)));
	MAPPED(much, lof_mmap(NULL, pages(n), PROT_NONE, ANON, -1, 0));
	for (size_t i = 0; i < n; i += 2)
		OK(lof_mprotect(much + pages(i), page, RW));
	OK(lof_mlockall(MCL_CURRENT | MCL_FUTURE));
	few = scan_ms();
	for (size_t i = 0; i < n; i += 2)
		much[pages(i)] = 1;
	OK(lof_catch_up());
	ck_assert_uint_gt(stats().overrun, pages(n / 20));
	ck_assert_int_lt(scan_ms(), 10 * few + 200);
}
END_TEST

START_TEST(converted_locks_share_a_budget)
{
	OK(lof_set(LOF_CONVERT, LOF_CONVERT_LOCKS));
	OK(lof_set(LOF_CONVERT_MAX, pages(3) + 1));
	touch(1);
	OK(lof_mlock(at(0), pages(8)));
	KINDS(at(0), "........");
	OK(lof_sync());
	KINDS(at(0), ".K......");
	ck_assert_ptr_eq(lof_mmap(at(10), pages(4), RW, ANON | MAP_LOCKED |
				  MAP_FIXED, -1, 0), at(10));
	touch(10);
	touch(12);
	touch(13);
	OK(lof_sync());
	KINDS(at(0), ".K........K.K.");
	ck_assert_uint_eq(stats().overrun, page);
	arena_lay(20, "-");
	FAILS(lof_mlock(at(16), pages(8)), ENOMEM);
	/* mlock2() is not converted. */
	OK(lof_mlock2(at(30), pages(4), MLOCK_ONFAULT));
	KINDS(at(30), "OOOO");
	OK(lof_munlock(at(0), pages(8)));
	OK(lof_sync());
	KINDS(at(0), "..........K.KK");
}
END_TEST

START_TEST(mlockall_current_shares_the_budget)
{
	OK(lof_set(LOF_CONVERT, LOF_CONVERT_LOCKS));
	OK(lof_set(LOF_CONVERT_MAX, pages(4)));
	OK(lof_mlockall(MCL_CURRENT));
	ck_assert_uint_eq(truth_vmlck(), 0);
	touch(1);
	OK(lof_catch_up());
	ck_assert_uint_eq(truth_vmlck(), pages(4));
	OK(lof_munlockall());
}
END_TEST

/* A scan splits the memory into VMAs. The kernel grows only one VMA. */
START_TEST(memory_under_budget_grows)
{
	char *grown;

	budget(0, 8, 6, LOF_BUDGET_FIRST);
	touch(1);
	touch(4);
	OK(lof_catch_up());
	KINDS(at(0), ".K..K...");
	OK(lof_munmap(at(8), pages(4)));
	MAPPED(grown, lof_mremap(at(0), pages(8), pages(12), 0));
	*(volatile char *)(grown + pages(10)) = 1;
	OK(lof_catch_up());
	KINDS(grown, ".K..K.....K.");
}
END_TEST

/* realloc() of libc moves memory by mremap(), which the library does not see. */
static int ask_by_stats(void)
{
	struct lof_stats now;

	return lof_stats(&now, sizeof(now));
}

static int (*const ask[])(void) = { lof_sync, ask_by_stats };

START_TEST(locks_that_move_unseen_stay_in_the_budget)
{
	char *moved;

	if (tool_is(TOOL_NO_MLOCK2))
		skip("the kernel does not tell locks on fault");
	OK(lof_set(LOF_CONVERT, LOF_CONVERT_LOCKS));
	OK(lof_set(LOF_CONVERT_MAX, pages(4)));
	touch(0);
	touch(1);
	OK(lof_mlock(at(0), pages(2)));
	OK(lof_mlock2(at(24), pages(2), MLOCK_ONFAULT));
	OK(lof_catch_up());
	KINDS(at(0), "OO......");
	MAPPED(moved, mremap(at(0), pages(2), pages(16), MREMAP_MAYMOVE |
			     MREMAP_FIXED, at(2)));
	for (size_t i = 2; i < 18; i++)
		touch(i);
	ck_assert_int_eq(truth_kind_at(at(17)), LOF_ONFAULT);
	OK(ask[_i]());
	KINDS(at(2), "OOOO............");
	KINDS(at(24), "OO..");
	ck_assert_uint_eq(stats().swept, pages(4));
}
END_TEST

static void *scan_until_stopped(void *go)
{
	while (*(_Atomic bool *)go)
		lof_catch_up();
	return NULL;
}

/* The scan may have found the touched pages before munlock(). */
START_TEST(memory_unlocked_during_a_scan_stays_unlocked)
{
	const size_t len = (size_t)8 << 20;
	char *addr = mmap(NULL, len, RW, ANON, -1, 0);
	_Atomic bool go = true;
	pthread_t thread;

	ck_assert_ptr_ne(addr, MAP_FAILED);
	ck_assert_int_eq(pthread_create(&thread, NULL, scan_until_stopped, &go),
			 0);
	for (int i = 0; i < 20; i++) {
		OK(lof_lock_budget(addr, len, len, LOF_BUDGET_FIRST));
		for (size_t at_byte = 0; at_byte < len; at_byte += pages(2))
			addr[at_byte] = 1;
		usleep(1000);
		OK(lof_munlock(addr, len));
		ck_assert_int_eq(madvise(addr, len, MADV_DONTNEED) == 0 ||
				 errno == EINVAL, 1);
	}
	go = false;
	pthread_join(thread, NULL);
	OK(lof_munlock(addr, len));
	OK(lof_sync());
	ck_assert_uint_eq(truth_vmlck(), 0);
}
END_TEST

START_TEST(mlockall_future_shares_the_budget)
{
	char *addr;

	OK(lof_set(LOF_CONVERT, LOF_CONVERT_LOCKS));
	OK(lof_set(LOF_CONVERT_MAX, pages(64)));
	OK(lof_mlockall(MCL_CURRENT | MCL_FUTURE));
	MAPPED(addr, lof_mmap(NULL, MUCH, RW, ANON | MAP_NORESERVE, -1, 0));
	touch_at_random(addr, MUCH / page, 100);
	OK(lof_sync());
	ck_assert_uint_eq(truth_vmlck(), pages(64));
	ck_assert_uint_ge(stats().overrun, pages(36));
	OK(lof_munlockall());
	OK(lof_sync());
	ck_assert_uint_eq(truth_vmlck(), 0);
}
END_TEST

/* Without mlock2 a budget locks in full: its pages are resident already. */
static void without_mlock2(void)
{
	if (tool_is(TOOL_NO_MLOCK2))
		kind_letter = 'F';
}

Suite *budget_suite(void)
{
	Suite *suite = suite_create("budget");
	TCase *tc = arena_case(suite, "budget");

	tcase_add_checked_fixture(tc, without_mlock2, NULL);
	tcase_add_test(tc, touched_pages_are_locked);
	tcase_add_test(tc, pages_touched_first_stay_locked);
	tcase_add_test(tc, pages_over_the_budget_stay_unlocked);
	tcase_add_test(tc, locked_pages_count_against_the_budget);
	tcase_add_test(tc, query_shows_the_bounds_of_the_budget);
	tcase_add_loop_test(tc, shared_and_file_memory_is_scanned, 0, 3);
	tcase_add_test(tc, droppable_memory_is_skipped);
	tcase_add_loop_test(tc, unlock_or_unmap_ends_the_budget, 0,
			    sizeof(end) / sizeof(end[0]));
	tcase_add_test(tc, munlock_of_a_part_keeps_the_rest);
	tcase_add_test(tc, budget_moves_with_the_memory);
	tcase_add_test(tc, child_of_fork_has_no_budget);
	tcase_add_test(tc, child_that_locks_again_has_the_bound);
	tcase_add_test(tc, budget_refuses_bad_arguments);
	tcase_add_test(tc, at_most_62_budgets_are_allowed);
	tcase_add_test(tc, under_a_limit_of_0_a_budget_is_not_permitted);
	tcase_add_loop_test(tc, budget_uses_the_whole_limit_and_no_more, 0, 2);
	tcase_add_test(tc, a_huge_page_is_touched_as_a_whole);
	tcase_add_test(tc, huge_pages_that_are_split_are_touched_one_by_one);
	tcase_add_test(tc, the_number_of_vmas_is_bounded);
	tcase_add_test(tc, a_scan_with_too_many_vmas_is_short);
	tcase_add_test(tc, converted_locks_share_a_budget);
	tcase_add_test(tc, mlockall_current_shares_the_budget);
	tcase_add_test(tc, memory_under_budget_grows);
	tcase_add_loop_test(tc, locks_that_move_unseen_stay_in_the_budget, 0,
			    sizeof(ask) / sizeof(ask[0]));
	tcase_add_test(tc, memory_unlocked_during_a_scan_stays_unlocked);
	tcase_add_test(tc, mlockall_future_shares_the_budget);
	return suite;
}
