/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * mremap with MREMAP_DONTUNMAP, and the refusals of mremap. The kernel (seen on
 * 6.18) handles locked memory wrongly under MREMAP_DONTUNMAP.
 */
#include "config.h"

#include "support/kernel.h"

#include <sys/syscall.h>
#include <unistd.h>

#include "support/truth.h"

#define RW	(PROT_READ | PROT_WRITE)
#define STAY	(MREMAP_MAYMOVE | MREMAP_DONTUNMAP)
#define ONTO	(MREMAP_MAYMOVE | MREMAP_FIXED)

/* Four pages at 2 move away: the layout before and after. */
static const struct {
	const char *before, *after;
} layout[] = {
	{ "--KKKK--", "--....--" },
	{ "..KKKK..", "........" },
	{ "--KKKKKK", "--....KK" },
	{ "KKKKKKKK", "KK....KK" },
	{ "KKKKKK--", "KK....--" },
	{ "OOKKKKFF", "OO....FF" },
	{ "FFKKKKOO", "FF....OO" },
};
#define NLAYOUTS (sizeof(layout) / sizeof(layout[0]))

static size_t count_locked(const char *kinds)
{
	size_t n = 0;

	for (; *kinds; kinds++)
		n += *kinds != '.' && *kinds != '-';
	return n;
}

static void lay_out(size_t i)
{
	void *addr;

	MAPPED(addr, lof_mmap(arena, pages(ARENA_PAGES), RW,
			      MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
	arena_lay(0, layout[i].before);
	mark(at(3), 2, 'p');
}

static void assert_moved(size_t i, char *to)
{
	ck_assert_str_eq(kinds_at(at(0), 8), kinds_meant(layout[i].after));
	KINDS(to, "KKKK");
	ck_assert(is_marked(to + page, 2, 'p'));
	ck_assert_int_eq(*at(3), 0);
	ck_assert_int_eq(*at(4), 0);
}

START_TEST(dontunmap_moves_the_lock)
{
	for (size_t i = 0; i < NLAYOUTS; i++) {
		char *addr;

		lay_out(i);
		MAPPED(addr, lof_mremap(at(2), pages(4), pages(4), STAY, NULL));
		ck_assert_uint_eq(truth_rss((uintptr_t)addr,
					    (uintptr_t)addr + pages(4)),
				  pages(kind_letter == 'O' ? 2 : 4));
		assert_moved(i, addr);
		ck_assert_uint_eq(truth_vmlck(),
				  pages(4 + count_locked(layout[i].after)));
		OK(lof_munmap(addr, pages(4)));
		OK(lof_munmap(arena, pages(ARENA_PAGES)));
		ck_assert_uint_eq(truth_vmlck(), 0);
	}
}
END_TEST

START_TEST(dontunmap_onto_a_target_moves_the_lock)
{
	static const char *const target[] = {
		"......", "OOOOOO", "FFFFFF", "------", "OF.-FO",
	};

	for (size_t i = 0; i < NLAYOUTS * 5; i++) {
		const char *was = target[i % 5];
		size_t beside = was[0] == 'O' || was[0] == 'F' ? 2 : 0;
		size_t locked = count_locked(layout[i / 5].after) + 4 + beside;
		char *addr;

		lay_out(i / 5);
		arena_lay(16, was);
		MAPPED(addr, lof_mremap(at(2), pages(4), pages(4),
					STAY | MREMAP_FIXED, at(17)));
		ck_assert_ptr_eq(addr, at(17));
		assert_moved(i / 5, addr);
		ck_assert_int_eq(*kinds_at(at(16), 1), was[0]);
		ck_assert_int_eq(*kinds_at(at(21), 1), was[5]);
		ck_assert_uint_eq(truth_vmlck(), pages(locked));
		OK(lof_munmap(arena, pages(ARENA_PAGES)));
		ck_assert_uint_eq(truth_vmlck(), 0);
	}
}
END_TEST

/* The kernel merges source and target into one VMA, and unlocks both. */
START_TEST(dontunmap_to_the_next_place_moves_the_lock)
{
	char *addr;

	arena_lay(0, "KKKK----");
	MAPPED(addr, lof_mremap(at(0), pages(4), pages(4), STAY | MREMAP_FIXED,
				at(4)));
	KINDS(at(0), "....KKKK");
	ck_assert_uint_eq(truth_vmlck(), pages(4));
}
END_TEST

START_TEST(dontunmap_moves_to_a_free_hint)
{
	char *hint = at(2 * ARENA_PAGES), *addr;

	arena_lay(0, "KKKK");
	MAPPED(addr, lof_mremap(at(1), pages(2), pages(2), STAY, hint));
	ck_assert_ptr_eq(addr, hint);
	KINDS(hint, "KK");
	KINDS(at(0), "K..K");
}
END_TEST

START_TEST(dontunmap_again_and_again_leaks_no_charge)
{
	for (int i = 0; i < 10; i++) {
		char *addr;

		arena_lay(0, "KKKK");
		MAPPED(addr, lof_mremap(at(1), pages(2), pages(2), STAY, NULL));
		OK(lof_munmap(addr, pages(2)));
	}
	KINDS(at(0), "K..K");
	ck_assert_uint_eq(truth_vmlck(), pages(2));
}
END_TEST

START_TEST(dontunmap_of_unlocked_memory_locks_nothing)
{
	void *addr;

	arena_lay(0, "KK..KK");
	arena_lay(16, "KKKK");
	MAPPED(addr, lof_mremap(at(2), pages(2), pages(2), STAY | MREMAP_FIXED,
				at(17)));
	KINDS(at(0), "KK..KK");
	KINDS(at(16), "K..K");
}
END_TEST

START_TEST(dontunmap_moves_the_lock_of_unreadable_memory)
{
	char *addr;

	arena_lay(0, "KKKK");
	OK(lof_mprotect(at(1), pages(2), PROT_NONE));
	MAPPED(addr, lof_mremap(at(1), pages(2), pages(2), STAY, NULL));
	KINDS(addr, "KK");
	KINDS(at(0), "K..K");
	ck_assert_uint_eq(truth_vmlck(), pages(4));
}
END_TEST

START_TEST(dontunmap_that_fails_changes_nothing)
{
	arena_lay(0, "KKKKKKKK--");
	mark(at(0), 8, 'p');
	MAP_REFUSED(lof_mremap(at(2), pages(4), pages(4), STAY | MREMAP_FIXED,
			       at(4)), EINVAL);
	MAP_REFUSED(lof_mremap(at(2), pages(4), pages(4), STAY | MREMAP_FIXED,
			       at(20) + 1), EINVAL);
	MAP_REFUSED(lof_mremap(at(2), pages(4), pages(5), STAY, NULL), EINVAL);
	MAP_REFUSED(lof_mremap(at(2), pages(4), pages(2), STAY, NULL), EINVAL);
	MAP_REFUSED(lof_mremap(at(2), pages(4), pages(4), MREMAP_DONTUNMAP,
			       NULL), EINVAL);
	MAP_REFUSED(lof_mremap(at(2), pages(4), pages(4), STAY | 8, NULL),
		    EINVAL);
	MAP_REFUSED(lof_mremap(at(8), page, page, STAY, NULL), EFAULT);
	MAP_REFUSED(lof_mremap(at(6), pages(4), pages(4), STAY, NULL), EFAULT);
	ck_assert(is_marked(at(0), 8, 'p'));
}
END_TEST

/* Without the locks it is one VMA, which the kernel would move. */
START_TEST(dontunmap_of_two_kinds_fails)
{
	arena_lay(0, "OOOFFF");
	mark(at(3), 3, 'p');
	MAP_REFUSED(lof_mremap(at(1), pages(4), pages(4), STAY, NULL), EFAULT);
	KINDS(at(0), "OOOFFF");
	ck_assert(is_marked(at(3), 3, 'p'));
	ck_assert_uint_eq(truth_vmlck(), pages(6));
	OK(lof_munlock(at(3), pages(3)));
	MAP_REFUSED(lof_mremap(at(1), pages(4), pages(4), STAY, NULL), EFAULT);
	KINDS(at(0), "OOO...");
}
END_TEST

/* Linux 6.17 and later move several VMAs to a fixed address. */
static const struct {
	const char *source, *target, *left, *moved;
} several[] = {
	{ "OOFF", "....", "....", "OOFF" },
	{ "OO..FF", "FFFFFF", "......", "OO..FF" },
	{ ".OF.", "----", "....", ".OF." },
	{ "OO--FF", "......", "..--..", "OO..FF" },
	{ "OO--FF", "FFFFOO", "..--..", "OOFFFF" },
	{ "FF-O", "----", "..-.", "FF-O" },
};

START_TEST(dontunmap_of_several_vmas_moves_each_lock)
{
	size_t n = strlen(several[_i].source);
	size_t locked;
	void *addr;

	arena_lay(0, several[_i].source);
	arena_lay(16, several[_i].target);
	mark(at(0), 2, 'p');
	if (!moves_several_vmas()) {
		NOT_MAPPED(lof_mremap(at(0), pages(n), pages(n),
				      STAY | MREMAP_FIXED, at(16)), EFAULT);
		ck_assert_str_eq(kinds_at(at(0), n), several[_i].source);
		assert_target_of_failure(16, several[_i].target);
		skip("no moves of several VMAs before Linux 6.17");
	}
	MAPPED(addr, lof_mremap(at(0), pages(n), pages(n), STAY | MREMAP_FIXED,
				at(16)));
	ck_assert_ptr_eq(addr, at(16));
	ck_assert_str_eq(kinds_at(at(0), n), several[_i].left);
	ck_assert_str_eq(kinds_at(at(16), n), several[_i].moved);
	ck_assert(is_marked(at(16), 2, 'p'));
	locked = count_locked(several[_i].moved);
	ck_assert_uint_eq(truth_vmlck(), pages(locked));
	OK(lof_munmap(arena, pages(ARENA_PAGES)));
	ck_assert_uint_eq(truth_vmlck(), 0);
}
END_TEST

START_TEST(mremap_refuses_a_wrong_new_address)
{
	arena_lay(0, "KKKKKKKK");
	arena_lay(16, "OOFF");
	MAP_REFUSED(lof_mremap(at(0), pages(4), pages(4), ONTO, at(16) + 1),
		    EINVAL);
	MAP_REFUSED(lof_mremap(at(0), pages(4), pages(4), ONTO, at(3)), EINVAL);
	MAP_REFUSED(lof_mremap(at(2), pages(4), pages(6), ONTO, at(0)), EINVAL);
	MAP_REFUSED(lof_mremap(at(0), pages(4), pages(4), ONTO, at(0)), EINVAL);
	MAP_REFUSED(lof_mremap(at(0), pages(4), pages(4), ONTO,
			       (void *)(UINTPTR_MAX & ~(page - 1))), EINVAL);
}
END_TEST

START_TEST(mremap_refuses_wrong_lengths_and_flags)
{
	arena_lay(0, "KKKKKKKK");
	MAP_REFUSED(lof_mremap(at(0) + 1, page, pages(2), 1), EINVAL);
	MAP_REFUSED(lof_mremap(at(0), pages(4), 0, 1), EINVAL);
	MAP_REFUSED(lof_mremap(at(0), pages(4), pages(4), 8), EINVAL);
	MAP_REFUSED(lof_mremap(at(0), pages(4), pages(4), MREMAP_FIXED,
			       at(16)), EINVAL);
	MAP_REFUSED(lof_mremap(at(0), 0, pages(4), 1), EINVAL);
	MAP_REFUSED(lof_mremap(at(0), 0, pages(4), 0), EINVAL);
	MAP_REFUSED(lof_mremap(at(0), SIZE_MAX, SIZE_MAX, 1), EINVAL);
	MAP_REFUSED(lof_mremap(at(0), SIZE_MAX - page + 1, page, 1), EINVAL);
}
END_TEST

/* Before Linux 6.17 this succeeds, and does nothing. */
START_TEST(mremap_of_a_range_that_wraps_is_that_of_the_kernel)
{
	const size_t len = 0 - pages(2);
	void *wanted, *got;
	int err, after;

	arena_lay(0, "KKKK");
	errno = UNTOUCHED;
	wanted = (void *)syscall(SYS_mremap, at(1), len, len, 0, NULL);
	err = errno;
	errno = UNTOUCHED;
	got = lof_mremap(at(1), len, len, 0);
	after = errno;
	ck_assert_ptr_eq(got, wanted);
	ck_assert_int_eq(after, err);
	KINDS(at(0), "KKKK");
}
END_TEST

START_TEST(mremap_refuses_to_grow_two_vmas_or_a_hole)
{
	arena_lay(0, "OOFF--OO");
	MAP_REFUSED(lof_mremap(at(0), pages(4), pages(6), 0), EFAULT);
	MAP_REFUSED(lof_mremap(at(1), pages(3), pages(9), 1), EFAULT);
	MAP_REFUSED(lof_mremap(at(4), page, pages(2), 1), EFAULT);
	NOT_MAPPED(lof_mremap(at(0), pages(4), pages(6), ONTO, at(20)),
		   EFAULT);
	KINDS(at(0), "OOFF--OO");
	assert_target_of_failure(20, "......");
}
END_TEST

START_TEST(mremap_refuses_to_grow_without_room)
{
	arena_lay(0, "KKKKFFKK");
	MAP_REFUSED(lof_mremap(at(0), pages(4), pages(6), 0), ENOMEM);
	MAP_REFUSED(lof_mremap(at(1), pages(2), pages(3), 0), ENOMEM);
}
END_TEST

Suite *dontunmap_suite(void)
{
	Suite *suite = suite_create("mremap dontunmap and refusals");
	struct both_kinds both = arena_cases(suite);
	TCase *tcase = arena_case(suite, "two kinds");

	demand_exact_books(both.tcase[0]);
	demand_exact_books(both.tcase[1]);
	demand_exact_books(tcase);
	add_for_each_kind(both, dontunmap_moves_the_lock);
	add_for_each_kind(both, dontunmap_onto_a_target_moves_the_lock);
	add_for_each_kind(both, dontunmap_to_the_next_place_moves_the_lock);
	add_for_each_kind(both, dontunmap_moves_to_a_free_hint);
	add_for_each_kind(both, dontunmap_again_and_again_leaks_no_charge);
	add_for_each_kind(both, dontunmap_of_unlocked_memory_locks_nothing);
	add_for_each_kind(both, dontunmap_moves_the_lock_of_unreadable_memory);
	add_for_each_kind(both, dontunmap_that_fails_changes_nothing);
	tcase_add_test(tcase, dontunmap_of_two_kinds_fails);
	tcase_add_loop_test(tcase, dontunmap_of_several_vmas_moves_each_lock, 0,
			    (int)(sizeof(several) / sizeof(several[0])));
	add_for_each_kind(both, mremap_refuses_a_wrong_new_address);
	add_for_each_kind(both, mremap_refuses_wrong_lengths_and_flags);
	add_for_each_kind(both, mremap_of_a_range_that_wraps_is_that_of_the_kernel);
	add_for_each_kind(both, mremap_refuses_to_grow_without_room);
	tcase_add_test(tcase, mremap_refuses_to_grow_two_vmas_or_a_hole);
	return suite;
}
