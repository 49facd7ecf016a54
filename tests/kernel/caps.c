/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The capabilities of the kernel: the probes, and the overrides of tests. */
#include "config.h"

#include "support/unit.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kernel/caps.h"
#include "kernel/syscall.h"
#include "lockonfault.h"
#include "support/truth.h"
#include "kernel/wrapped_sys.h"

static void begin(void)
{
	unit_sys = (struct unit_sys){ .no_memory = false };
	for (int cap = 0; cap < LOF_NCAPS; cap++)
		lof_cap_override((enum lof_cap)cap, -1);
}

static void *map_page(void)
{
	void *page = mmap(NULL, lof_sys_page_size(), PROT_READ | PROT_WRITE,
			  UNIT_MAP, -1, 0);

	ck_assert_ptr_ne(page, MAP_FAILED);
	return page;
}

START_TEST(override_answers_in_the_place_of_the_kernel)
{
	for (int i = 0; i < LOF_NCAPS; i++) {
		enum lof_cap cap = (enum lof_cap)i;

		lof_cap_override(cap, 0);
		ck_assert(!lof_cap_is_there(cap));
		lof_cap_override(cap, 1);
		ck_assert(lof_cap_is_there(cap));
		lof_cap_override(cap, 0);
		ck_assert(!lof_cap_is_there(cap));
	}
}
END_TEST

/* As in the sandbox gVisor, whose mincore() reports no pages. */
START_TEST(lock_that_is_only_accounted_is_told_as_such)
{
	struct lof_region region;
	void *page = map_page();

	ck_assert(lof_cap_is_there(LOF_CAP_LOCKS));
	ck_assert_int_eq(lof_mlock(page, 1), 0);
	ck_assert_int_eq(lof_query(page, &region, sizeof(region)), 0);
	ck_assert_uint_eq(region.flags, 0);
	lof_cap_override(LOF_CAP_LOCKS, 0);
	ck_assert_int_eq(lof_query(page, &region, sizeof(region)), 0);
	ck_assert_uint_eq(region.flags, LOF_ACCOUNTED);
	ck_assert_int_eq(lof_munmap(page, 1), 0);
	ck_assert_int_eq(lof_query(page, &region, sizeof(region)), 0);
	ck_assert_uint_eq(region.flags, 0);
}
END_TEST

/* MCL_FUTURE populates a new page at once, unless it is PROT_NONE. */
START_TEST(locks_that_populate_are_locks)
{
	ck_assert_int_eq(lof_sys_mlockall(MCL_FUTURE), 0);
	lof_cap_override(LOF_CAP_LOCKS, -1);
	ck_assert(lof_cap_is_there(LOF_CAP_LOCKS));
	ck_assert_int_eq(lof_sys_munlockall(), 0);
}
END_TEST

START_TEST(override_of_one_leaves_the_others_alone)
{
	bool discards = lof_cap_is_there(LOF_CAP_DONTNEED_LOCKED);

	lof_cap_override(LOF_CAP_MLOCK2, 0);
	ck_assert_int_eq(lof_cap_is_there(LOF_CAP_DONTNEED_LOCKED), discards);
}
END_TEST

START_TEST(override_with_minus_1_asks_the_kernel_again)
{
	bool before = lof_cap_is_there(LOF_CAP_MLOCK2);

	lof_cap_override(LOF_CAP_MLOCK2, !before);
	lof_cap_override(LOF_CAP_MLOCK2, -1);
	ck_assert_int_eq(lof_cap_is_there(LOF_CAP_MLOCK2), before);
}
END_TEST

START_TEST(kernel_is_asked_once)
{
	lof_cap_is_there(LOF_CAP_MLOCK2);
	ck_assert_int_eq(unit_sys.mlock2, 1);
	lof_cap_is_there(LOF_CAP_MLOCK2);
	ck_assert_int_eq(unit_sys.mlock2, 1);
}
END_TEST

START_TEST(mlock2_that_a_filter_refuses_is_absent)
{
	const int refusal[] = { -ENOSYS, -EPERM, -EACCES };

	unit_sys.mlock2_err = refusal[_i];
	ck_assert(!lof_cap_is_there(LOF_CAP_MLOCK2));
	unit_sys.mlock2_err = 0;
	ck_assert(!lof_cap_is_there(LOF_CAP_MLOCK2));
}
END_TEST

/* MCL_FUTURE locks the page of the probe in full, and mlock2 fails. */
START_TEST(kind_is_told_though_the_limit_refuses_under_mcl_future)
{
	ck_assert(lof_cap_is_there(LOF_CAP_MLOCK2));
	ck_assert_int_eq(lof_sys_mlockall(MCL_FUTURE), 0);
	unit_sys.mlock2_err = -ENOMEM;
	ck_assert(lof_cap_is_there(LOF_CAP_SMAPS_KIND));
	ck_assert_int_eq(lof_sys_munlockall(), 0);
}
END_TEST

/* A seccomp filter refuses mlock2 after the probe. */
START_TEST(mlock2_that_is_refused_later_is_absent)
{
	const int refusal[] = { -ENOSYS, -EPERM, -EACCES };
	void *page = map_page();

	ck_assert(lof_cap_is_there(LOF_CAP_MLOCK2));
	unit_sys.mlock2_err = refusal[_i];
	ck_assert_int_eq(lof_mlock2(page, 1, MLOCK_ONFAULT), 0);
	ck_assert(!lof_cap_is_there(LOF_CAP_MLOCK2));
	ck_assert_int_eq(truth_kind_at(page), LOF_FULL);
	ck_assert_uint_eq(truth_rss((uintptr_t)page, (uintptr_t)page + 1), 0);
}
END_TEST

START_TEST(refusal_for_another_reason_is_no_loss)
{
	const int other[] = { 0, -ENOMEM, -EAGAIN, -EPERM };

	ck_assert(!lof_cap_is_lost(LOF_CAP_MLOCK2, other[_i]));
	ck_assert(lof_cap_is_there(LOF_CAP_MLOCK2));
}
END_TEST

START_TEST(mlock2_is_there_if_it_locks_a_page)
{
	void *page = map_page();
	long ret = syscall(SYS_mlock2, page, lof_sys_page_size(),
			   MLOCK_ONFAULT);

	if (ret && (errno == ENOMEM || errno == EPERM))
		skip("RLIMIT_MEMLOCK is 0");
	ck_assert_int_eq(lof_cap_is_there(LOF_CAP_MLOCK2), ret == 0);
	ck_assert_int_eq(truth_kind_at(page),
			 ret ? LOF_NONE : LOF_ONFAULT);
}
END_TEST

START_TEST(dontneed_locked_is_there_if_it_empties_a_locked_page)
{
	char *page = map_page();
	size_t size = lof_sys_page_size();
	uintptr_t addr = (uintptr_t)page;

	if (lof_sys_mlock((struct lof_range){ addr, addr + size }))
		skip("RLIMIT_MEMLOCK is 0");
	*page = 1;
	/* The result is ignored: qemu-user returns 0 for any advice. */
	madvise(page, size, MADV_DONTNEED_LOCKED);
	ck_assert_int_eq(lof_cap_is_there(LOF_CAP_DONTNEED_LOCKED),
			 *page == 0);
}
END_TEST

START_TEST(asking_changes_nothing)
{
	size_t before = truth_vmlck();

	for (int cap = 0; cap < LOF_NCAPS; cap++)
		lof_cap_is_there((enum lof_cap)cap);
	ck_assert_uint_eq(truth_vmlck(), before);
}
END_TEST

START_TEST(mlock2_that_is_absent_is_not_called)
{
	void *page = map_page();

	lof_cap_override(LOF_CAP_MLOCK2, 0);
	lof_set(LOF_FALLBACK, LOF_FALLBACK_REFUSE);
	UNIT_ASSERT_FAILS(lof_mlock2(page, 1, MLOCK_ONFAULT), -1, ENOSYS);
	UNIT_ASSERT_FAILS(lof_mmap_onfault(NULL, 1, PROT_READ, UNIT_MAP, -1, 0),
			  MAP_FAILED, ENOSYS);
	ck_assert_int_eq(unit_sys.mlock2, 0);
	ck_assert_int_eq(truth_kind_at(page), LOF_NONE);
}
END_TEST

Suite *suite_sys_caps(void)
{
	Suite *suite = suite_create("sys_caps");
	TCase *tc = tcase_create("sys_caps");

	tcase_add_checked_fixture(tc, begin, NULL);
	tcase_add_test(tc, override_answers_in_the_place_of_the_kernel);
	tcase_add_test(tc, override_of_one_leaves_the_others_alone);
	tcase_add_test(tc, lock_that_is_only_accounted_is_told_as_such);
	tcase_add_test(tc, locks_that_populate_are_locks);
	tcase_add_test(tc, override_with_minus_1_asks_the_kernel_again);
	tcase_add_test(tc, kernel_is_asked_once);
	tcase_add_loop_test(tc, mlock2_that_a_filter_refuses_is_absent, 0, 3);
	tcase_add_test(tc, kind_is_told_though_the_limit_refuses_under_mcl_future);
	tcase_add_loop_test(tc, mlock2_that_is_refused_later_is_absent, 0, 3);
	tcase_add_loop_test(tc, refusal_for_another_reason_is_no_loss, 0, 4);
	tcase_add_test(tc, mlock2_is_there_if_it_locks_a_page);
	tcase_add_test(tc, dontneed_locked_is_there_if_it_empties_a_locked_page);
	tcase_add_test(tc, asking_changes_nothing);
	tcase_add_test(tc, mlock2_that_is_absent_is_not_called);
	suite_add_tcase(suite, tc);
	return suite;
}
