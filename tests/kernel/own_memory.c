/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The library's own memory: its properties and its place. */
#include "config.h"

#include "support/unit.h"

#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kernel/own_memory.h"
#include "lockonfault.h"
#include "support/truth.h"
#include "kernel/wrapped_sys.h"

#define KIB	((size_t)1024)
#define MIB	(1024 * KIB)

static size_t page;

static void begin(void)
{
	unit_sys = (struct unit_sys){ .no_memory = false };
	page = lof_sys_page_size();
}

static struct lof_range map(size_t bytes)
{
	struct lof_range memory;

	ck_assert_int_eq(lof_own_map(bytes, &memory), 0);
	ck_assert_uint_ge(lof_range_len(memory), bytes);
	ck_assert_uint_lt(lof_range_len(memory), bytes + page);
	ck_assert_uint_eq(memory.start % page, 0);
	return memory;
}

static bool is_hole(uintptr_t addr)
{
	return lof_sys_msync((struct lof_range){ addr, addr + page },
			     MS_ASYNC) == -ENOMEM;
}

/* Only under TSan the kernel chooses the place of the library's memory. */
static bool is_apart(void)
{
#ifdef __SANITIZE_THREAD__
	return false;
#else
	return true;
#endif
}

static void need_place_of_its_own(void)
{
	if (!is_apart())
		skip("under TSan the kernel chooses the place");
}

START_TEST(memory_is_zero_and_can_be_written)
{
	struct lof_range memory = map(64 * KIB);
	unsigned char *bytes = (unsigned char *)memory.start;

	for (size_t i = 0; i < 64 * KIB; i++)
		ck_assert_int_eq(bytes[i], 0);
	memset(bytes, 0xff, 64 * KIB);
	bytes = (unsigned char *)map(64 * KIB).start;
	for (size_t i = 0; i < 64 * KIB; i++)
		ck_assert_int_eq(bytes[i], 0);
}
END_TEST

START_TEST(pages_are_resident_when_touched)
{
	struct lof_range memory = map(64 * KIB);

	ck_assert_uint_eq(truth_rss(memory.start, memory.end), 0);
}
END_TEST

START_TEST(memory_grows_in_place)
{
	struct lof_range first = map(1), second = map(64 * KIB);

	need_place_of_its_own();
	ck_assert_uint_eq(second.start, first.end);
	ck_assert_uint_eq(map(3 * page).start, second.end);
}
END_TEST

START_TEST(memory_of_2_MiB_can_be_a_huge_page)
{
	struct lof_range slab;

	need_place_of_its_own();
	for (int i = 0; i < 3; i++) {
		map(page);
		slab = map(2 * MIB);
		ck_assert_uint_eq(slab.start % (2 * MIB), 0);
	}
}
END_TEST

START_TEST(memory_is_not_locked_under_mcl_future)
{
	if (lof_sys_mlockall(MCL_FUTURE))
		skip("mlockall is refused");
	for (size_t bytes = page; bytes <= 4 * MIB; bytes *= 2)
		ck_assert_int_eq(truth_kind_at((void *)map(bytes).start),
				 LOF_NONE);
}
END_TEST

/* mlockall(MCL_CURRENT) also locked the page at which the memory grows. */
START_TEST(memory_is_not_locked_after_mcl_current)
{
	map(page);
	/* On fault, because a sanitizer maps terabytes. */
	if (lof_sys_mlockall(MCL_CURRENT | MCL_ONFAULT))
		skip("mlockall is refused");
	for (size_t bytes = page; bytes <= MIB; bytes *= 2)
		ck_assert_int_eq(truth_kind_at((void *)map(bytes).start),
				 LOF_NONE);
}
END_TEST

START_TEST(refused_memory_changes_nothing)
{
	struct lof_range memory = { 1, 2 };

	unit_sys.no_memory = true;
	ck_assert_int_eq(lof_own_map(64 * KIB, &memory), -ENOMEM);
	ck_assert_uint_eq(memory.start, 1);
	ck_assert_uint_eq(memory.end, 2);
}
END_TEST

/* A new mapping of the kernel's choice is more than 128 MiB away. */
static void assert_apart(struct lof_range memory, size_t bytes)
{
	char *theirs = mmap(NULL, bytes, PROT_NONE, UNIT_MAP, -1, 0);

	ck_assert_ptr_ne(theirs, MAP_FAILED);
	if ((uintptr_t)theirs > memory.end)
		ck_assert_uint_gt((uintptr_t)theirs - memory.end, 128 * MIB);
	else
		ck_assert_uint_gt(memory.start - (uintptr_t)theirs, 128 * MIB);
	munmap(theirs, bytes);
}

START_TEST(memory_is_far_from_the_kernels_mappings)
{
	struct lof_range memory;

	need_place_of_its_own();
	for (size_t bytes = page; bytes <= 16 * MIB; bytes *= 16) {
		assert_apart(map(bytes), bytes);
		ck_assert_int_eq(lof_own_borrow(bytes, &memory), 0);
		assert_apart(memory, bytes);
		lof_own_return(memory);
		ck_assert_int_eq(lof_own_scratch(bytes, PROT_NONE, &memory),
				 0);
		assert_apart(memory, bytes);
		lof_own_return(memory);
	}
}
END_TEST

/* The library does not map its own memory into a hole of the program. */
START_TEST(hole_of_the_program_stays_a_hole)
{
	char *hole = mmap(NULL, 3 * page, PROT_NONE, UNIT_MAP, -1, 0);

	ck_assert_ptr_ne(hole, MAP_FAILED);
	need_place_of_its_own();
	ck_assert_int_eq(munmap(hole + page, page), 0);
	for (int i = 0; i < 100; i++) {
		struct lof_range memory;

		map(page);
		ck_assert_int_eq(lof_own_scratch(page, PROT_NONE, &memory), 0);
		lof_own_return(memory);
	}
	ck_assert(is_hole((uintptr_t)hole + page));
	munmap(hole, 3 * page);
}
END_TEST

START_TEST(mapping_in_the_way_is_left_alone)
{
	struct lof_range memory = map(page), other;
	char *theirs = (char *)memory.end + page;

	need_place_of_its_own();
	ck_assert_ptr_eq(mmap(theirs, page, PROT_READ | PROT_WRITE,
			      UNIT_MAP | MAP_FIXED, -1, 0), theirs);
	*theirs = 'x';
	for (size_t i = 0; i < 10; i++) {
		other = map(i * page + 1);
		ck_assert(other.start > (uintptr_t)theirs ||
			  other.end <= (uintptr_t)theirs);
		memset((void *)other.start, 1, lof_range_len(other));
	}
	ck_assert_int_eq(*theirs, 'x');
	munmap(theirs, page);
}
END_TEST

START_TEST(scratch_is_returned_and_a_hole_is_behind_it)
{
	struct lof_range scratch, borrowed, again;

	ck_assert_int_eq(lof_own_borrow(page, &borrowed), 0);
	ck_assert_int_eq(lof_own_scratch(page, PROT_NONE, &scratch), 0);
	if (is_apart())
		ck_assert(is_hole(scratch.end));
	lof_own_return(scratch);
	ck_assert(is_hole(scratch.start));
	lof_own_return(borrowed);
	ck_assert(is_hole(borrowed.start));
	ck_assert_int_eq(lof_own_scratch(page, PROT_NONE, &again), 0);
	lof_own_return(again);
}
END_TEST

/* After a thousand mappings the place is still near the first. */
START_TEST(borrowed_memory_does_not_wander_off)
{
	struct lof_range first, memory;

	ck_assert_int_eq(lof_own_borrow(page, &first), 0);
	lof_own_return(first);
	for (int i = 0; i < 1000; i++) {
		ck_assert_int_eq(lof_own_borrow(page, &memory), 0);
		lof_own_return(memory);
	}
	ck_assert_uint_lt(memory.start, first.start + 128 * MIB);
}
END_TEST

START_TEST(child_and_parent_grow_apart)
{
	unsigned char *bytes = (unsigned char *)map(page).start;
	int status;
	pid_t child = fork();

	ck_assert_int_ne(child, -1);
	for (int i = 0; i < 20; i++)
		memset((void *)map(page).start, 1, page);
	ck_assert_int_eq(*bytes, 0);
	if (!child)
		_exit(0);
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_int_eq(status, 0);
}
END_TEST

static struct lof_range theirs[64];

static void map_many(void)
{
	for (int i = 0; i < 64; i++) {
		if (lof_own_map(page, &theirs[i]))
			break;
		memset((void *)theirs[i].start, 2, page);
	}
}

static void *map_in_thread(void *unused)
{
	map_many();
	return unused;
}

START_TEST(threads_get_separate_memory)
{
	struct lof_range mine[64];
	pthread_t thread;

	ck_assert_int_eq(pthread_create(&thread, NULL, map_in_thread, NULL),
			 0);
	for (int i = 0; i < 64; i++) {
		mine[i] = map(page);
		memset((void *)mine[i].start, 1, page);
	}
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	for (int i = 0; i < 64; i++) {
		ck_assert_int_eq(*(char *)mine[i].start, 1);
		ck_assert_int_eq(*(char *)theirs[i].start, 2);
	}
}
END_TEST

Suite *suite_own_memory(void)
{
	Suite *suite = suite_create("own_memory");
	TCase *tc = tcase_create("own_memory");

	tcase_add_checked_fixture(tc, begin, NULL);
	tcase_add_test(tc, memory_is_zero_and_can_be_written);
	tcase_add_test(tc, pages_are_resident_when_touched);
	tcase_add_test(tc, memory_grows_in_place);
	tcase_add_test(tc, memory_of_2_MiB_can_be_a_huge_page);
	tcase_add_test(tc, memory_is_not_locked_under_mcl_future);
	tcase_add_test(tc, memory_is_not_locked_after_mcl_current);
	tcase_add_test(tc, refused_memory_changes_nothing);
	tcase_add_test(tc, memory_is_far_from_the_kernels_mappings);
	tcase_add_test(tc, hole_of_the_program_stays_a_hole);
	tcase_add_test(tc, mapping_in_the_way_is_left_alone);
	tcase_add_test(tc, scratch_is_returned_and_a_hole_is_behind_it);
	tcase_add_test(tc, borrowed_memory_does_not_wander_off);
	tcase_add_test(tc, child_and_parent_grow_apart);
	tcase_add_test(tc, threads_get_separate_memory);
	suite_add_tcase(suite, tc);
	return suite;
}
