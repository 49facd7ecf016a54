/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Counted locks: lof_hold and lof_drop, page by page. */
#include "config.h"

#include "support/kernel.h"

#include <sys/wait.h>
#include <unistd.h>

#include "support/truth.h"

#define RW	(PROT_READ | PROT_WRITE)
#define ANON	(MAP_PRIVATE | MAP_ANONYMOUS)

/* The counts of the first n pages of the arena, one digit for each page. */
static const char *counts(size_t n)
{
	static char digits[ARENA_PAGES + 1];
	struct lof_region region;

	for (size_t i = 0; i < n; i++) {
		ck_assert_int_eq(lof_query(at(i), &region, sizeof(region)), 0);
		digits[i] = (char)('0' + region.holds);
	}
	digits[n] = '\0';
	return digits;
}

#define COUNTS(digits) ck_assert_str_eq(counts(sizeof(digits) - 1), digits)
#define HOLD(first, n) OK(lof_hold(at(first), pages(n), kind_flags))
#define DROP(first, n) OK(lof_drop(at(first), pages(n)))

START_TEST(last_drop_unlocks)
{
	HOLD(0, 4);
	HOLD(2, 4);
	KINDS(at(0), "KKKKKK..");
	COUNTS("11221100");
	DROP(0, 4);
	KINDS(at(0), "..KKKK..");
	COUNTS("00111100");
	DROP(2, 4);
	KINDS(at(0), "........");
	COUNTS("00000000");
}
END_TEST

START_TEST(drop_of_the_middle_leaves_the_ends)
{
	HOLD(0, 6);
	DROP(2, 2);
	KINDS(at(0), "KK..KK..");
	COUNTS("11001100");
}
END_TEST

START_TEST(drop_of_unheld_pages_is_refused)
{
	HOLD(0, 2);
	HOLD(3, 2);
	REFUSED(lof_drop(at(0), pages(5)), EINVAL);
	REFUSED(lof_drop(at(8), pages(1)), EINVAL);
	REFUSED(lof_drop(at(0), SIZE_MAX), EINVAL);
	COUNTS("11011000");
}
END_TEST

START_TEST(bad_hold_changes_nothing)
{
	arena_lay(0, "O.F.-");
	REFUSED(lof_hold(at(0), pages(2), 4), EINVAL);
	REFUSED(lof_hold(at(0), SIZE_MAX, kind_flags), EINVAL);
	REFUSED(lof_hold(at(0), pages(8), MLOCK_ONFAULT), ENOMEM);
	COUNTS("00000000");
}
END_TEST

START_TEST(hold_that_cannot_populate_changes_nothing)
{
	arena_lay(0, "O.F.");
	ck_assert_int_eq(mprotect(at(5), page, PROT_NONE), 0);
	FAILS(lof_hold(at(0), pages(8), 0), ENOMEM);
	KINDS(at(0), "O.F.....");
	COUNTS("00000000");
}
END_TEST

START_TEST(count_does_not_overflow)
{
	for (int i = 0; i < 2047; i++)
		ck_assert_int_eq(lof_hold(at(1), page, kind_flags), 0);
	REFUSED(lof_hold(at(0), pages(3), kind_flags), EOVERFLOW);
	KINDS(at(0), ".K..");
	COUNTS("0");
	for (int i = 0; i < 2047; i++)
		ck_assert_int_eq(lof_drop(at(1), page), 0);
	KINDS(at(0), "....");
}
END_TEST

START_TEST(hold_on_fault_keeps_full_locks)
{
	arena_lay(0, ".FF.OO..");
	OK(lof_hold(at(0), pages(7), MLOCK_ONFAULT));
	KINDS(at(0), "OFFOOOO.");
	OK(lof_hold(at(3), pages(2), 0));
	KINDS(at(0), "OFFFFOO.");
	COUNTS("11122110");
}
END_TEST

START_TEST(munlock_unlocks_and_the_counts_stay)
{
	HOLD(0, 4);
	OK(lof_munlock(at(1), pages(2)));
	KINDS(at(0), "K..K....");
	COUNTS("11110000");
	DROP(0, 4);
	KINDS(at(0), "........");
}
END_TEST

START_TEST(holds_win_if_the_policy_says_so)
{
	HOLD(1, 2);
	arena_lay(3, "OF");
	OK(lof_set(LOF_HOLDS, LOF_HOLDS_WIN));
	OK(lof_munlock(at(0), pages(5)));
	KINDS(at(0), ".KK.....");
	arena_lay(3, "OF");
	OK(lof_munlock2(at(0), pages(5), MLOCK_ONFAULT));
	OK(lof_munlock2(at(0), pages(5), MLOCK_LOCKED));
	KINDS(at(0), ".KK.....");
	arena_lay(3, "OF");
	OK(lof_munlockall());
	KINDS(at(0), ".KK.....");
	DROP(1, 2);
	KINDS(at(0), "........");
}
END_TEST

START_TEST(counts_move_with_mremap)
{
	void *addr;

	HOLD(0, 2);
	HOLD(1, 1);
	MAPPED(addr, lof_mremap(at(0), pages(2), pages(2), MREMAP_MAYMOVE |
				MREMAP_FIXED, at(4)));
	KINDS(at(0), "--..KK..");
	COUNTS("00001200");
	MAPPED(addr, lof_mremap(at(4), pages(2), pages(1), 0));
	COUNTS("00001000");
	MAPPED(addr, lof_mremap(at(4), pages(1), pages(1), MREMAP_MAYMOVE |
				MREMAP_DONTUNMAP | MREMAP_FIXED, at(6)));
	COUNTS("00000010");
	DROP(6, 1);
	ck_assert_uint_eq(truth_vmlck(), 0);
}
END_TEST

/* The target is far from all memory that was ever locked. */
START_TEST(counts_of_unlocked_memory_move_and_end)
{
	void *far = (void *)(uintptr_t)0x60000000, *addr;
	struct lof_stats stats;

	HOLD(0, 2);
	OK(lof_munlock(at(0), pages(2)));
	MAPPED(addr, lof_mremap(at(0), pages(2), pages(2), MREMAP_MAYMOVE |
				MREMAP_FIXED, far));
	OK(lof_stats(&stats, sizeof(stats)));
	ck_assert_uint_eq(stats.holds, pages(2));
	OK(lof_munmap(far, pages(2)));
	OK(lof_stats(&stats, sizeof(stats)));
	ck_assert_uint_eq(stats.holds, 0);
}
END_TEST

START_TEST(counts_end_with_the_memory)
{
	struct lof_stats stats;
	void *addr;

	HOLD(0, 8);
	OK(lof_munmap(at(1), page));
	MAPPED(addr, lof_mmap(at(3), page, RW, ANON | MAP_FIXED, -1, 0));
	ck_assert_int_eq(munmap(at(5), page), 0);
	OK(lof_sync());
	COUNTS("10101011");
	OK(lof_stats(&stats, sizeof(stats)));
	ck_assert_uint_eq(stats.holds, pages(5));
}
END_TEST

START_TEST(child_holds_nothing)
{
	int status;
	pid_t pid;

	HOLD(0, 4);
	pid = fork();
	if (pid == 0)
		_exit(lof_drop(at(0), page) == 0 || errno != EINVAL);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	DROP(0, 4);
}
END_TEST

Suite *hold_suite(void)
{
	const TTest *const each[] = {
		last_drop_unlocks, drop_of_the_middle_leaves_the_ends,
		drop_of_unheld_pages_is_refused, bad_hold_changes_nothing,
		count_does_not_overflow, munlock_unlocks_and_the_counts_stay,
		holds_win_if_the_policy_says_so, counts_move_with_mremap,
		counts_of_unlocked_memory_move_and_end,
		counts_end_with_the_memory, child_holds_nothing,
	};
	Suite *suite = suite_create("hold");
	struct both_kinds both = arena_cases(suite);
	TCase *mixed = arena_case(suite, "mixed");

	for (size_t i = 0; i < sizeof(each) / sizeof(each[0]); i++)
		add_for_each_kind(both, each[i]);
	tcase_add_test(mixed, hold_that_cannot_populate_changes_nothing);
	tcase_add_test(mixed, hold_on_fault_keeps_full_locks);
	return suite;
}
