/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* madvise: LOF_DISCARD decides if locked pages are discarded. */
#include "config.h"

#include <fcntl.h>
#include <unistd.h>

#include "support/kernel.h"

#include "support/skip.h"
#include "support/truth.h"

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL	102	/* Linux 6.13 */
#define MADV_GUARD_REMOVE	103
#endif

static const int discards[] = { MADV_DONTNEED, MADV_FREE };

static void discard(unsigned long value)
{
	OK(lof_set(LOF_DISCARD, value));
}

START_TEST(discard_of_locked_pages_fails_as_the_kernel_does)
{
	arena_lay(0, "OOFF....");
	mark(at(0), 8, 'a');
	for (int i = 0; i < 2; i++) {
		REFUSED(lof_madvise(at(0), pages(2), discards[i]), EINVAL);
		REFUSED(lof_madvise(at(2), pages(2), discards[i]), EINVAL);
	}
	ck_assert(is_marked(at(0), 8, 'a'));
}
END_TEST

START_TEST(discard_of_unlocked_pages_gives_them_back)
{
	arena_lay(0, "OOFF....");
	mark(at(0), 8, 'a');
	discard((unsigned long)_i);
	OK(lof_madvise(at(4), pages(3), MADV_DONTNEED));
	KINDS(at(0), "OOFF....");
	RSS(5);
	ck_assert_int_eq(*at(4), 0);
	ck_assert(is_marked(at(7), 1, 'h'));
}
END_TEST

START_TEST(translated_discard_gives_back_and_stays_locked)
{
	discard(LOF_DISCARD_TRANSLATE);
	for (int i = 0; i < 2; i++) {
		arena_lay(0, "KKKKKK");
		mark(at(0), 6, 'a');
		RSS(6);
		OK(lof_madvise(at(1), pages(3) - 1, discards[i]));
		KINDS(at(0), "KKKKKK..");
		RSS(3);
		ck_assert_uint_eq(truth_vmlck(), pages(6));
		ck_assert(is_marked(at(0), 1, 'a'));
		ck_assert(is_marked(at(4), 2, 'e'));
		ck_assert_int_eq(*at(1), 0);
		mark(at(1), 1, 'x');
		KINDS(at(0), "KKKKKK..");
		RSS(4);
	}
}
END_TEST

START_TEST(translated_discard_goes_over_unlocked_and_locked)
{
	arena_lay(2, "OO.FF");
	mark(at(0), 9, 'a');
	discard(LOF_DISCARD_TRANSLATE);
	OK(lof_madvise(at(0), pages(8), MADV_DONTNEED));
	KINDS(at(0), "..OO.FF..");
	RSS(1);
}
END_TEST

START_TEST(discard_can_be_set_back)
{
	arena_lay(0, "KKKK");
	mark(at(0), 4, 'a');
	discard(LOF_DISCARD_TRANSLATE);
	discard(LOF_DISCARD_FAIL);
	REFUSED(lof_madvise(at(0), pages(2), MADV_DONTNEED), EINVAL);
}
END_TEST

START_TEST(translated_discard_keeps_the_kernels_other_refusals)
{
	arena_lay(0, "OOFF--OO");
	mark(at(0), 4, 'a');
	discard(LOF_DISCARD_TRANSLATE);
	REFUSED(lof_madvise(at(0) + 1, page, MADV_DONTNEED), EINVAL);
	REFUSED(lof_madvise(at(0), SIZE_MAX, MADV_DONTNEED), EINVAL);
	REFUSED(lof_madvise(at(0), pages(2), 9999), EINVAL);
	REFUSED(lof_madvise(at(0), pages(2), MADV_REMOVE), EINVAL);
	REFUSED(lof_madvise(at(4), page, MADV_DONTNEED), ENOMEM);
	FAILS(lof_madvise(at(0), pages(8), MADV_DONTNEED), ENOMEM);
	KINDS(at(0), "OOFF--OO");
	RSS(0);
}
END_TEST

START_TEST(translated_discard_of_a_shared_file_keeps_its_content)
{
	int fd = memfd_create("file", MFD_CLOEXEC);
	void *addr;

	ck_assert_int_eq(ftruncate(fd, (off_t)pages(4)), 0);
	MAPPED(addr, lof_mmap_onfault(at(0), pages(4), PROT_READ | PROT_WRITE,
				      MAP_SHARED | MAP_FIXED, fd, 0));
	mark(at(0), 4, 'a');
	discard(LOF_DISCARD_TRANSLATE);
	OK(lof_madvise(at(1), pages(2), MADV_DONTNEED));
	KINDS(at(0), "OOOO....");
	RSS(2);
	ck_assert(is_marked(at(0), 4, 'a'));
	close(fd);
}
END_TEST

/* Can a system call read the byte? A guard page cannot be read. */
static bool is_readable(const char *byte)
{
	int ends[2];
	bool is;

	ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
	is = write(ends[1], byte, 1) == 1;
	close(ends[0]);
	close(ends[1]);
	return is;
}

START_TEST(translated_guard_takes_the_pages_and_stays_locked)
{
	/* An empty range: does the kernel know the advice? */
	if (lof_madvise(at(0), 0, MADV_GUARD_INSTALL))
		skip("no MADV_GUARD_INSTALL before Linux 6.13");
	arena_lay(0, "KKKKKK");
	mark(at(0), 6, 'a');
	REFUSED(lof_madvise(at(1), pages(3), MADV_GUARD_INSTALL), EINVAL);
	discard(LOF_DISCARD_TRANSLATE);
	OK(lof_madvise(at(1), pages(3) - 1, MADV_GUARD_INSTALL));
	KINDS(at(0), "KKKKKK..");
	RSS(3);
	ck_assert_uint_eq(truth_vmlck(), pages(6));
	ck_assert(is_marked(at(0), 1, 'a'));
	ck_assert(is_marked(at(4), 2, 'e'));
	ck_assert(!is_readable(at(1)) && !is_readable(at(3)));
	OK(lof_madvise(at(1), pages(3), MADV_GUARD_REMOVE));
	ck_assert_int_eq(*at(1), 0);
	mark(at(1), 3, 'x');
	KINDS(at(0), "KKKKKK..");
	RSS(6);
}
END_TEST

START_TEST(translated_guard_goes_over_unlocked_and_locked)
{
	if (lof_madvise(at(0), 0, MADV_GUARD_INSTALL))
		skip("no MADV_GUARD_INSTALL before Linux 6.13");
	arena_lay(2, "OO.FF");
	mark(at(0), 9, 'a');
	discard(LOF_DISCARD_TRANSLATE);
	OK(lof_madvise(at(0), pages(8), MADV_GUARD_INSTALL));
	KINDS(at(0), "..OO.FF..");
	RSS(1);
}
END_TEST

/* A shared file of 6 pages, locked on fault, at the begin of the arena. */
static int map_file(void)
{
	int fd = memfd_create("file", MFD_CLOEXEC);
	void *addr;

	ck_assert_int_eq(ftruncate(fd, (off_t)pages(6)), 0);
	MAPPED(addr, lof_mmap_onfault(at(0), pages(6), PROT_READ | PROT_WRITE,
				      MAP_SHARED | MAP_FIXED, fd, 0));
	mark(at(0), 6, 'a');
	return fd;
}

START_TEST(translated_remove_makes_a_hole_in_the_file_and_stays_locked)
{
	int fd = map_file();

	REFUSED(lof_madvise(at(1), pages(3), MADV_REMOVE), EINVAL);
	discard(LOF_DISCARD_TRANSLATE);
	OK(lof_madvise(at(1), pages(3), MADV_REMOVE));
	KINDS(at(0), "OOOOOO..");
	RSS(3);
	ck_assert_int_eq(lseek(fd, (off_t)pages(1), SEEK_DATA),
			 (off_t)pages(4));
	ck_assert_int_eq(*at(1), 0);
	ck_assert(is_marked(at(0), 1, 'a'));
	ck_assert(is_marked(at(4), 2, 'e'));
	close(fd);
}
END_TEST

START_TEST(translated_advice_is_refused_if_the_limit_forbids_the_lock)
{
	int fd = map_file();

	become_nobody(pages(6));
	discard(LOF_DISCARD_TRANSLATE);
	OK(lof_madvise(at(1), pages(1), MADV_REMOVE));
	set_limit(pages(5));
	REFUSED(lof_madvise(at(2), pages(2), MADV_REMOVE), EAGAIN);
	ck_assert(is_marked(at(2), 4, 'c'));
	close(fd);
}
END_TEST

START_TEST(other_advice_passes_through)
{
	static const int advice[] = {
		MADV_NORMAL, MADV_RANDOM, MADV_WILLNEED, MADV_DONTFORK,
		MADV_DOFORK, MADV_DONTDUMP, MADV_NOHUGEPAGE,
	};

	arena_lay(0, "OOFF....");
	for (size_t i = 0; i < sizeof(advice) / sizeof(advice[0]); i++)
		UNCHANGED(OK(lof_madvise(at(0), pages(6), advice[i])));
}
END_TEST

Suite *madvise_suite(void)
{
	Suite *suite = suite_create("madvise");
	struct both_kinds both = arena_cases(suite);
	TCase *tcase = arena_case(suite, "discard");

	demand_exact_books(both.tcase[0]);
	demand_exact_books(both.tcase[1]);
	demand_exact_books(tcase);
	tcase_add_test(tcase, discard_of_locked_pages_fails_as_the_kernel_does);
	tcase_add_loop_test(tcase, discard_of_unlocked_pages_gives_them_back,
			    LOF_DISCARD_FAIL, LOF_DISCARD_TRANSLATE + 1);
	tcase_add_test(tcase, translated_discard_goes_over_unlocked_and_locked);
	tcase_add_test(tcase,
		       translated_discard_keeps_the_kernels_other_refusals);
	tcase_add_test(tcase,
		       translated_discard_of_a_shared_file_keeps_its_content);
	tcase_add_test(tcase, translated_guard_goes_over_unlocked_and_locked);
	tcase_add_test(
		tcase,
		translated_remove_makes_a_hole_in_the_file_and_stays_locked);
	tcase_add_test(
		tcase,
		translated_advice_is_refused_if_the_limit_forbids_the_lock);
	tcase_add_test(tcase, other_advice_passes_through);
	add_for_each_kind(both, translated_discard_gives_back_and_stays_locked);
	add_for_each_kind(both, discard_can_be_set_back);
	add_for_each_kind(both,
			  translated_guard_takes_the_pages_and_stays_locked);
	return suite;
}
