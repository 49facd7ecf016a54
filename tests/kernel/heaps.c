/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The search for the locked memory of glibc's heaps. */
#include "config.h"

#include "support/unit.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kernel/heaps.h"

#define HEAP	((uintptr_t)(sizeof(long) == 4 ? 1 << 20 : 64 << 20))
#define NPAGES	8

static size_t page;
static uintptr_t heap;	/* NPAGES at the begin of a place for a heap */

static void begin(void)
{
	char *room = mmap(NULL, 2 * HEAP, PROT_NONE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	page = (size_t)sysconf(_SC_PAGESIZE);
	ck_assert_ptr_ne(room, MAP_FAILED);
	heap = ((uintptr_t)room + HEAP - 1) & ~(HEAP - 1);
	ck_assert_int_eq(mprotect((void *)heap, NPAGES * page,
				  PROT_READ | PROT_WRITE), 0);
	ck_assert_int_eq(mlock2((void *)heap, NPAGES * page, MLOCK_ONFAULT), 0);
	memset((void *)heap, 0, page);
}

static void write_header(uintptr_t at, uintptr_t arena, size_t size,
			 size_t mapped)
{
	uintptr_t header[] = { arena, 0, size, mapped };

	memcpy((void *)at, header, sizeof(header));
}

static int add(const struct lof_vma *vma, const struct lof_heap *of, void *arg)
{
	struct lof_range *found = arg, part = of->part;

	ck_assert(vma->locked && vma->range.start <= part.start &&
		  vma->range.end >= part.end);
	if (part.start < heap || part.end > heap + HEAP)
		return 0;
	ck_assert_uint_eq(of->start, heap);
	if (lof_range_is_empty(*found))
		found->start = part.start;
	found->end = part.end;
	return 0;
}

/* Assert that this many pages from the start of the place are found. */
static void assert_found(size_t npages)
{
	struct lof_range found = { 0, 0 };

	ck_assert_int_eq(lof_heaps_each(add, &found), 0);
	ck_assert_uint_eq(lof_range_len(found), npages * page);
	if (npages)
		ck_assert_uint_eq(found.start, heap);
}

START_TEST(heap_of_an_arena_is_found_up_to_its_end)
{
	write_header(heap, heap + 48, 2 * page, 5 * page);
	assert_found(5);
	write_header(heap, heap + 48, 5 * page, 5 * page);
	assert_found(5);
}
END_TEST

START_TEST(parts_of_a_heap_that_are_not_locked_are_left_out)
{
	write_header(heap, heap + 48, 8 * page, 8 * page);
	ck_assert_int_eq(munlock((void *)(heap + 5 * page), 3 * page), 0);
	assert_found(5);
	ck_assert_int_eq(mprotect((void *)(heap + 3 * page), 2 * page,
				  PROT_READ), 0);
	assert_found(3);
}
END_TEST

START_TEST(memory_without_a_header_is_no_heap)
{
	assert_found(0);
	/* The arena must begin in the first page of a heap, */
	write_header(heap, heap, page, page);
	assert_found(0);
	write_header(heap, heap + 2 * page, page, page);
	assert_found(0);
	/* which has the same arena, */
	write_header(heap, heap + HEAP + 48, page, page);
	assert_found(0);
	write_header(heap, 48, page, page);
	assert_found(0);
	/* and the sizes must be possible. */
	write_header(heap, heap + 48, 2 * page, page);
	assert_found(0);
	write_header(heap, heap + 48, page, page + 1);
	assert_found(0);
	write_header(heap, heap + 48, page, HEAP + page);
	assert_found(0);
	write_header(heap, heap + 48, page, page);
	assert_found(1);
}
END_TEST

static int count_brk(const struct lof_vma *vma, const struct lof_heap *of,
		     void *arg)
{
	size_t *bytes = arg;

	(void)vma;
	if (!of->start)
		*bytes += lof_range_len(of->part);
	return 0;
}

START_TEST(heap_of_brk_is_found)
{
	char *start = sbrk((intptr_t)(16 * page));
	uintptr_t aligned = ((uintptr_t)start + page - 1) & ~(page - 1);
	size_t bytes = 0;

	ck_assert_int_eq(mlock2((void *)(aligned + page), 14 * page,
				MLOCK_ONFAULT), 0);
	ck_assert_int_eq(lof_heaps_each(count_brk, &bytes), 0);
	ck_assert_uint_eq(bytes, 14 * page);
}
END_TEST

Suite *suite_heaps(void)
{
	Suite *suite = suite_create("heaps");
	TCase *tc = tcase_create("search");

	tcase_add_checked_fixture(tc, begin, NULL);
	tcase_add_test(tc, heap_of_an_arena_is_found_up_to_its_end);
	tcase_add_test(tc, parts_of_a_heap_that_are_not_locked_are_left_out);
	tcase_add_test(tc, memory_without_a_header_is_no_heap);
	tcase_add_test(tc, heap_of_brk_is_found);
	suite_add_tcase(suite, tc);
	return suite;
}
