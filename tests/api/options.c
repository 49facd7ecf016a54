/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Policies: lof_set(), lof_get(), and the effects of LOF_CONVERT. */
#include "config.h"

#include <limits.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/kernel.h"

#include "support/truth.h"

#define RW	(PROT_READ | PROT_WRITE)
#define OVER	(MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED)

static void convert(unsigned long value)
{
	OK(lof_set(LOF_CONVERT, value));
}

static uint64_t converted(void)
{
	struct lof_stats stats;

	ck_assert_int_eq(lof_stats(&stats, sizeof(stats)), 0);
	return stats.converted;
}

START_TEST(options_are_read_as_they_were_set)
{
	static const struct {
		int option;
		unsigned long highest;
	} known[] = {
		{ LOF_CONVERT, 2 }, { LOF_DISCARD, 1 }, { LOF_FALLBACK, 2 },
		{ LOF_FUTURE, 2 },
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		unsigned long value = 99;

		OK(lof_get(known[i].option, &value));
		ck_assert_uint_eq(value, 0);
		for (unsigned long v = 0; v <= known[i].highest; v++) {
			OK(lof_set(known[i].option, v));
			OK(lof_get(known[i].option, &value));
			ck_assert_uint_eq(value, v);
		}
		FAILS(lof_set(known[i].option, known[i].highest + 1), EINVAL);
		FAILS(lof_set(known[i].option, ULONG_MAX), EINVAL);
		OK(lof_get(known[i].option, &value));
		ck_assert_uint_eq(value, known[i].highest);
	}
}
END_TEST

START_TEST(unknown_options_are_refused)
{
	static const int unknown[] = { 0, 10, 99, -1, INT_MIN, INT_MAX };
	unsigned long value = 99;

	for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++) {
		FAILS(lof_set(unknown[i], 0), EINVAL);
		FAILS(lof_get(unknown[i], &value), EINVAL);
		ck_assert_uint_eq(value, 99);
	}
}
END_TEST

START_TEST(version_is_that_of_the_header_and_of_the_build)
{
	ck_assert_str_eq(lof_version(), LOF_VERSION);
	ck_assert_str_eq(lof_version(), PACKAGE_VERSION);
}
END_TEST

START_TEST(convert_makes_mlock_lock_on_fault)
{
	convert((unsigned long)_i);
	OK(lof_mlock(at(1), pages(3)));
	if (_i) {
		KINDS(at(0), ".OOO....");
		RSS(0);
	} else {
		KINDS(at(0), ".FFF....");
		RSS(3);
	}
	ck_assert_uint_eq(converted(), _i ? 1 : 0);
	convert(LOF_CONVERT_OFF);
	OK(lof_mlock(at(2), pages(1)));
	KINDS(at(2), "F");
}
END_TEST

START_TEST(convert_does_not_change_mlock2)
{
	convert((unsigned long)_i);
	OK(lof_mlock2(at(1), pages(3), 0));
	KINDS(at(0), ".FFF....");
	RSS(3);
	OK(lof_mlock2(at(4), pages(2), MLOCK_ONFAULT));
	KINDS(at(0), ".FFFOO..");
	ck_assert_uint_eq(converted(), 0);
}
END_TEST

START_TEST(convert_adds_on_fault_to_mlockall)
{
	void *addr;

	convert((unsigned long)_i);
	OK(lof_mlockall(MCL_CURRENT | MCL_FUTURE));
	ck_assert_str_eq(kinds_at(at(0), 8), _i ? "OOOOOOOO" : "FFFFFFFF");
	MAPPED(addr, lof_mmap(at(2), pages(2), RW, OVER, -1, 0));
	ck_assert_str_eq(kinds_at(at(0), 8), _i ? "OOOOOOOO" : "FFFFFFFF");
	RSS(_i ? 0 : ARENA_PAGES);
	ck_assert_uint_eq(converted(), _i ? 1 : 0);
}
END_TEST

START_TEST(convert_leaves_the_refusals_of_mlockall)
{
	convert((unsigned long)_i);
	REFUSED(lof_mlockall(0), EINVAL);
	REFUSED(lof_mlockall(MCL_ONFAULT), EINVAL);
	REFUSED(lof_mlockall(8), EINVAL);
	REFUSED(lof_mlockall(MCL_CURRENT | 8), EINVAL);
	ck_assert_uint_eq(converted(), 0);
}
END_TEST

START_TEST(convert_makes_map_locked_lock_on_fault)
{
	char *addr;

	convert((unsigned long)_i);
	arena_lay(0, "FFFFFF");
	MAPPED(addr, lof_mmap(at(2), pages(2), RW, OVER | MAP_LOCKED, -1, 0));
	ck_assert_str_eq(kinds_at(at(0), 8), _i ? "FFOOFF.." : "FFFFFF..");
	RSS(_i ? 4 : 6);
	MAPPED(addr, lof_mmap(NULL, pages(2), RW, MAP_PRIVATE | MAP_ANONYMOUS |
			      MAP_LOCKED, -1, 0));
	ck_assert_str_eq(kinds_at(addr, 2), _i ? "OO" : "FF");
	ck_assert_uint_eq(converted(), _i ? 2 : 0);
}
END_TEST

START_TEST(convert_keeps_or_drops_map_populate)
{
	void *addr;

	convert((unsigned long)_i);
	MAPPED(addr, lof_mmap(at(2), pages(4), RW, OVER | MAP_LOCKED |
			      MAP_POPULATE, -1, 0));
	ck_assert_str_eq(kinds_at(at(0), 8), _i ? "..OOOO.." : "..FFFF..");
	RSS(_i == LOF_CONVERT_POPULATE ? 0 : 4);
}
END_TEST

/* Memory may be populated when it is mapped, and locked later. */
START_TEST(convert_keeps_or_drops_map_populate_without_a_lock)
{
	void *addr;

	convert((unsigned long)_i);
	MAPPED(addr, lof_mmap(at(2), pages(4), RW, OVER | MAP_POPULATE, -1, 0));
	KINDS(at(0), "........");
	RSS(_i == LOF_CONVERT_POPULATE ? 0 : 4);
	OK(lof_mlock(at(2), pages(4)));
	RSS(_i == LOF_CONVERT_POPULATE ? 0 : 4);
}
END_TEST

/* Huge pages are never swapped. To populate them may fail. */
START_TEST(convert_maps_huge_pages_and_populates_none)
{
	const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB |
			  MAP_NORESERVE;
	const size_t huge = 2 << 20;
	void *addr = mmap(NULL, huge, RW, flags, -1, 0);

	if (addr == MAP_FAILED)
		skip("no huge pages of 2 MiB");
	ck_assert_int_eq(munmap(addr, huge), 0);
	convert((unsigned long)_i);
	MAPPED(addr, lof_mmap(NULL, huge, RW, flags | MAP_LOCKED, -1, 0));
	KINDS(addr, "....");
	ck_assert_uint_eq(converted(), _i != LOF_CONVERT_OFF);
	OK(lof_munmap(addr, huge));
}
END_TEST

START_TEST(convert_of_a_failing_map_changes_nothing)
{
	convert((unsigned long)_i);
	arena_lay(0, "OOFF");
	MAP_REFUSED(lof_mmap(at(1), pages(2), RW, MAP_SHARED | MAP_FIXED |
			     MAP_LOCKED, -1, 0), EBADF);
	MAP_REFUSED(lof_mmap(at(1) + 1, pages(2), RW, OVER | MAP_LOCKED, -1,
			     0), EINVAL);
	ck_assert_uint_eq(converted(), 0);
}
END_TEST

/* A lock of MAP_DROPPABLE memory fails without access, and else does nothing. */
START_TEST(convert_of_a_droppable_map_fails_as_the_kernel_does)
{
	const int flags = MAP_ANONYMOUS | 0x08;
	void *addr = mmap(NULL, page, PROT_NONE, flags, -1, 0);

	if (addr == MAP_FAILED)
		skip("no MAP_DROPPABLE before Linux 6.11");
	ck_assert_int_eq(munmap(addr, page), 0);
	convert((unsigned long)_i);
	MAP_REFUSED(lof_mmap(NULL, page, RW, flags | MAP_LOCKED, -1, 0),
		    EINVAL);
	MAP_REFUSED(lof_mmap(NULL, page, PROT_NONE, flags | MAP_LOCKED, -1, 0),
		    EINVAL);
	ck_assert_uint_eq(converted(), 0);
}
END_TEST

/* A child of fork has the policies of its parent, and no locks. */
static void be_child(void)
{
	unsigned long value = 99;
	void *addr;

	ck_assert_int_eq(lof_get(LOF_CONVERT, &value), 0);
	ck_assert_uint_eq(value, LOF_CONVERT_LOCKS);
	KINDS(at(0), "........");
	ck_assert_uint_eq(truth_vmlck(), 0);
	OK(lof_mlock(at(1), pages(2)));
	KINDS(at(0), ".OO.....");
	MAPPED(addr, lof_mmap(at(4), pages(2), RW, OVER, -1, 0));
	KINDS(at(0), ".OO.....");
	_exit(0);
}

START_TEST(fork_inherits_the_policies_and_no_lock)
{
	int status;
	pid_t pid;

	convert(LOF_CONVERT_LOCKS);
	arena_lay(0, "OOFF....");
	mark(at(0), 4, 'a');
	OK(lof_mlockall(MCL_FUTURE));
	pid = fork();
	if (pid == 0)
		be_child();
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	KINDS(at(0), "OOFF....");
	ck_assert(is_marked(at(0), 4, 'a'));
}
END_TEST

START_TEST(vfork_shares_the_ledger)
{
	int status;
	pid_t pid;

	arena_lay(0, "OOFF....");
	pid = vfork();
	if (pid == 0) {
		lof_munlock(at(1), pages(2));
		lof_mlock2(at(6), page, MLOCK_ONFAULT);
		_exit(0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	KINDS(at(0), "O..F..O.");
}
END_TEST

Suite *policy_suite(void)
{
	Suite *suite = suite_create("policy");
	TCase *tcase = arena_case(suite, "set and get");

	tcase_add_test(tcase, options_are_read_as_they_were_set);
	tcase_add_test(tcase, unknown_options_are_refused);
	tcase_add_test(tcase, version_is_that_of_the_header_and_of_the_build);
	tcase = arena_case(suite, "convert");
	tcase_add_loop_test(tcase, convert_makes_mlock_lock_on_fault, 0, 3);
	tcase_add_loop_test(tcase, convert_does_not_change_mlock2, 0, 3);
	tcase_add_loop_test(tcase, convert_adds_on_fault_to_mlockall, 0, 3);
	tcase_add_loop_test(tcase, convert_leaves_the_refusals_of_mlockall, 0,
			    3);
	tcase_add_loop_test(tcase, convert_makes_map_locked_lock_on_fault, 0, 3);
	tcase_add_loop_test(tcase, convert_keeps_or_drops_map_populate, 0, 3);
	tcase_add_loop_test(tcase,
			    convert_keeps_or_drops_map_populate_without_a_lock,
			    0, 3);
	tcase_add_loop_test(tcase, convert_maps_huge_pages_and_populates_none, 0,
			    3);
	tcase_add_loop_test(tcase, convert_of_a_failing_map_changes_nothing, 0,
			    3);
	tcase_add_loop_test(tcase,
			    convert_of_a_droppable_map_fails_as_the_kernel_does,
			    0, 3);
	tcase = arena_case(suite, "fork");
	tcase_add_test(tcase, fork_inherits_the_policies_and_no_lock);
	tcase_add_test(tcase, vfork_shares_the_ledger);
	return suite;
}
