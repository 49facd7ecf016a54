/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* mlock2, mlock and munlock: effects and refusals. */
#include "config.h"

#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "support/kernel.h"

START_TEST(mlock2_on_fault_locks_and_populates_nothing)
{
	OK(lof_mlock2(at(4), pages(4), MLOCK_ONFAULT));
	KINDS(at(0), "....OOOO....");
	RSS(0);
	mark(at(5), 1, 'a');
	KINDS(at(0), "....OOOO....");
	RSS(1);
}
END_TEST

START_TEST(mlock2_on_fault_keeps_resident_pages)
{
	mark(at(0), 3, 'a');
	OK(lof_mlock2(at(2), pages(2), MLOCK_ONFAULT));
	KINDS(at(0), "..OO..");
	RSS(3);
	ck_assert(is_marked(at(0), 3, 'a'));
}
END_TEST

START_TEST(mlock2_without_flags_locks_and_populates)
{
	OK(lof_mlock2(at(4), pages(4), 0));
	KINDS(at(0), "....FFFF....");
	RSS(4);
}
END_TEST

START_TEST(mlock_locks_and_populates)
{
	OK(lof_mlock(at(4), pages(4)));
	KINDS(at(0), "....FFFF....");
	RSS(4);
}
END_TEST

START_TEST(mlock2_by_its_own_name_is_the_same)
{
	OK(mlock2(at(1), pages(2), MLOCK_ONFAULT));
	OK(mlock2(at(3), pages(2), 0));
	KINDS(at(0), ".OOFF.");
	OK(munlock2(at(0), pages(6), MLOCK_LOCKED));
	KINDS(at(0), ".OO...");
	FAILS(mlock2(at(0), page, 4), EINVAL);
	FAILS(munlock2(at(0), page, 0), EINVAL);
}
END_TEST

START_TEST(lock_is_widened_to_whole_pages)
{
	OK(lof_mlock2(at(2) + page - 1, 2, MLOCK_ONFAULT));
	OK(lof_mlock2(at(5) + 1, 1, MLOCK_ONFAULT));
	OK(lof_mlock(at(7) + 17, page));
	KINDS(at(0), "..OO.O.FF.");
	OK(lof_munlock(at(3) + page - 1, 1));
	OK(lof_munlock(at(7) + page - 1, 2));
	KINDS(at(0), "..O..O....");
}
END_TEST

START_TEST(lock_of_no_bytes_does_nothing)
{
	UNCHANGED(OK(lof_mlock2(at(2), 0, MLOCK_ONFAULT)));
	UNCHANGED(OK(lof_mlock2(at(2), 0, 0)));
	UNCHANGED(OK(lof_mlock(at(2), 0)));
	OK(lof_mlock(at(0), pages(4)));
	UNCHANGED(OK(lof_munlock(at(2), 0)));
	UNCHANGED(OK(lof_munlock2(at(2), 0, MLOCK_LOCKED)));
	arena_lay(8, "----");
	UNCHANGED(OK(lof_mlock2(at(9), 0, MLOCK_ONFAULT)));
	UNCHANGED(OK(lof_munlock(at(9), 0)));
}
END_TEST

START_TEST(full_lock_over_on_fault_populates)
{
	arena_lay(0, "OOOOOO");
	OK(lof_mlock2(at(2), pages(2), 0));
	KINDS(at(0), "OOFFOO..");
	RSS(2);
	OK(lof_mlock(at(0), pages(3)));
	KINDS(at(0), "FFFFOO..");
	RSS(4);
}
END_TEST

START_TEST(on_fault_lock_over_full_keeps_the_pages)
{
	arena_lay(0, "FFFFFF");
	mark(at(0), 6, 'a');
	OK(lof_mlock2(at(2), pages(2), MLOCK_ONFAULT));
	KINDS(at(0), "FFOOFF..");
	RSS(6);
	ck_assert(is_marked(at(0), 6, 'a'));
}
END_TEST

START_TEST(munlock_drops_both_kinds_and_nothing_beside)
{
	arena_lay(0, "OOOFFF.FFF");
	mark(at(0), 10, 'a');
	OK(lof_munlock(at(1), pages(4)));
	KINDS(at(0), "O....F.FFF");
	RSS(10);
	ck_assert(is_marked(at(0), 10, 'a'));
	OK(lof_munlock(at(0), pages(10)));
	KINDS(at(0), "..........");
}
END_TEST

static int count_region(const struct lof_region *region, void *arg)
{
	if (region->start >= (uintptr_t)at(0) &&
	    region->start < (uintptr_t)at(ARENA_PAGES))
		++*(int *)arg;
	return 0;
}

static int regions(void)
{
	int n = 0;

	ck_assert_int_eq(lof_walk(count_region, &n), 0);
	return n;
}

START_TEST(locks_alike_side_by_side_are_one_region)
{
	arena_lay(0, "KKKKKK");
	ck_assert_int_eq(regions(), 1);
	OK(lof_munlock(at(2), pages(2)));
	ck_assert_int_eq(regions(), 2);
	OK(lof_mlock2(at(2), pages(2), kind_flags));
	KINDS(at(0), "KKKKKK..");
	ck_assert_int_eq(regions(), 1);
}
END_TEST

START_TEST(lock_stops_at_a_hole)
{
	arena_lay(0, "....--....");
	FAILS(lof_mlock2(at(2), pages(6), kind_flags), ENOMEM);
	KINDS(at(0), "..KK--....");
	FAILS(lof_mlock2(at(4), pages(6), kind_flags), ENOMEM);
	KINDS(at(0), "..KK--....");
}
END_TEST

START_TEST(mlock_stops_at_a_hole)
{
	arena_lay(0, "....--....");
	FAILS(lof_mlock(at(2), pages(6)), ENOMEM);
	KINDS(at(0), "..FF--....");
}
END_TEST

START_TEST(munlock_stops_at_a_hole)
{
	arena_lay(0, "KKKK--KKKK");
	FAILS(lof_munlock(at(2), pages(6)), ENOMEM);
	KINDS(at(0), "KK..--KKKK");
	REFUSED(lof_munlock(at(5), pages(4)), ENOMEM);
}
END_TEST

/* The kernel returns ENOMEM, but leaves the range locked. */
START_TEST(mlock_of_unreadable_memory_fails_and_is_undone)
{
	ck_assert_int_eq(mprotect(at(2), pages(2), PROT_NONE), 0);
	FAILS(lof_mlock(at(0), pages(6)), ENOMEM);
	KINDS(at(0), "........");
	arena_lay(0, "FO...O");
	FAILS(lof_mlock2(at(0), pages(6), 0), ENOMEM);
	KINDS(at(0), "FO...O..");
}
END_TEST

START_TEST(mlock2_on_fault_of_unreadable_memory_succeeds)
{
	ck_assert_int_eq(mprotect(at(2), pages(2), PROT_NONE), 0);
	OK(lof_mlock2(at(0), pages(6), MLOCK_ONFAULT));
	KINDS(at(0), "OOOOOO..");
	RSS(0);
}
END_TEST

START_TEST(mlock_beyond_the_end_of_a_file_fails_and_is_undone)
{
	int fd = memfd_create("short", MFD_CLOEXEC);

	ck_assert_int_eq(ftruncate(fd, (off_t)page), 0);
	ck_assert_ptr_eq(mmap(at(4), pages(3), PROT_READ | PROT_WRITE,
			      MAP_SHARED | MAP_FIXED, fd, 0), at(4));
	FAILS(lof_mlock(at(4), pages(3)), ENOMEM);
	KINDS(at(0), "..........");
	OK(lof_mlock2(at(4), pages(3), MLOCK_ONFAULT));
	KINDS(at(0), "....OOO...");
}
END_TEST

START_TEST(mlock2_refuses_unknown_flags)
{
	arena_lay(0, "OOFF....");
	REFUSED(lof_mlock2(at(1), pages(4), 2), EINVAL);
	REFUSED(lof_mlock2(at(1), pages(4), 3), EINVAL);
	REFUSED(lof_mlock2(at(1), pages(4), 0x80000000u), EINVAL);
	REFUSED(lof_mlock2(at(1), 0, ~0u), EINVAL);
}
END_TEST

/* The kernel returns success for a length that wraps to 0. */
static const size_t wrapping[] = {
	SIZE_MAX, SIZE_MAX - 1, SIZE_MAX - 4094, SIZE_MAX - 4095,
	SIZE_MAX - 8191, SIZE_MAX - 1048576,
};

START_TEST(lock_calls_refuse_a_length_that_wraps)
{
	size_t len = wrapping[_i];

	arena_lay(0, "OOFF....");
	REFUSED(lof_mlock2(at(1), len, MLOCK_ONFAULT), EINVAL);
	REFUSED(lof_mlock2(at(1), len, 0), EINVAL);
	REFUSED(lof_mlock(at(1), len), EINVAL);
	REFUSED(lof_munlock(at(1), len), EINVAL);
	REFUSED(lof_munlock2(at(1), len, MLOCK_ONFAULT), EINVAL);
	REFUSED(lof_munlock2(at(1), len, MLOCK_LOCKED), EINVAL);
	REFUSED(lof_munlock2(at(1), len, MLOCK_ONFAULT | MLOCK_LOCKED), EINVAL);
}
END_TEST

/* A range cannot include the last page: its end would be 0. */
START_TEST(lock_calls_refuse_a_range_that_ends_in_the_last_page)
{
	size_t len = SIZE_MAX - (uintptr_t)at(1) - (size_t)_i * (page - 2) + 1;

	arena_lay(0, "OOFF....");
	REFUSED(lof_mlock2(at(1), len, MLOCK_ONFAULT), EINVAL);
	REFUSED(lof_mlock(at(1), len), EINVAL);
	REFUSED(lof_munlock(at(1), len), EINVAL);
	REFUSED(lof_munlock2(at(1), len, MLOCK_ONFAULT), EINVAL);
}
END_TEST

START_TEST(lock_beyond_the_address_space_is_a_hole)
{
	arena_lay(0, "OOFF....");
	FAILS(lof_munlock(at(ARENA_PAGES - 1), SIZE_MAX / 2 + 1 -
			  (uintptr_t)at(ARENA_PAGES)), ENOMEM);
	KINDS(at(0), "OOFF....");
}
END_TEST

/* MAP_DROPPABLE (Linux 6.11): mlock2 returns success, but locks nothing. */
static void lay_droppable(size_t first, size_t n)
{
	void *addr = mmap(at(first), pages(n), PROT_READ | PROT_WRITE,
			  MAP_ANONYMOUS | MAP_FIXED | 0x08, -1, 0);

	if (addr == MAP_FAILED)
		skip("no MAP_DROPPABLE before Linux 6.11");
}

START_TEST(mlock2_of_droppable_memory_alone_is_refused)
{
	lay_droppable(4, 4);
	FAILS(lof_mlock2(at(4), pages(4), kind_flags), EOPNOTSUPP);
	KINDS(at(0), "............");
	OK(lof_mlock2(at(2), pages(4), kind_flags));
	KINDS(at(0), "..KK........");
}
END_TEST

START_TEST(mlock2_around_droppable_memory_tracks_the_rest)
{
	lay_droppable(4, 4);
	OK(lof_mlock2(at(2), pages(8), kind_flags));
	KINDS(at(0), "..KK....KK..");
}
END_TEST

static void add_locks(TCase *tcase)
{
	tcase_add_test(tcase, mlock2_on_fault_locks_and_populates_nothing);
	tcase_add_test(tcase, mlock2_on_fault_keeps_resident_pages);
	tcase_add_test(tcase, mlock2_without_flags_locks_and_populates);
	tcase_add_test(tcase, mlock_locks_and_populates);
	tcase_add_test(tcase, mlock2_by_its_own_name_is_the_same);
	tcase_add_test(tcase, lock_is_widened_to_whole_pages);
	tcase_add_test(tcase, lock_of_no_bytes_does_nothing);
	tcase_add_test(tcase, full_lock_over_on_fault_populates);
	tcase_add_test(tcase, on_fault_lock_over_full_keeps_the_pages);
	tcase_add_test(tcase, munlock_drops_both_kinds_and_nothing_beside);
}

Suite *lock_suite(void)
{
	Suite *suite = suite_create("lock");
	struct both_kinds both = arena_cases(suite);
	TCase *tcase = arena_case(suite, "effect");

	add_locks(tcase);
	add_for_each_kind(both, locks_alike_side_by_side_are_one_region);
	add_for_each_kind(both, lock_stops_at_a_hole);
	add_for_each_kind(both, munlock_stops_at_a_hole);
	add_for_each_kind(both, mlock2_of_droppable_memory_alone_is_refused);
	add_for_each_kind(both, mlock2_around_droppable_memory_tracks_the_rest);
	tcase = arena_case(suite, "partial effect");
	tcase_add_test(tcase, mlock_stops_at_a_hole);
	tcase_add_test(tcase, mlock_of_unreadable_memory_fails_and_is_undone);
	tcase_add_test(tcase, mlock2_on_fault_of_unreadable_memory_succeeds);
	tcase_add_test(tcase,
		       mlock_beyond_the_end_of_a_file_fails_and_is_undone);
	tcase = arena_case(suite, "refusal");
	tcase_add_test(tcase, mlock2_refuses_unknown_flags);
	tcase_add_loop_test(tcase, lock_calls_refuse_a_length_that_wraps, 0,
			    (int)(sizeof(wrapping) / sizeof(wrapping[0])));
	tcase_add_loop_test(tcase,
		lock_calls_refuse_a_range_that_ends_in_the_last_page, 0, 2);
	tcase_add_test(tcase, lock_beyond_the_address_space_is_a_hole);
	return suite;
}
