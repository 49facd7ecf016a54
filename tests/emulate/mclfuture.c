/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * MCL_FUTURE emulated by the library: the memory that is locked, and the memory
 * that is left out. No later call of the program fails because of the limit.
 */
#include "config.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/kernel.h"

#include "support/truth.h"

#define RW	(PROT_READ | PROT_WRITE)
#define ANON	(MAP_PRIVATE | MAP_ANONYMOUS)
#define LIMIT	((size_t)2 << 20)

static void emulate(int flags)
{
	OK(lof_set(LOF_FUTURE, LOF_FUTURE_EMULATE));
	OK(lof_mlockall(flags | MCL_ONFAULT));
}

/* Other tests cover the limit. */
static void need_no_limit(void)
{
	if (tool_is_limited())
		skip("under RLIMIT_MEMLOCK not all is followed");
}

/* Become a user under LIMIT. The library locks within this limit. */
static void emulate_under_a_limit(int flags)
{
	become_nobody(LIMIT);
	OK(lof_set(LOF_CONVERT, LOF_CONVERT_LOCKS));
	OK(lof_mlockall(flags));
}

static char *map(size_t len, int prot)
{
	char *addr;

	MAPPED(addr, lof_mmap(NULL, len, prot, ANON, -1, 0));
	return addr;
}

START_TEST(new_mappings_are_locked_on_fault)
{
	char *seen, *unseen;

	need_no_limit();
	emulate(MCL_FUTURE);
	seen = map(pages(4), RW);
	unseen = mmap(NULL, pages(4), RW, ANON, -1, 0);
	KINDS(seen, "OOOO");
	KINDS(unseen, "....");
	ck_assert_uint_eq(truth_rss((uintptr_t)seen, (uintptr_t)seen +
				    pages(4)), 0);
	KINDS(at(0), "....");
	MAPPED(seen, lof_mmap(at(2), pages(2), PROT_READ, ANON | MAP_FIXED, -1,
			      0));
	KINDS(at(0), "..OO..");
}
END_TEST

START_TEST(current_mappings_are_locked_on_fault)
{
	arena_lay(0, "F.O-");
	emulate(MCL_CURRENT | MCL_FUTURE);
	KINDS(at(0), "OOO-O");
	ck_assert(truth_kind_at(&arena) == LOF_ONFAULT);
	KINDS(map(pages(1), RW), "O");
}
END_TEST

/* Unlike the kernel, the emulation does not lock PROT_NONE memory. */
START_TEST(mprotect_locks_prot_none_memory)
{
	char *addr;

	need_no_limit();
	emulate(MCL_FUTURE);
	addr = map(pages(4), PROT_NONE);
	KINDS(addr, "....");
	OK(lof_mprotect(addr + page, pages(2), RW));
	KINDS(addr, ".OO.");
	OK(lof_mprotect(addr, page, PROT_READ));
	KINDS(addr, "OOO.");
}
END_TEST

static void end_by_munlockall(void)
{
	OK(lof_munlockall());
}

static void end_by_future(void)
{
	OK(lof_munlockall2(MCL_FUTURE));
}

static void end_by_onfault(void)
{
	OK(lof_munlockall2(MCL_ONFAULT));
}

static void end_by_current(void)
{
	OK(lof_mlockall(MCL_CURRENT | MCL_ONFAULT));
}

static const struct {
	void (*call)(void);
	const char *left;
} end[] = {
	{ end_by_munlockall, ".." },
	{ end_by_future, "OO" },
	{ end_by_onfault, ".." },
	{ end_by_current, "OO" },
};

START_TEST(calls_that_clear_future_end_the_emulation)
{
	struct lof_stats stats;
	char *addr;

	emulate(MCL_FUTURE);
	addr = map(pages(2), RW);
	KINDS(addr, "OO");
	end[_i].call();
	ck_assert_str_eq(kinds_at(addr, 2), end[_i].left);
	KINDS(map(pages(1), RW), ".");
	MAPPED(addr, mmap(NULL, page, RW, ANON, -1, 0));
	OK(lof_sync());
	KINDS(addr, ".");
	OK(lof_stats(&stats, sizeof(stats)));
	ck_assert_uint_eq(stats.left_out + stats.passed_over, 0);
}
END_TEST

START_TEST(other_calls_keep_the_emulation)
{
	emulate(MCL_FUTURE);
	OK(lof_munlockall2(MCL_CURRENT));
	KINDS(map(pages(1), RW), "O");
	errno = UNTOUCHED;
	ck_assert_int_eq(lof_mlockall(MCL_ONFAULT), -1);
	ck_assert_int_eq(errno, EINVAL);
	ck_assert_int_eq(lof_mlockall(MCL_FUTURE | MCL_ONFAULT | 64), -1);
	ck_assert_int_eq(errno, EINVAL);
	KINDS(map(pages(1), RW), "O");
}
END_TEST

START_TEST(catch_up_locks_the_mappings_of_libc)
{
	char *addr;

	emulate(MCL_FUTURE);
	MAPPED(addr, mmap(NULL, pages(2), RW, ANON, -1, 0));
	if (_i)
		OK(lof_sync());
	else
		OK(lof_catch_up());
	KINDS(addr, "OO");
	/* Memory that was mapped before mlockall() stays unlocked. */
	ck_assert(truth_kind_at(&end) == LOF_NONE);
}
END_TEST

START_TEST(explicitly_unlocked_memory_stays_unlocked)
{
	char *addr, *moved;

	if (!moves_several_vmas())
		skip("no moves of several VMAs before Linux 6.17");
	emulate(MCL_CURRENT | MCL_FUTURE);
	addr = map(pages(4), RW);
	OK(lof_munlock(addr + page, pages(2)));
	OK(lof_munlock(at(2), pages(2)));
	OK(lof_catch_up());
	OK(lof_mprotect(addr, pages(4), PROT_READ));
	OK(lof_mprotect(addr, pages(4), RW));
	KINDS(addr, "O..O");
	KINDS(at(0), "OO..OO");
	MAPPED(moved, lof_mremap(addr, pages(4), pages(4), MREMAP_MAYMOVE |
				 MREMAP_FIXED, at(10)));
	OK(lof_catch_up());
	KINDS(at(9), "OO..OO");
	/* A new mapping there is locked. A new mlockall() locks all. */
	MAPPED(addr, lof_mmap(at(2), page, RW, ANON | MAP_FIXED, -1, 0));
	KINDS(at(0), "OOO.OO");
	emulate(MCL_CURRENT | MCL_FUTURE);
	OK(lof_catch_up());
	KINDS(at(0), "OOOOOO");
	KINDS(at(9), "OOOOOO");
}
END_TEST

START_TEST(mappings_before_mlockall_stay_unlocked)
{
	emulate(MCL_FUTURE);
	OK(lof_mprotect(at(0), pages(4), PROT_READ));
	OK(lof_catch_up());
	KINDS(at(0), "......");
}
END_TEST

START_TEST(catch_up_without_future_locks_nothing)
{
	char *addr = mmap(NULL, pages(2), RW, ANON, -1, 0);

	OK(lof_catch_up());
	KINDS(addr, "..");
}
END_TEST

START_TEST(child_of_fork_has_no_emulation)
{
	int status = 1;
	pid_t pid;

	emulate(MCL_FUTURE);
	pid = fork();
	if (pid == 0)
		_exit(truth_kind_at(lof_mmap(NULL, page, RW, ANON, -1, 0)) !=
		      LOF_NONE);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	KINDS(map(page, RW), "O");
}
END_TEST

/* Bytes of mapped memory that can be locked, but are not. */
static uint64_t bytes_not_locked(void)
{
	FILE *smaps = fopen("/proc/self/smaps", "r");
	unsigned long start, stop, len = 0;
	uint64_t sum = 0;
	char line[512];

	ck_assert_ptr_nonnull(smaps);
	while (fgets(line, sizeof(line), smaps)) {
		if (sscanf(line, "%lx-%lx ", &start, &stop) == 2)
			len = stop - start;
		if (!strncmp(line, "VmFlags:", 8) && !strstr(line, " lo") &&
		    !strstr(line, " io") && !strstr(line, " pf") &&
		    !strstr(line, " de"))
			sum += len;
	}
	fclose(smaps);
	return sum;
}

/* If valgrind maps memory in between, the loop compares again. */
static void assert_all_is_told(void)
{
	struct lof_stats stats;
	uint64_t before, after;
	int tries = 100;

	bytes_not_locked();	/* stdio maps its memory now */
	do {
		before = bytes_not_locked();
		OK(lof_stats(&stats, sizeof(stats)));
		after = bytes_not_locked();
	} while (before != after && --tries);
	ck_assert_uint_eq(stats.left_out + stats.passed_over, after);
	ck_assert_uint_eq(stats.charged, stats.onfault + stats.full);
}

START_TEST(under_a_limit_an_eighth_is_left_free)
{
	struct lof_stats before, after;
	char *first, *forbidden, *read_only, *much;
	size_t n = 0;

	emulate_under_a_limit(MCL_FUTURE);
	forbidden = map(pages(8), PROT_NONE);
	read_only = map(pages(8), PROT_READ);
	OK(lof_stats(&before, sizeof(before)));
	first = map(pages(8), RW);
	much = map(2 * LIMIT, RW);
	KINDS(first, "OOOOOOOO");
	KINDS(forbidden, "........");
	KINDS(read_only, "........");
	KINDS(much, "........");
	OK(lof_stats(&after, sizeof(after)));
	ck_assert_uint_ge(after.left_out, before.left_out + 2 * LIMIT);
	while (truth_kind_at(map(pages(8), RW)) == LOF_ONFAULT)
		n++;
	ck_assert_uint_ge(truth_vmlck(), LIMIT - LIMIT / 8 - pages(8));
	ck_assert_uint_le(truth_vmlck(), LIMIT - LIMIT / 8);
	ck_assert_uint_gt(n, 0);
	assert_all_is_told();
	/* An eighth of the limit is left for the program's own locks. */
	OK(lof_mlock(much, LIMIT / 8));
}
END_TEST

/* To read the charge takes longer than to map and lock a page. */
START_TEST(under_a_limit_few_mappings_read_the_charge)
{
	unsigned long reads;
	char *addr;

	if (tool_is(TOOL_NO_MLOCK2))
		skip("without mlock2 each lock on fault reads the charge");
	emulate_under_a_limit(MCL_FUTURE);
	count_reads();
	reads = count_reads();
	for (int i = 0; i < 256; i++) {
		addr = map(page, RW);
		OK(lof_munmap(addr, page));
	}
	addr = map(page, RW);
	reads = count_reads() - reads;
	ck_assert_uint_lt(reads, 128);
	KINDS(addr, "O");
}
END_TEST

START_TEST(under_a_limit_current_mappings_are_locked_if_they_fit)
{
	arena_lay(0, "F.O-");
	emulate_under_a_limit(MCL_CURRENT | MCL_FUTURE);
	KINDS(at(0), "OOO-");
	ck_assert(truth_kind_at(&arena) == LOF_ONFAULT);
	ck_assert_uint_le(truth_vmlck(), LIMIT - LIMIT / 8);
	assert_all_is_told();
}
END_TEST

/* Later mappings are not locked, and are not left out either. */
START_TEST(under_a_limit_current_alone_locks_what_fits)
{
	struct lof_stats stats;
	char *much;

	arena_lay(0, "F.O-");
	much = map(2 * LIMIT, RW);
	emulate_under_a_limit(MCL_CURRENT);
	KINDS(at(0), "OOO-");
	ck_assert(truth_kind_at(&arena) == LOF_ONFAULT);
	ck_assert_uint_gt(truth_vmlck(), LIMIT / 8);
	ck_assert_uint_le(truth_vmlck(), LIMIT - LIMIT / 8);
	KINDS(much, "........");
	assert_all_is_told();
	KINDS(map(pages(8), RW), "........");
	OK(lof_stats(&stats, sizeof(stats)));
	ck_assert_uint_ge(stats.left_out, 2 * LIMIT);
	ck_assert_uint_eq(stats.converted, 1);
	OK(lof_munlockall());
	OK(lof_stats(&stats, sizeof(stats)));
	ck_assert_uint_eq(stats.left_out + stats.passed_over, 0);
}
END_TEST

START_TEST(under_a_limit_current_alone_ends_future)
{
	char *addr;

	map(2 * LIMIT, RW);
	emulate_under_a_limit(MCL_FUTURE);
	/* Not beside the 4 MiB, which would be one VMA with it. */
	MAPPED(addr, lof_mmap(at(0), page, RW, ANON | MAP_FIXED, -1, 0));
	OK(lof_munlock(addr, page));
	OK(lof_mlockall(MCL_CURRENT));
	KINDS(addr, "O");
	KINDS(map(page, RW), ".");
}
END_TEST

static uint64_t left_out(void)
{
	struct lof_stats stats;

	OK(lof_stats(&stats, sizeof(stats)));
	return stats.left_out;
}

/* The child makes as many calls as its parent, and nothing is left out. */
START_TEST(child_of_fork_has_left_nothing_out)
{
	int status = 1;
	pid_t pid;

	map(2 * LIMIT, RW);
	emulate_under_a_limit(MCL_CURRENT);
	ck_assert_uint_gt(left_out(), 0);
	pid = fork();
	if (pid == 0) {
		bool none = left_out() == 0;

		for (int i = 0; i < 8; i++) {
			OK(lof_munlockall());
			none &= left_out() == 0;
		}
		_exit(none ? 0 : 1);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
}
END_TEST

START_TEST(under_a_limit_current_alone_can_be_left_to_the_kernel)
{
	become_nobody(LIMIT);
	OK(lof_set(LOF_CONVERT, LOF_CONVERT_LOCKS));
	OK(lof_set(LOF_FUTURE, LOF_FUTURE_KERNEL));
	FAILS(lof_mlockall(MCL_CURRENT), ENOMEM);
	OK(lof_set(LOF_FUTURE, LOF_FUTURE_AUTO));
	/* The program itself asks for MCL_ONFAULT. */
	FAILS(lof_mlockall(MCL_CURRENT | MCL_ONFAULT), ENOMEM);
	ck_assert_uint_eq(truth_vmlck(), 0);
}
END_TEST

START_TEST(under_a_limit_of_0_mlockall_is_not_permitted)
{
	become_nobody(0);
	OK(lof_set(LOF_CONVERT, LOF_CONVERT_LOCKS));
	errno = UNTOUCHED;
	ck_assert_int_eq(lof_mlockall(MCL_CURRENT | MCL_FUTURE), -1);
	ck_assert_int_eq(errno, EPERM);
	KINDS(map(page, RW), ".");
}
END_TEST

START_TEST(under_a_limit_future_can_be_left_to_the_kernel)
{
	void *refused;
	int err;

	become_nobody(LIMIT);
	OK(lof_set(LOF_CONVERT, LOF_CONVERT_LOCKS));
	OK(lof_set(LOF_FUTURE, LOF_FUTURE_KERNEL));
	OK(lof_mlockall(MCL_FUTURE));
	errno = UNTOUCHED;
	refused = lof_mmap(NULL, 2 * LIMIT, RW, ANON, -1, 0);
	err = errno;
	OK(lof_munlockall());
	ck_assert_ptr_eq(refused, MAP_FAILED);
	ck_assert_int_eq(err, EAGAIN);
}
END_TEST

START_TEST(under_a_limit_memory_grows_unlocked)
{
	char *addr, *grown;

	emulate_under_a_limit(MCL_FUTURE);
	addr = map(pages(8), RW);
	mark(addr, 8, 'a');
	KINDS(addr, "OOOOOOOO");
	MAPPED(grown, lof_mremap(addr, pages(8), 2 * LIMIT, MREMAP_MAYMOVE));
	KINDS(grown, "..........");
	ck_assert(is_marked(grown, 8, 'a'));
	assert_all_is_told();
}
END_TEST

START_TEST(under_a_limit_memory_that_has_no_room_does_not_grow)
{
	char *addr;

	emulate_under_a_limit(MCL_FUTURE);
	addr = map(pages(8), RW);
	map(2 * LIMIT, PROT_NONE);
	errno = UNTOUCHED;
	ck_assert_ptr_eq(lof_mremap(addr, pages(4), 2 * LIMIT, 0), MAP_FAILED);
	ck_assert_int_eq(errno, ENOMEM);
	KINDS(addr, "OOOOOOOO");
	assert_all_is_told();
}
END_TEST

/* The library does not unlock memory that the program locked itself. */
START_TEST(under_a_limit_the_programs_own_lock_does_not_grow)
{
	char *addr;

	emulate_under_a_limit(MCL_FUTURE);
	addr = map(pages(8), RW);
	OK(lof_mlock2(addr, pages(8), 0));
	errno = UNTOUCHED;
	ck_assert_ptr_eq(lof_mremap(addr, pages(8), 2 * LIMIT, MREMAP_MAYMOVE),
			 MAP_FAILED);
	ck_assert_int_eq(errno, EAGAIN);
	KINDS(addr, "FFFFFFFF");
}
END_TEST

START_TEST(under_a_limit_growsdown_memory_can_grow)
{
	char *addr;

	emulate_under_a_limit(MCL_FUTURE);
	MAPPED(addr, lof_mmap(at(40), pages(4), RW, ANON | MAP_FIXED |
			      MAP_GROWSDOWN, -1, 0));
	OK(lof_catch_up());
	KINDS(at(40), ".OOO");
}
END_TEST

/* Each frame is a page. The sum prevents a tail call. */
static int use_stack(int depth)
{
	volatile char frame[4096];

	frame[0] = (char)depth;
	return depth ? use_stack(depth - 1) + frame[0] : frame[0];
}

/*
 * The kernel charges the growth of a locked stack VMA, and kills the process if
 * it is over the limit. So the library leaves the lowest page unlocked.
 */
START_TEST(under_a_limit_the_stack_grows)
{
	char here;

	emulate_under_a_limit(MCL_CURRENT | MCL_FUTURE);
	ck_assert(truth_kind_at(&here) == LOF_ONFAULT);
	use_stack((int)(LIMIT / 4096));
	OK(lof_sync());
	use_stack((int)(2 * LIMIT / 4096));
}
END_TEST

static size_t mapped_bytes(void)
{
	FILE *file = fopen("/proc/self/statm", "r");
	size_t npages = 0;

	ck_assert_ptr_nonnull(file);
	ck_assert_int_eq(fscanf(file, "%zu", &npages), 1);
	fclose(file);
	return pages(npages);
}

/* So it does if all memory was locked at first, because all of it fitted. */
START_TEST(under_a_limit_that_fits_the_stack_grows)
{
	size_t limit = mapped_bytes() + LIMIT / 2;
	struct rlimit old;
	char here;

	OK(getrlimit(RLIMIT_MEMLOCK, &old));
	if (old.rlim_max < limit)
		skip("the hard limit is less than the process has mapped");
	become_nobody(limit);
	OK(lof_set(LOF_CONVERT, LOF_CONVERT_LOCKS));
	OK(lof_mlockall(MCL_CURRENT | MCL_FUTURE));
	ck_assert(truth_kind_at(&here) == LOF_ONFAULT);
	use_stack((int)(LIMIT / 4096));
}
END_TEST

/* The lowest page is touched when the bound begins. */
START_TEST(under_a_bound_the_stack_grows)
{
	become_nobody(LIMIT);
	OK(lof_set(LOF_CONVERT, LOF_CONVERT_LOCKS));
	OK(lof_set(LOF_CONVERT_MAX, 2 * LIMIT));
	use_stack((int)(LIMIT / 2 / 4096));
	OK(lof_mlockall(MCL_CURRENT));
	OK(lof_catch_up());
	use_stack((int)(2 * LIMIT / 4096));
}
END_TEST

static int nthreads(void)
{
	DIR *dir = opendir("/proc/self/task");
	int n = 0;

	ck_assert_ptr_nonnull(dir);
	for (struct dirent *entry; (entry = readdir(dir)); )
		n += entry->d_name[0] != '.';
	closedir(dir);
	return n;
}

static void wait_for_threads(int wanted)
{
	for (int i = 0; i < 5000 && nthreads() != wanted; i++)
		usleep(10000);
	ck_assert_int_eq(nthreads(), wanted);
}

static void wait_until_locked(const char *addr)
{
	for (int i = 0; i < 5000 && truth_kind_at(addr) == LOF_NONE; i++)
		usleep(10000);
	ck_assert(truth_kind_at(addr) == LOF_ONFAULT);
}

START_TEST(sync_thread_catches_up)
{
	int before = nthreads(), status = 1;
	unsigned long ms = 1;
	char *addr;
	pid_t pid;

	emulate(MCL_FUTURE);
	ck_assert_int_eq(nthreads(), before);
	OK(lof_set(LOF_SYNC_MS, 10));
	OK(lof_set(LOF_SYNC_MS, 20));
	wait_for_threads(before + 1);
	MAPPED(addr, mmap(NULL, page, RW, ANON, -1, 0));
	wait_until_locked(addr);
	/* A child of fork starts its own sync thread. */
	pid = fork();
	if (pid == 0) {
		emulate(MCL_FUTURE);
		lof_get(LOF_SYNC_MS, &ms);
		addr = mmap(NULL, page, RW, ANON, -1, 0);
		wait_until_locked(addr);
		_exit(ms != 20 || nthreads() != 2 ||
		      lof_set(LOF_SYNC_MS, 0));
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	OK(lof_set(LOF_SYNC_MS, 0));
	wait_for_threads(before);
	OK(lof_set(LOF_SYNC_MS, LOF_SYNC_MS_MAX));
	wait_for_threads(before + 1);
	OK(lof_set(LOF_SYNC_MS, 0));
	wait_for_threads(before);
	errno = UNTOUCHED;
	ck_assert_int_eq(lof_set(LOF_SYNC_MS, LOF_SYNC_MS_MAX + 1), -1);
	ck_assert_int_eq(errno, EINVAL);
}
END_TEST

START_TEST(sync_thread_outlives_a_lack_of_descriptors)
{
	struct rlimit old, none;
	char *addr;

	emulate(MCL_FUTURE);
	OK(lof_set(LOF_SYNC_MS, 50));
	MAPPED(addr, mmap(NULL, page, RW, ANON, -1, 0));
	wait_until_locked(addr);
	OK(getrlimit(RLIMIT_NOFILE, &old));
	none = old;
	none.rlim_cur = 0;
	OK(setrlimit(RLIMIT_NOFILE, &none));
	usleep(200000);
	OK(setrlimit(RLIMIT_NOFILE, &old));
	MAPPED(addr, mmap(NULL, page, RW, ANON, -1, 0));
	wait_until_locked(addr);
	OK(lof_set(LOF_SYNC_MS, 0));
}
END_TEST

START_TEST(sync_ms_without_a_thread_is_refused)
{
	const struct rlimit none = { 0, 0 };
	unsigned long ms = 99;

	become_nobody(NO_LIMIT);
	ck_assert_int_eq(setrlimit(RLIMIT_NPROC, &none), 0);
	FAILS(lof_set(LOF_SYNC_MS, 10), EAGAIN);
	OK(lof_get(LOF_SYNC_MS, &ms));
	ck_assert_uint_eq(ms, 0);
}
END_TEST

Suite *future_suite(void)
{
	Suite *suite = suite_create("future");
	TCase *tc = arena_case(suite, "followed");

	tcase_add_test(tc, new_mappings_are_locked_on_fault);
	tcase_add_test(tc, current_mappings_are_locked_on_fault);
	tcase_add_test(tc, mprotect_locks_prot_none_memory);
	tcase_add_loop_test(tc, calls_that_clear_future_end_the_emulation, 0,
			    sizeof(end) / sizeof(end[0]));
	tcase_add_test(tc, other_calls_keep_the_emulation);
	tcase_add_loop_test(tc, catch_up_locks_the_mappings_of_libc, 0, 2);
	tcase_add_test(tc, explicitly_unlocked_memory_stays_unlocked);
	tcase_add_test(tc, mappings_before_mlockall_stay_unlocked);
	tcase_add_test(tc, catch_up_without_future_locks_nothing);
	tcase_add_test(tc, child_of_fork_has_no_emulation);
	tcase_add_test(tc, under_a_limit_an_eighth_is_left_free);
	tcase_add_test(tc, under_a_limit_few_mappings_read_the_charge);
	tcase_add_test(tc,
		       under_a_limit_current_mappings_are_locked_if_they_fit);
	tcase_add_test(tc, under_a_limit_current_alone_locks_what_fits);
	tcase_add_test(tc, under_a_limit_current_alone_ends_future);
	tcase_add_test(tc, child_of_fork_has_left_nothing_out);
	tcase_add_test(tc,
		under_a_limit_current_alone_can_be_left_to_the_kernel);
	tcase_add_test(tc, under_a_limit_of_0_mlockall_is_not_permitted);
	tcase_add_test(tc, under_a_limit_future_can_be_left_to_the_kernel);
	tcase_add_test(tc, under_a_limit_memory_grows_unlocked);
	tcase_add_test(tc, under_a_limit_memory_that_has_no_room_does_not_grow);
	tcase_add_test(tc, under_a_limit_the_programs_own_lock_does_not_grow);
	tcase_add_test(tc, under_a_limit_growsdown_memory_can_grow);
	tcase_add_test(tc, under_a_limit_the_stack_grows);
	tcase_add_test(tc, under_a_limit_that_fits_the_stack_grows);
	tcase_add_test(tc, under_a_bound_the_stack_grows);
	tcase_add_test(tc, sync_thread_catches_up);
	tcase_add_test(tc, sync_thread_outlives_a_lack_of_descriptors);
	tcase_add_test(tc, sync_ms_without_a_thread_is_refused);
	return suite;
}
