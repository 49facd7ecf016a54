/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * mremap without MREMAP_DONTUNMAP, for each kind of lock: the pages keep their
 * content and their lock, in any part of a VMA.
 */
#include "config.h"

#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "support/kernel.h"

#include "support/truth.h"

#define MOVE	MREMAP_MAYMOVE
#define ONTO	(MREMAP_MAYMOVE | MREMAP_FIXED)

static size_t rss_at(const void *addr, size_t npages)
{
	return truth_rss((uintptr_t)addr, (uintptr_t)addr + pages(npages)) /
	       page;
}

/*
 * Four pages at 2 move: a whole VMA; the front, middle or end of a larger VMA;
 * or a VMA between other VMAs. behind is the layout after the move.
 */
static const struct {
	const char *before, *behind;
} layout[] = {
	{ "--KKKK--", "--------" },
	{ "..KKKK..", "..----.." },
	{ "--KKKKKK", "------KK" },
	{ "KKKKKKKK", "KK----KK" },
	{ "KKKKKK--", "KK------" },
	{ "OOKKKKFF", "OO----FF" },
	{ "FFKKKKOO", "FF----OO" },
};
#define NLAYOUTS (sizeof(layout) / sizeof(layout[0]))

/* Map the arena anew with a layout, and touch two pages. */
static void lay_out(size_t i)
{
	void *addr;

	MAPPED(addr, lof_mmap(arena, pages(ARENA_PAGES), PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
	arena_lay(0, layout[i].before);
	mark(at(3), 2, 'p');
}

static void assert_behind(size_t i)
{
	ck_assert_str_eq(kinds_at(at(0), 8), kinds_meant(layout[i].behind));
}

START_TEST(grow_in_place_keeps_the_kind)
{
	void *addr;

	arena_lay(0, "KKKK------");
	mark(at(1), 3, 'p');
	MAPPED(addr, lof_mremap(at(0), pages(4), pages(6), 0));
	ck_assert_ptr_eq(addr, at(0));
	KINDS(at(0), "KKKKKK----");
	RSS(kind_letter == 'O' ? 3 : 6);
	MAPPED(addr, lof_mremap(at(4), pages(2) - 7, pages(3) - 7, 0));
	KINDS(at(0), "KKKKKKK---");
	ck_assert(is_marked(at(1), 3, 'p'));
	ck_assert_uint_eq(truth_vmlck(), pages(7));
}
END_TEST

START_TEST(grow_in_place_takes_the_kind_of_the_grown_vma)
{
	void *addr;

	arena_lay(0, "OOFF----");
	MAPPED(addr, lof_mremap(at(2), pages(2), pages(4), 0));
	KINDS(at(0), "OOFFFF--");
	arena_lay(8, "FFOO----");
	MAPPED(addr, lof_mremap(at(10), pages(2), pages(4), 0));
	KINDS(at(8), "FFOOOO--");
	RSS(6);
}
END_TEST

START_TEST(grow_of_unlocked_beside_locked_stays_unlocked)
{
	void *addr;

	arena_lay(0, "KK..----");
	MAPPED(addr, lof_mremap(at(2), pages(2), pages(4), 0));
	KINDS(at(0), "KK....--");
}
END_TEST

START_TEST(grow_by_move_keeps_the_kind)
{
	for (size_t i = 0; i < NLAYOUTS; i++) {
		size_t touched = kind_letter == 'O' ? 2 : 400;
		char *addr;

		lay_out(i);
		MAPPED(addr, lof_mremap(at(2), pages(4), pages(400), MOVE));
		assert_behind(i);
		KINDS(addr, "KKKKKKKK");
		KINDS(addr + pages(396), "KKKK");
		ck_assert_uint_eq(rss_at(addr, 400), touched);
		ck_assert(is_marked(addr + page, 2, 'p'));
		OK(lof_munmap(addr, pages(400)));
	}
}
END_TEST

START_TEST(shrink_keeps_the_kind)
{
	static const char *const left[NLAYOUTS] = {
		"--KK----", "..KK--..", "--KK--KK", "KKKK--KK", "KKKK----",
		"OOKK--FF", "FFKK--OO",
	};

	for (size_t i = 0; i < NLAYOUTS; i++) {
		void *addr;

		lay_out(i);
		MAPPED(addr, lof_mremap(at(2), pages(4), pages(2), 0));
		ck_assert_ptr_eq(addr, at(2));
		ck_assert_str_eq(kinds_at(at(0), 8), kinds_meant(left[i]));
		ck_assert(is_marked(at(3), 1, 'p'));
	}
}
END_TEST

START_TEST(shrink_spans_several_vmas)
{
	void *addr;

	arena_lay(0, "OOFF..FF");
	MAPPED(addr, lof_mremap(at(1), pages(6), page, 0));
	KINDS(at(0), "OO-----F");
}
END_TEST

START_TEST(shrink_and_move_keeps_the_kind)
{
	for (size_t i = 0; i < NLAYOUTS; i++) {
		void *addr;

		lay_out(i);
		arena_lay(16, "OOFF.");
		MAPPED(addr, lof_mremap(at(2), pages(4), pages(2), ONTO,
					at(17)));
		ck_assert_ptr_eq(addr, at(17));
		assert_behind(i);
		KINDS(at(16), "OKKF.");
		ck_assert(is_marked(at(18), 1, 'p'));
	}
}
END_TEST

START_TEST(move_onto_a_target_keeps_the_kind_of_the_source)
{
	static const char *const target[] = {
		"......", "OOOOOO", "FFFFFF", "------", "OF.-FO", "KKKKKK",
	};

	for (size_t i = 0; i < NLAYOUTS * 6; i++) {
		const char *was = target[i % 6];
		char after[7];
		void *addr;

		lay_out(i / 6);
		arena_lay(16, was);
		MAPPED(addr, lof_mremap(at(2), pages(4), pages(4), ONTO,
					at(17)));
		ck_assert_ptr_eq(addr, at(17));
		assert_behind(i / 6);
		strcpy(after, kinds_meant(was));
		memset(after + 1, kind_letter, 4);
		ck_assert_str_eq(kinds_at(at(16), 6), after);
		ck_assert_uint_eq(rss_at(at(17), 4),
				  kind_letter == 'O' ? 2 : 4);
		ck_assert(is_marked(at(18), 2, 'p'));
	}
}
END_TEST

START_TEST(move_of_unlocked_onto_locked_unlocks)
{
	void *addr;

	arena_lay(16, "KKKK");
	MAPPED(addr, lof_mremap(at(0), pages(2), pages(2), ONTO, at(17)));
	KINDS(at(16), "K..K");
	KINDS(at(0), "--..");
}
END_TEST

START_TEST(grow_and_move_onto_a_target_keeps_the_kind)
{
	for (size_t i = 0; i < NLAYOUTS; i++) {
		void *addr;

		lay_out(i);
		arena_lay(16, "OOFFOOFF");
		MAPPED(addr, lof_mremap(at(2), pages(4), pages(6), ONTO,
					at(17)));
		assert_behind(i);
		KINDS(at(16), "OKKKKKKF");
		ck_assert(is_marked(at(18), 2, 'p'));
		ck_assert_uint_eq(rss_at(at(17), 6),
				  kind_letter == 'O' ? 2 : 6);
	}
}
END_TEST

/* A second mapping of shared memory takes the lock of the first page. */
START_TEST(old_length_0_duplicates_the_kind)
{
	char *addr;

	MAPPED(addr, lof_mmap(at(0), pages(6), PROT_READ | PROT_WRITE,
			      MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
	arena_lay(1, "KKKK");
	mark(at(2), 2, 'p');
	MAPPED(addr, lof_mremap(at(1), 0, pages(4), MOVE));
	KINDS(addr, "KKKK");
	KINDS(at(0), ".KKKK.");
	ck_assert(is_marked(addr + page, 2, 'p'));
	ck_assert(is_marked(at(2), 2, 'p'));
	ck_assert_uint_eq(truth_vmlck(), pages(8));
	arena_lay(16, "OOFF.");
	MAPPED(addr, lof_mremap(at(2), 0, pages(3), ONTO, at(17)));
	KINDS(at(16), "OKKK.");
	KINDS(at(0), ".KKKK.");
	ck_assert(is_marked(addr, 2, 'p'));
	MAPPED(addr, lof_mremap(at(0), 0, pages(3), ONTO, at(17)));
	KINDS(at(16), "O....");
}
END_TEST

static void move_many(const char *source, const char *target,
		      const char *after)
{
	size_t n = strlen(source);
	void *addr;

	arena_lay(0, source);
	arena_lay(16, target);
	for (size_t i = 0; i < n; i++)
		if (source[i] != '-')
			mark(at(i), 1, (char)('a' + (char)i));
	if (!moves_several_vmas())
		skip("no moves of several VMAs before Linux 6.17");
	MAPPED(addr, lof_mremap(at(0), pages(n), pages(n), ONTO, at(16)));
	ck_assert_ptr_eq(addr, at(16));
	ck_assert_str_eq(kinds_at(at(16), n), after);
	KINDS(at(0), "------");
	for (size_t i = 0; i < n; i++)
		if (source[i] != '-')
			ck_assert(is_marked(at(16 + i), 1,
					    (char)('a' + (char)i)));
}

START_TEST(move_of_several_vmas_keeps_each_kind)
{
	move_many("OOFF..", "......", "OOFF..");
}
END_TEST

START_TEST(move_of_several_vmas_onto_locks_keeps_each_kind)
{
	move_many("OO..FFO", "FFFOOO.", "OO..FFO");
}
END_TEST

/* The target stays mapped below a hole of the source (seen on 6.18). */
START_TEST(move_with_a_hole_keeps_the_target_below_it)
{
	move_many("OO--FF", "FFFFFF", "OOFFFF");
}
END_TEST

START_TEST(move_with_a_hole_onto_nothing_keeps_the_hole)
{
	move_many("OO-F--F", "-------", "OO-F--F");
}
END_TEST

START_TEST(move_with_a_hole_onto_unlocked_keeps_the_kinds)
{
	move_many("FF--OO", "......", "FF..OO");
}
END_TEST

/* Register userfaultfd: a move of several VMAs stops at such a VMA. */
static int watch(void *addr, size_t len)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = {
		.range = { (uintptr_t)addr, len },
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};
	int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC);

	/* The request of ioctl() is an int in musl: use the system call. */
	return fd < 0 || syscall(SYS_ioctl, fd, UFFDIO_API, &api) ||
	       syscall(SYS_ioctl, fd, UFFDIO_REGISTER, &reg);
}

START_TEST(move_that_stops_half_way_leaves_the_ledger_right)
{
	arena_lay(0, "OOFFOOFF");
	arena_lay(16, "FFFFFFFF");
	if (watch(at(4), pages(2)))
		skip("no userfaultfd");
	NOT_MAPPED(lof_mremap(at(0), pages(8), pages(8), ONTO, at(16)), EFAULT);
	KINDS(at(4), "OOFF..");
	/* Linux 6.17 and later have moved the first two VMAs. */
	if (truth_kind_at(at(0)) < 0) {
		KINDS(at(0), "----");
		KINDS(at(16), "OOFF");
	}
}
END_TEST

START_TEST(remap_to_the_same_length_changes_nothing)
{
	void *addr;

	arena_lay(0, "OOFF..");
	UNCHANGED(MAPPED(addr, lof_mremap(at(0), pages(2), pages(2), 0)));
	UNCHANGED(MAPPED(addr, lof_mremap(at(2), pages(2), pages(2), MOVE)));
	ck_assert_ptr_eq(addr, at(2));
}
END_TEST

Suite *remap_suite(void)
{
	Suite *suite = suite_create("mremap");
	struct both_kinds both = arena_cases(suite);
	TCase *tcase = arena_case(suite, "several kinds");

	demand_exact_books(both.tcase[0]);
	demand_exact_books(both.tcase[1]);
	demand_exact_books(tcase);
	add_for_each_kind(both, grow_in_place_keeps_the_kind);
	add_for_each_kind(both, grow_of_unlocked_beside_locked_stays_unlocked);
	add_for_each_kind(both, grow_by_move_keeps_the_kind);
	add_for_each_kind(both, shrink_keeps_the_kind);
	add_for_each_kind(both, shrink_and_move_keeps_the_kind);
	add_for_each_kind(both, move_onto_a_target_keeps_the_kind_of_the_source);
	add_for_each_kind(both, move_of_unlocked_onto_locked_unlocks);
	add_for_each_kind(both, grow_and_move_onto_a_target_keeps_the_kind);
	add_for_each_kind(both, old_length_0_duplicates_the_kind);
	tcase_add_test(tcase, grow_in_place_takes_the_kind_of_the_grown_vma);
	tcase_add_test(tcase, shrink_spans_several_vmas);
	tcase_add_test(tcase, move_of_several_vmas_keeps_each_kind);
	tcase_add_test(tcase, move_of_several_vmas_onto_locks_keeps_each_kind);
	tcase_add_test(tcase, move_with_a_hole_keeps_the_target_below_it);
	tcase_add_test(tcase, move_with_a_hole_onto_nothing_keeps_the_hole);
	tcase_add_test(tcase, move_with_a_hole_onto_unlocked_keeps_the_kinds);
	tcase_add_test(tcase, move_that_stops_half_way_leaves_the_ledger_right);
	tcase_add_test(tcase, remap_to_the_same_length_changes_nothing);
	return suite;
}
