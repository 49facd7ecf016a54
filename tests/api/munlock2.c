/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * munlock2() unlocks the locks of the given kind. The first four tests are the
 * selftests of the kernel series that proposed munlock2 (v4, mlock2-tests.c).
 */
#include "config.h"

#include "support/kernel.h"

#include "support/truth.h"

#define BOTH (MLOCK_LOCKED | MLOCK_ONFAULT)

START_TEST(mlock_lock)
{
	OK(lof_mlock2(at(0), pages(2), 0));
	KINDS(at(0), "FF..");
	RSS(2);
	OK(lof_munlock2(at(0), pages(2), MLOCK_LOCKED));
	KINDS(at(0), "....");
	ck_assert_uint_eq(truth_vmlck(), 0);
}
END_TEST

START_TEST(mlock_onfault)
{
	OK(lof_mlock2(at(0), pages(2), MLOCK_ONFAULT));
	RSS(0);
	mark(at(0), 1, 'a');
	KINDS(at(0), "OO..");
	RSS(1);
	OK(lof_munlock2(at(0), pages(2), MLOCK_ONFAULT));
	KINDS(at(0), "....");
	ck_assert_uint_eq(truth_vmlck(), 0);
}
END_TEST

START_TEST(munlock_mismatch)
{
	OK(lof_mlock2(at(0), pages(2), 0));
	UNCHANGED(OK(lof_munlock2(at(0), pages(2), MLOCK_ONFAULT)));
	KINDS(at(0), "FF..");
	RSS(2);
	OK(lof_mlock2(at(4), pages(2), MLOCK_ONFAULT));
	UNCHANGED(OK(lof_munlock2(at(4), pages(2), MLOCK_LOCKED)));
	KINDS(at(4), "OO..");
}
END_TEST

START_TEST(lock_onfault_of_present)
{
	mark(at(0), 2, 'a');
	OK(lof_mlock2(at(0), pages(2), MLOCK_ONFAULT));
	KINDS(at(0), "OO..");
	RSS(2);
	ck_assert(is_marked(at(0), 2, 'a'));
}
END_TEST

START_TEST(munlock2_on_fault_leaves_full_locks_between)
{
	arena_lay(0, "OOFFOOFF.OOF");
	mark(at(0), 12, 'a');
	OK(lof_munlock2(at(0), pages(12), MLOCK_ONFAULT));
	KINDS(at(0), "..FF..FF...F");
	RSS(12);
	ck_assert(is_marked(at(0), 12, 'a'));
}
END_TEST

START_TEST(munlock2_locked_leaves_on_fault_between)
{
	arena_lay(0, "OOFFOOFF.OOF");
	OK(lof_munlock2(at(0), pages(12), MLOCK_LOCKED));
	KINDS(at(0), "OO..OO...OO.");
}
END_TEST

START_TEST(munlock2_of_both_is_munlock)
{
	arena_lay(0, "OOFFOOFF.OOF");
	OK(lof_munlock2(at(1), pages(10), BOTH));
	KINDS(at(0), "O..........F");
}
END_TEST

START_TEST(munlock2_stops_at_its_ends)
{
	arena_lay(0, "KKKKKKKK");
	OK(lof_munlock2(at(2), pages(3), kind_flags ? MLOCK_ONFAULT
						    : MLOCK_LOCKED));
	KINDS(at(0), "KK...KKK");
}
END_TEST

START_TEST(munlock2_is_widened_to_whole_pages)
{
	arena_lay(0, "OOFFOO");
	OK(lof_munlock2(at(1) + page - 1, pages(2) + 2, MLOCK_ONFAULT));
	KINDS(at(0), "O.FF.O");
	OK(lof_munlock2(at(2) + 1, 1, MLOCK_LOCKED));
	KINDS(at(0), "O..F.O");
}
END_TEST

START_TEST(munlock2_stops_at_a_hole)
{
	arena_lay(0, "FFOO--FFOO");
	FAILS(lof_munlock2(at(0), pages(10), MLOCK_ONFAULT), ENOMEM);
	KINDS(at(0), "FF..--FFOO");
	FAILS(lof_munlock2(at(0), pages(10), MLOCK_LOCKED), ENOMEM);
	KINDS(at(0), "....--FFOO");
	arena_lay(0, "FFOO");
	FAILS(lof_munlock2(at(0), pages(10), BOTH), ENOMEM);
	KINDS(at(0), "....--FFOO");
}
END_TEST

START_TEST(munlock2_that_starts_in_a_hole_changes_nothing)
{
	arena_lay(0, "FFOO--FFOO");
	REFUSED(lof_munlock2(at(4), pages(6), MLOCK_ONFAULT), ENOMEM);
	REFUSED(lof_munlock2(at(5), pages(5), MLOCK_LOCKED), ENOMEM);
	REFUSED(lof_munlock2(at(4), pages(6), BOTH), ENOMEM);
	REFUSED(lof_munlock2(at(4), page, MLOCK_ONFAULT), ENOMEM);
}
END_TEST

START_TEST(munlock2_of_a_mismatch_before_a_hole_changes_nothing)
{
	arena_lay(0, "FF--OO");
	REFUSED(lof_munlock2(at(0), pages(6), MLOCK_ONFAULT), ENOMEM);
}
END_TEST

START_TEST(munlock2_finds_a_hole_at_any_place)
{
	arena_lay(0, "OOOOOOOOOOOOO");
	ck_assert_int_eq(lof_munmap(at((size_t)_i), page), 0);
	FAILS(lof_munlock2(at(0), pages(13), MLOCK_ONFAULT), ENOMEM);
	for (int i = 0; i < 13; i++)
		ck_assert_int_eq(truth_kind_at(at((size_t)i)),
				 i < _i ? LOF_NONE : i > _i ? LOF_ONFAULT : -1);
}
END_TEST

START_TEST(munlock2_of_unlocked_memory_succeeds)
{
	UNCHANGED(OK(lof_munlock2(at(0), pages(8), MLOCK_ONFAULT)));
	UNCHANGED(OK(lof_munlock2(at(0), pages(8), MLOCK_LOCKED)));
	UNCHANGED(OK(lof_munlock2(at(0), pages(8), BOTH)));
}
END_TEST

START_TEST(munlock2_refuses_unknown_flags)
{
	static const unsigned int wrong[] = { 0, 4, 5, 7, 0x80000001u, ~0u };

	arena_lay(0, "OOFF");
	REFUSED(lof_munlock2(at(0), pages(4), wrong[_i]), EINVAL);
	REFUSED(lof_munlock2(at(0), 0, wrong[_i]), EINVAL);
}
END_TEST

Suite *munlock2_suite(void)
{
	Suite *suite = suite_create("munlock2");
	struct both_kinds both = arena_cases(suite);
	TCase *tcase = arena_case(suite, "selftests of v4");

	demand_exact_books(both.tcase[0]);
	demand_exact_books(both.tcase[1]);
	demand_exact_books(tcase);
	tcase_add_test(tcase, mlock_lock);
	tcase_add_test(tcase, mlock_onfault);
	tcase_add_test(tcase, munlock_mismatch);
	tcase_add_test(tcase, lock_onfault_of_present);
	tcase = arena_case(suite, "interleaved");
	demand_exact_books(tcase);
	tcase_add_test(tcase, munlock2_on_fault_leaves_full_locks_between);
	tcase_add_test(tcase, munlock2_locked_leaves_on_fault_between);
	tcase_add_test(tcase, munlock2_of_both_is_munlock);
	tcase_add_test(tcase, munlock2_is_widened_to_whole_pages);
	tcase_add_test(tcase, munlock2_of_unlocked_memory_succeeds);
	add_for_each_kind(both, munlock2_stops_at_its_ends);
	tcase = arena_case(suite, "holes");
	demand_exact_books(tcase);
	tcase_add_test(tcase, munlock2_stops_at_a_hole);
	tcase_add_test(tcase, munlock2_that_starts_in_a_hole_changes_nothing);
	tcase_add_test(tcase,
		       munlock2_of_a_mismatch_before_a_hole_changes_nothing);
	tcase_add_loop_test(tcase, munlock2_finds_a_hole_at_any_place, 0, 13);
	tcase = arena_case(suite, "refusal");
	demand_exact_books(tcase);
	tcase_add_loop_test(tcase, munlock2_refuses_unknown_flags, 0, 6);
	return suite;
}
