/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Changes by plain libc calls, which the ledger does not see. The kernel is
 * right: a stale entry must never lock or unlock a new mapping.
 */
#include "config.h"

#include "support/kernel.h"

#include "support/truth.h"

#define RW	(PROT_READ | PROT_WRITE)
#define ANON	(MAP_PRIVATE | MAP_ANONYMOUS)
#define STAY	(MREMAP_MAYMOVE | MREMAP_DONTUNMAP | MREMAP_FIXED)

/* Replace pages by a new mapping, by plain mmap. */
static void map_unseen(size_t first, size_t n)
{
	ck_assert_ptr_eq(mmap(at(first), pages(n), RW, ANON | MAP_FIXED, -1, 0),
			 at(first));
}

START_TEST(munlock2_unlocks_pages_locked_by_plain_mlock)
{
	lock_unseen(at(2), pages(2));
	OK(lof_munlock2(at(0), pages(6), MLOCK_LOCKED));
	KINDS(at(0), "......");
}
END_TEST

START_TEST(munlock2_keeps_plain_locks_of_the_other_kind)
{
	lock_unseen(at(2), pages(2));
	OK(lof_munlock2(at(0), pages(6), MLOCK_ONFAULT));
	ck_assert_int_eq(truth_kind_at(at(3)), LOF_FULL);
	OK(lof_munlock(at(2), pages(2)));
}
END_TEST

START_TEST(munlock2_keeps_plain_locks_of_a_new_mapping)
{
	arena_lay(0, "OOOO");
	map_unseen(1, 2);
	lock_unseen(at(1), pages(2));
	OK(lof_munlock2(at(0), pages(4), MLOCK_ONFAULT));
	ck_assert_int_eq(truth_kind_at(at(1)), LOF_FULL);
	ck_assert_int_eq(truth_kind_at(at(2)), LOF_FULL);
	ck_assert_int_eq(truth_kind_at(at(3)), LOF_NONE);
	OK(lof_munlock(at(0), pages(4)));
}
END_TEST

START_TEST(munlock_unlocks_pages_locked_by_plain_mlock)
{
	lock_unseen(at(2), pages(2));
	OK(lof_munlock(at(0), pages(6)));
	KINDS(at(0), "......");
}
END_TEST

START_TEST(dontunmap_moves_locks_by_plain_mlock)
{
	void *addr;

	lock_unseen(at(0), pages(6));
	MAPPED(addr, lof_mremap(at(2), pages(2), pages(2), STAY, at(16)));
	ck_assert_uint_eq(truth_vmlck(), pages(6));
	ck_assert_int_eq(truth_kind_at(at(0)), LOF_FULL);
	ck_assert_int_eq(truth_kind_at(at(2)), LOF_NONE);
	ck_assert_int_eq(truth_kind_at(at(16)), LOF_FULL);
	OK(lof_munmap(arena, pages(ARENA_PAGES)));
	ck_assert_uint_eq(truth_vmlck(), 0);
}
END_TEST

START_TEST(dontunmap_does_not_lock_a_new_mapping)
{
	void *addr;

	arena_lay(0, "KKKKKK");
	map_unseen(1, 4);
	MAPPED(addr, lof_mremap(at(2), pages(2), pages(2), STAY, at(16)));
	ck_assert_int_eq(truth_kind_at(at(2)), LOF_NONE);
	ck_assert_int_eq(truth_kind_at(at(16)), LOF_NONE);
	ck_assert_uint_eq(truth_vmlck(), pages(2));
	OK(lof_munmap(arena, pages(ARENA_PAGES)));
}
END_TEST

START_TEST(munlockall2_does_not_lock_a_new_mapping)
{
	arena_lay(0, "OOFFOO");
	OK(lof_mlockall(MCL_FUTURE));
	map_unseen(1, 1);
	OK(lof_munlock(at(1), page));
	arena_lay(8, "OO");
	unlock_unseen(at(8), page);
	OK(lof_munlockall2(MCL_FUTURE));
	KINDS(at(0), "O.FFOO...O");
}
END_TEST

/* The kernel grows a MAP_GROWSDOWN mapping by itself, like a stack. */
START_TEST(query_sees_a_mapping_that_grew_down)
{
	const size_t room = 1024;	/* pages: above the stack guard gap */
	struct lof_region region;
	char *base, *top;

	base = mmap(NULL, pages(room), PROT_NONE, ANON | MAP_NORESERVE, -1, 0);
	ck_assert_ptr_ne(base, MAP_FAILED);
	/* The room stays mapped until here: the library may map own memory. */
	MAPPED(top, lof_mmap_onfault(base + pages(room - 2), pages(2), RW,
				     ANON | MAP_GROWSDOWN | MAP_FIXED, -1, 0));
	ck_assert_int_eq(munmap(base, pages(room - 2)), 0);
	KINDS(top, "OO");
	for (size_t i = 1; i < 5; i++)
		*(volatile char *)(top - pages(i)) = 1;
	ck_assert_int_eq(truth_kind_at(top - pages(4)), LOF_ONFAULT);
	OK(lof_query(top - pages(4), &region, sizeof(region)));
	ck_assert_uint_eq(region.kind, LOF_ONFAULT);
	ck_assert_ptr_eq((void *)region.start, top - pages(4));
	ck_assert_uint_eq(region.len, pages(6));
	KINDS(top - pages(4), "OOOOOO");
	OK(lof_munmap(top - pages(4), pages(6)));
	ck_assert_uint_eq(truth_vmlck(), 0);
}
END_TEST

Suite *drift_suite(void)
{
	Suite *suite = suite_create("drift");
	struct both_kinds both = arena_cases(suite);
	TCase *tcase = arena_case(suite, "unseen");

	tcase_add_test(tcase, munlock2_unlocks_pages_locked_by_plain_mlock);
	tcase_add_test(tcase,
		       munlock2_keeps_plain_locks_of_the_other_kind);
	tcase_add_test(tcase, munlock2_keeps_plain_locks_of_a_new_mapping);
	tcase_add_test(tcase, munlock_unlocks_pages_locked_by_plain_mlock);
	tcase_add_test(tcase, dontunmap_moves_locks_by_plain_mlock);
	tcase_add_test(tcase, munlockall2_does_not_lock_a_new_mapping);
	tcase_add_test(tcase, query_sees_a_mapping_that_grew_down);
	add_for_each_kind(both, dontunmap_does_not_lock_a_new_mapping);
	return suite;
}
