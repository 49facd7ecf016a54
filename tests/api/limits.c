/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* RLIMIT_MEMLOCK, for a user without capabilities. */
#include "config.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "support/kernel.h"

#include "support/truth.h"

#define RW	(PROT_READ | PROT_WRITE)
#define ANON	(MAP_PRIVATE | MAP_ANONYMOUS)
#define LIMIT	((64 << 10) / page)	/* pages */

/* The calls that lock a range, and the calls that map a locked range. */
static int lock_on_fault(void *addr, size_t len)
{
	return lof_mlock2(addr, len, MLOCK_ONFAULT);
}

static int lock_full(void *addr, size_t len)
{
	return lof_mlock2(addr, len, 0);
}

static int lock_plain(void *addr, size_t len)
{
	return lof_mlock(addr, len);
}

static int lock_converted(void *addr, size_t len)
{
	ck_assert_int_eq(lof_set(LOF_CONVERT, LOF_CONVERT_LOCKS), 0);
	return lof_mlock(addr, len);
}

static const struct {
	int (*call)(void *addr, size_t len);
	char kind;
} lock[] = {
	{ lock_on_fault, 'O' },
	{ lock_full, 'F' },
	{ lock_plain, 'F' },
	{ lock_converted, 'O' },
};

static void *map_on_fault(void *addr, size_t len, int flags)
{
	return lof_mmap_onfault(addr, len, RW, ANON | flags, -1, 0);
}

static void *map_locked(void *addr, size_t len, int flags)
{
	return lof_mmap(addr, len, RW, ANON | MAP_LOCKED | flags, -1, 0);
}

static void *map_converted(void *addr, size_t len, int flags)
{
	ck_assert_int_eq(lof_set(LOF_CONVERT, LOF_CONVERT_LOCKS), 0);
	return map_locked(addr, len, flags);
}

static const struct {
	void *(*call)(void *addr, size_t len, int flags);
	char kind;
} map[] = {
	{ map_on_fault, 'O' },
	{ map_locked, 'F' },
	{ map_converted, 'O' },
};

/* The size of the process in pages. Does not map memory, as stdio would. */
static long process_size(void)
{
	char buf[64] = "";
	int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);

	ck_assert_int_gt(read(fd, buf, sizeof(buf) - 1), 0);
	close(fd);
	return strtol(buf, NULL, 10);
}

START_TEST(lock_of_just_the_limit_succeeds_and_of_more_fails)
{
	become_nobody(pages(LIMIT));
	REFUSED(lock[_i].call(at(0), pages(LIMIT + 1)), ENOMEM);
	OK(lock[_i].call(at(0), pages(LIMIT)));
	ck_assert_int_eq(*kinds_at(at(LIMIT - 1), 1), lock[_i].kind);
	ck_assert_uint_eq(truth_vmlck(), pages(LIMIT));
	REFUSED(lock[_i].call(at(LIMIT), 1), ENOMEM);
	REFUSED(lock[_i].call(at(LIMIT - 1), pages(2)), ENOMEM);
	OK(lock[_i].call(at(2), pages(4)));
	ck_assert_uint_eq(truth_vmlck(), pages(LIMIT));
	OK(lof_munlock(at(4), page));
	OK(lock[_i].call(at(LIMIT), page));
	ck_assert_uint_eq(truth_vmlck(), pages(LIMIT));
}
END_TEST

START_TEST(lock_one_page_over_the_limit_fails)
{
	become_nobody(pages(4) - 1);
	REFUSED(lock[_i].call(at(0), pages(4)), ENOMEM);
	OK(lock[_i].call(at(0), pages(3)));
	REFUSED(lock[_i].call(at(3), page), ENOMEM);
}
END_TEST

START_TEST(lock_under_a_limit_of_0_is_not_permitted)
{
	arena_lay(0, "OOFF..OOFF");
	become_nobody(0);
	REFUSED(lock[_i].call(at(0), pages(4)), EPERM);
	REFUSED(lock[_i].call(at(0), 0), EPERM);
	REFUSED(lof_mlockall(MCL_CURRENT), EPERM);
	REFUSED(lof_mlockall(MCL_FUTURE | MCL_ONFAULT), EPERM);
	REFUSED(lof_mlockall(0), EINVAL);
	OK(lof_munlock(at(0), pages(4)));
	KINDS(at(0), "......OOFF");
	OK(lof_munlock2(at(0), pages(10), MLOCK_LOCKED));
	KINDS(at(0), "......OO..");
	OK(lof_munlockall());
	KINDS(at(0), "..........");
}
END_TEST

START_TEST(relock_fails_when_the_limit_came_down)
{
	arena_lay(0, "OOOOFFFF");
	become_nobody(pages(4));
	REFUSED(lock[_i].call(at(0), pages(2)), ENOMEM);
	REFUSED(lock[_i].call(at(4), pages(2)), ENOMEM);
	OK(lof_munlock2(at(0), pages(8), MLOCK_LOCKED));
	KINDS(at(0), "OOOO....");
	OK(lock[_i].call(at(0), pages(4)));
	ck_assert_int_eq(*kinds_at(at(3), 1), lock[_i].kind);
}
END_TEST

START_TEST(map_over_the_limit_maps_nothing)
{
	long size;

	arena_lay(0, "OOFF----");
	become_nobody(pages(6));
	size = process_size();
	MAP_REFUSED(map[_i].call(at(4), pages(3), 0), EAGAIN);
	MAP_REFUSED(map[_i].call(at(4), pages(3), MAP_FIXED), EAGAIN);
	ck_assert_int_eq(process_size(), size);
	ck_assert_ptr_eq(map[_i].call(at(4), pages(2), 0), at(4));
	ck_assert_int_eq(*kinds_at(at(5), 1), map[_i].kind);
	KINDS(at(0), "OOFF");
}
END_TEST

START_TEST(map_over_the_limit_replaces_nothing)
{
	long size;

	arena_lay(0, "OOFF....");
	mark(at(0), 8, 'a');
	become_nobody(pages(6));
	size = process_size();
	MAP_REFUSED(map[_i].call(at(1), pages(5), MAP_FIXED), EAGAIN);
	MAP_REFUSED(map[_i].call(at(4), pages(3), MAP_FIXED), EAGAIN);
	ck_assert_int_eq(process_size(), size);
	ck_assert(is_marked(at(0), 8, 'a'));
	set_limit(pages(4));
	MAP_REFUSED(map[_i].call(at(0), pages(1), MAP_FIXED), EAGAIN);
	ck_assert_int_eq(process_size(), size);
	ck_assert(is_marked(at(0), 8, 'a'));
}
END_TEST

/* The peak of Rss. A child of fork begins with the Rss of its parent. */
static size_t most_resident(void)
{
	struct rusage usage;

	ck_assert_int_eq(getrusage(RUSAGE_SELF, &usage), 0);
	return (size_t)usage.ru_maxrss << 10;
}

START_TEST(map_over_the_limit_populates_nothing)
{
	const size_t len = most_resident() + ((size_t)64 << 20);
	char *addr = at(ARENA_PAGES) + ((size_t)1 << 30);

	become_nobody(pages(6));
	MAP_REFUSED(map[_i].call(NULL, len, MAP_POPULATE), EAGAIN);
	MAP_REFUSED(map[_i].call(addr, len, MAP_POPULATE | MAP_FIXED), EAGAIN);
	ck_assert_uint_lt(most_resident(), len);
	ck_assert_ptr_eq(map[_i].call(at(4), pages(2), MAP_POPULATE | MAP_FIXED),
			 at(4));
	ck_assert_int_eq(*kinds_at(at(5), 1), map[_i].kind);
	RSS(2);
}
END_TEST

START_TEST(map_under_a_limit_of_0_is_not_permitted)
{
	long size;

	arena_lay(0, "OOFF----");
	mark(at(0), 4, 'a');
	become_nobody(0);
	size = process_size();
	MAP_REFUSED(map[_i].call(at(4), pages(2), 0), EPERM);
	MAP_REFUSED(map[_i].call(at(1), pages(2), MAP_FIXED), EPERM);
	ck_assert_int_eq(process_size(), size);
	ck_assert(is_marked(at(0), 4, 'a'));
}
END_TEST

START_TEST(mlockall_over_the_limit_changes_nothing)
{
	arena_lay(0, "OOFF....");
	become_nobody(pages(8));
	REFUSED(lof_mlockall(MCL_CURRENT), ENOMEM);
	REFUSED(lof_mlockall(MCL_CURRENT | MCL_ONFAULT), ENOMEM);
	REFUSED(lof_mlockall(MCL_CURRENT | MCL_FUTURE), ENOMEM);
	ck_assert_ptr_eq(lof_mmap(at(8), pages(2), RW, ANON | MAP_FIXED, -1,
				  0), at(8));
	KINDS(at(0), "OOFF......");
}
END_TEST

/* The test reads no file under MCL_FUTURE, because stdio maps memory. */
START_TEST(future_over_the_limit_refuses_mappings)
{
	void *fits, *refused, *replaced;
	int err;

	arena_lay(0, "OOFF--------");
	become_nobody(pages(6));
	OK(lof_mlockall(MCL_FUTURE | MCL_ONFAULT));
	errno = UNTOUCHED;
	refused = lof_mmap(at(4), pages(3), RW, ANON | MAP_FIXED, -1, 0);
	err = errno;
	fits = lof_mmap(at(4), pages(2), RW, ANON | MAP_FIXED, -1, 0);
	replaced = lof_mmap(at(0), page, RW, ANON | MAP_FIXED, -1, 0);
	OK(lof_munlockall2(MCL_FUTURE));
	ck_assert_ptr_eq(refused, MAP_FAILED);
	ck_assert_int_eq(err, EAGAIN);
	ck_assert_ptr_eq(fits, at(4));
	ck_assert_ptr_eq(replaced, MAP_FAILED);
	KINDS(at(0), "OOFFOO------");
}
END_TEST

/* The limit forbids mlockall(MCL_CURRENT): munlockall() and relock instead. */
START_TEST(munlockall2_of_future_works_under_a_small_limit)
{
	arena_lay(0, "OOFF....");
	mark(at(0), 1, 'a');
	become_nobody(pages(8));
	OK(lof_mlockall(_i ? MCL_FUTURE : MCL_FUTURE | MCL_ONFAULT));
	OK(lof_munlockall2(MCL_FUTURE));
	KINDS(at(0), "OOFF....");
	RSS(3);
	ck_assert_uint_eq(truth_vmlck(), pages(4));
	ck_assert_ptr_eq(lof_mmap(at(8), pages(2), RW, ANON | MAP_FIXED, -1,
				  0), at(8));
	KINDS(at(8), "..");
}
END_TEST

START_TEST(munlockall2_that_could_not_lock_again_changes_nothing)
{
	struct rlimit limit, low;
	int ret, err;

	arena_lay(0, "OOFF....");
	mark(at(0), 1, 'a');
	become_nobody(NO_LIMIT);
	ck_assert_int_eq(getrlimit(RLIMIT_MEMLOCK, &limit), 0);
	low = (struct rlimit){ pages(2), limit.rlim_max };
	OK(lof_mlockall(_i ? MCL_FUTURE : MCL_FUTURE | MCL_ONFAULT));
	ck_assert_int_eq(setrlimit(RLIMIT_MEMLOCK, &low), 0);
	errno = UNTOUCHED;
	ret = lof_munlockall2(MCL_FUTURE);
	err = errno;
	ck_assert_int_eq(setrlimit(RLIMIT_MEMLOCK, &limit), 0);
	ck_assert_int_eq(ret, -1);
	ck_assert_int_eq(err, ENOMEM);
	KINDS(at(0), "OOFF....");
	ck_assert_ptr_eq(lof_mmap(at(8), pages(2), RW, ANON | MAP_FIXED, -1,
				  0), at(8));
	ck_assert_str_eq(kinds_at(at(8), 2), _i ? "FF" : "OO");
}
END_TEST

START_TEST(mremap_over_the_limit_changes_nothing)
{
	arena_lay(0, "KKKK------");
	arena_lay(16, "OOOO");
	mark(at(0), 4, 'a');
	become_nobody(pages(9));
	MAP_REFUSED(lof_mremap(at(0), pages(4), pages(6), 0), EAGAIN);
	MAP_REFUSED(lof_mremap(at(0), pages(4), pages(6), MREMAP_MAYMOVE),
		    EAGAIN);
	/* Since Linux 6.17 the replaced lock is not subtracted first. */
	if (moves_several_vmas())
		MAP_REFUSED(lof_mremap(at(0), pages(4), pages(6),
				       MREMAP_MAYMOVE | MREMAP_FIXED, at(16)),
			    EAGAIN);
	ck_assert(is_marked(at(0), 4, 'a'));
	ck_assert_ptr_eq(lof_mremap(at(0), pages(4), pages(5), 0), at(0));
	KINDS(at(0), "KKKKK-----");
}
END_TEST

START_TEST(mremap_of_shared_memory_over_the_limit_duplicates_nothing)
{
	ck_assert_ptr_eq(lof_mmap(at(0), pages(4), RW, MAP_SHARED |
				  MAP_ANONYMOUS | MAP_FIXED, -1, 0), at(0));
	arena_lay(0, "KKKK");
	become_nobody(pages(7));
	MAP_REFUSED(lof_mremap(at(0), 0, pages(4), MREMAP_MAYMOVE), EAGAIN);
	ck_assert_ptr_ne(lof_mremap(at(0), 0, pages(3), MREMAP_MAYMOVE),
			 MAP_FAILED);
	ck_assert_uint_eq(truth_vmlck(), pages(7));
}
END_TEST

START_TEST(mremap_at_the_limit_moves)
{
	arena_lay(0, "KKKK");
	mark(at(0), 4, 'a');
	become_nobody(pages(4));
	ck_assert_ptr_eq(lof_mremap(at(0), pages(4), pages(4), MREMAP_MAYMOVE |
				    MREMAP_FIXED, at(16)), at(16));
	KINDS(at(16), "KKKK");
	ck_assert_ptr_eq(lof_mremap(at(16), pages(4), pages(4),
				    MREMAP_MAYMOVE | MREMAP_FIXED |
				    MREMAP_DONTUNMAP, at(24)), at(24));
	KINDS(at(16), "........KKKK");
	ck_assert(is_marked(at(24), 4, 'a'));
	ck_assert_uint_eq(truth_vmlck(), pages(4));
}
END_TEST

START_TEST(dontunmap_that_could_not_lock_again_changes_nothing)
{
	arena_lay(0, "KKKKKK");
	mark(at(0), 6, 'a');
	become_nobody(pages(4));
	MAP_REFUSED(lof_mremap(at(1), pages(3), pages(3), MREMAP_MAYMOVE |
			       MREMAP_DONTUNMAP, NULL), EAGAIN);
	ck_assert(is_marked(at(0), 6, 'a'));
	ck_assert_ptr_eq(lof_mremap(at(0), pages(6), pages(6), MREMAP_MAYMOVE |
				    MREMAP_FIXED, at(16)), at(16));
	KINDS(at(16), "KKKKKK");
}
END_TEST

Suite *limits_suite(void)
{
	Suite *suite = suite_create("limits");
	struct both_kinds both = arena_cases(suite);
	TCase *tcase = arena_case(suite, "locks");

	tcase_add_loop_test(tcase,
			    lock_of_just_the_limit_succeeds_and_of_more_fails,
			    0, 4);
	tcase_add_loop_test(tcase, lock_one_page_over_the_limit_fails, 0, 4);
	tcase_add_loop_test(tcase, lock_under_a_limit_of_0_is_not_permitted, 0,
			    4);
	tcase_add_loop_test(tcase, relock_fails_when_the_limit_came_down, 0, 4);
	tcase_add_test(tcase, mlockall_over_the_limit_changes_nothing);
	tcase_add_test(tcase, future_over_the_limit_refuses_mappings);
	tcase_add_loop_test(tcase,
			    munlockall2_of_future_works_under_a_small_limit, 0,
			    2);
	tcase_add_loop_test(tcase,
		munlockall2_that_could_not_lock_again_changes_nothing, 0, 2);
	tcase = arena_case(suite, "mappings");
	tcase_add_loop_test(tcase, map_over_the_limit_maps_nothing, 0, 3);
	tcase_add_loop_test(tcase, map_over_the_limit_replaces_nothing, 0, 3);
	tcase_add_loop_test(tcase, map_over_the_limit_populates_nothing, 0, 3);
	tcase_add_loop_test(tcase, map_under_a_limit_of_0_is_not_permitted, 0,
			    3);
	add_for_each_kind(both, mremap_over_the_limit_changes_nothing);
	add_for_each_kind(both,
		mremap_of_shared_memory_over_the_limit_duplicates_nothing);
	add_for_each_kind(both, mremap_at_the_limit_moves);
	add_for_each_kind(both,
		dontunmap_that_could_not_lock_again_changes_nothing);
	return suite;
}
