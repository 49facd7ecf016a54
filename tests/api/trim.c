/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* lof_trim: the free blocks of malloc are given back, and stay locked. */
#include "config.h"

#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "support/kernel.h"

#include "support/truth.h"

#ifdef __GLIBC__

#define BLOCK		((size_t)8000)
#define NBLOCKS		256
#define NBLOCKS_MAX	12000	/* more than a heap of an arena has */

static char *block[NBLOCKS_MAX];
static struct {
	char *start;
	size_t len;
} span;		/* of the pages that the blocks are in */
static size_t nblocks;

static size_t rss(void)
{
	return truth_rss((uintptr_t)span.start,
			 (uintptr_t)span.start + span.len);
}

/* Allocate blocks, lock them, and free them but for the first and the last. */
static void allocate(size_t n, unsigned int flags)
{
	uintptr_t low = UINTPTR_MAX, high = 0;

	nblocks = n;
	for (size_t i = 0; i < n; i++) {
		block[i] = malloc(BLOCK);
		memset(block[i], 'a', BLOCK);
		if ((uintptr_t)block[i] < low)
			low = (uintptr_t)block[i];
		if ((uintptr_t)block[i] + BLOCK > high)
			high = (uintptr_t)block[i] + BLOCK;
	}
	span.start = (char *)(low & ~(page - 1));
	span.len = (high + page - 1 - (uintptr_t)span.start) & ~(page - 1);
	/* Between two heaps is memory that cannot be locked. */
	for (size_t i = 0; i < n; i++)
		OK(lof_mlock2(block[i], BLOCK, flags));
	for (size_t i = 1; i + 1 < n; i++)
		free(block[i]);
}

/* The first and the last block are as before; all of them have this lock. */
static void assert_kept(int kind)
{
	char *last = block[nblocks - 1];

	for (size_t i = 0; i < BLOCK; i++)
		ck_assert(block[0][i] == 'a' && last[i] == 'a');
	for (size_t i = 0; i < nblocks; i += 15)
		ck_assert_int_eq(truth_kind_at(block[i]), kind);
	truth_assert_equal((uintptr_t)span.start,
			   (uintptr_t)span.start + span.len);
}

static int trim(void)
{
	int ret;

	errno = UNTOUCHED;
	ret = lof_trim(0);
	if (ret >= 0)
		ck_assert_int_eq(errno, UNTOUCHED);
	return ret;
}

START_TEST(trim_of_a_locked_heap_gives_free_blocks_back)
{
	size_t before, charged;

	allocate(NBLOCKS, MLOCK_ONFAULT);
	before = rss();
	charged = truth_vmlck();
	ck_assert_uint_ge(before, BLOCK * (NBLOCKS - 2));
	malloc_trim(0);
	ck_assert_uint_eq(rss(), before);
	ck_assert_int_eq(trim(), 1);
	ck_assert_uint_lt(rss(), before / 8);
	ck_assert_uint_eq(truth_vmlck(), charged);
	assert_kept(LOF_ONFAULT);
}
END_TEST

START_TEST(trim_of_a_heap_that_is_not_locked_is_malloc_trim)
{
	allocate(NBLOCKS, MLOCK_ONFAULT);
	OK(lof_munlock(span.start, span.len));
	ck_assert_int_eq(trim(), 1);
	ck_assert_uint_lt(rss(), BLOCK * NBLOCKS / 8);
	assert_kept(LOF_NONE);
}
END_TEST

START_TEST(trim_leaves_a_heap_that_is_locked_in_full)
{
	size_t before;

	allocate(NBLOCKS, 0);
	before = rss();
	ck_assert_int_ge(trim(), 0);
	ck_assert_uint_eq(rss(), before);
	assert_kept(LOF_FULL);
}
END_TEST

START_TEST(trim_gives_the_end_of_the_heap_back)
{
	char *end;

	allocate(NBLOCKS, MLOCK_ONFAULT);
	OK(lof_mlock2(span.start, (size_t)((char *)sbrk(0) - span.start),
		      MLOCK_ONFAULT));
	mallopt(M_TRIM_THRESHOLD, 1 << 30);
	free(block[nblocks - 1]);
	end = sbrk(0);
	ck_assert_int_eq(trim(), 1);
	ck_assert((char *)sbrk(0) < end);
	ck_assert_int_eq(truth_kind_at(block[0]), LOF_ONFAULT);
	truth_assert_equal((uintptr_t)span.start, (uintptr_t)end);
}
END_TEST

START_TEST(trim_is_refused_if_the_limit_forbids_the_lock)
{
	size_t before;

	allocate(NBLOCKS, MLOCK_ONFAULT);
	before = rss();
	become_nobody(page);
	ck_assert_int_eq(trim(), -1);
	ck_assert_int_eq(errno, EAGAIN);
	ck_assert_uint_eq(rss(), before);
	assert_kept(LOF_ONFAULT);
}
END_TEST

/* The results of a thread, which has an arena of its own. */
static struct {
	size_t n, before, by_malloc, after;
	int trimmed;
} in_thread;

static void *use_arena(void *arg)
{
	allocate(in_thread.n, MLOCK_ONFAULT);
	in_thread.before = rss();
	malloc_trim(0);
	in_thread.by_malloc = rss();
	in_thread.trimmed = lof_trim(0);
	in_thread.after = rss();
	assert_kept(LOF_ONFAULT);
	return arg;
}

static void trim_arena(size_t n)
{
	pthread_t thread;

	in_thread.n = n;
	ck_assert_int_eq(pthread_create(&thread, NULL, use_arena, NULL), 0);
	pthread_join(thread, NULL);
	ck_assert(block[0] > (char *)sbrk(0));
	ck_assert_uint_eq(in_thread.by_malloc, in_thread.before);
	ck_assert_int_eq(in_thread.trimmed, 1);
}

START_TEST(trim_gives_free_blocks_of_an_arena_back)
{
	trim_arena(NBLOCKS);
	ck_assert_uint_lt(in_thread.after, in_thread.before / 8);
}
END_TEST

START_TEST(trim_gives_free_blocks_of_all_heaps_of_an_arena_back)
{
	if (tool_is_limited())
		skip("the arena is larger than the limit");
	trim_arena(NBLOCKS_MAX);
	ck_assert_uint_lt(in_thread.after, in_thread.before / 8);
}
END_TEST

/* Free all blocks, so that free() shortens the heap of the arena. */
static void *use_and_free(void *arg)
{
	allocate(NBLOCKS, MLOCK_ONFAULT);
	free(block[NBLOCKS - 1]);
	free(block[0]);
	in_thread.before = rss();
	malloc_trim(0);
	in_thread.by_malloc = rss();
	in_thread.trimmed = lof_trim(0);
	in_thread.after = rss();
	truth_assert_equal((uintptr_t)span.start,
			   (uintptr_t)span.start + span.len);
	return arg;
}

START_TEST(trim_gives_the_end_of_an_arena_back)
{
	pthread_t thread;

	ck_assert_int_eq(pthread_create(&thread, NULL, use_and_free, NULL), 0);
	pthread_join(thread, NULL);
	ck_assert(block[0] > (char *)sbrk(0));
	ck_assert_uint_gt(in_thread.by_malloc, in_thread.before / 2);
	ck_assert_int_ge(in_thread.trimmed, 0);
	ck_assert_uint_lt(in_thread.after, in_thread.before / 4);
	ck_assert_int_eq(truth_kind_at(block[0]), LOF_ONFAULT);
}
END_TEST

#define NTHREADS	3
#define NKEPT		200

static atomic_bool is_over, is_wrong;

/* Allocate and free, mostly all at once, and check the blocks. */
static void *churn(void *arg)
{
	char *kept[NKEPT], sign = *(char *)arg;

	while (!is_over) {
		for (size_t i = 0; i < NKEPT; i++) {
			kept[i] = malloc(BLOCK);
			memset(kept[i], sign, BLOCK);
			kept[i][i * 30] = 'x';
		}
		for (size_t i = 0; i < NKEPT; i++) {
			if (kept[i][0] != (i ? sign : 'x') ||
			    kept[i][i * 30] != 'x' ||
			    kept[i][BLOCK - 1] != sign)
				is_wrong = true;
			free(kept[i]);
		}
	}
	return NULL;
}

START_TEST(trim_takes_no_block_from_other_threads)
{
	char signs[NTHREADS + 1] = "abc";
	pthread_t thread[NTHREADS];
	struct timespec start, now;

	if (tool_is_limited())
		skip("the stacks of the threads are larger than the limit");
	OK(lof_mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT));
	for (int i = 0; i < NTHREADS; i++)
		ck_assert_int_eq(pthread_create(&thread[i], NULL, churn,
						&signs[i]), 0);
	clock_gettime(CLOCK_MONOTONIC, &start);
	do {
		ck_assert_int_ge(lof_trim(0), 0);
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while (now.tv_sec - start.tv_sec < 1);
	is_over = true;
	for (int i = 0; i < NTHREADS; i++)
		pthread_join(thread[i], NULL);
	ck_assert(!is_wrong);
	OK(lof_munlockall());
}
END_TEST

#else

START_TEST(trim_without_malloc_trim_fails)
{
	FAILS(lof_trim(0), ENOSYS);
}
END_TEST

#endif

Suite *trim_suite(void)
{
	Suite *suite = suite_create("trim");
	TCase *tcase = arena_case(suite, "heap");

#ifdef __GLIBC__
	tcase_add_test(tcase, trim_of_a_locked_heap_gives_free_blocks_back);
	tcase_add_test(tcase, trim_of_a_heap_that_is_not_locked_is_malloc_trim);
	tcase_add_test(tcase, trim_leaves_a_heap_that_is_locked_in_full);
	tcase_add_test(tcase, trim_gives_the_end_of_the_heap_back);
	tcase_add_test(tcase, trim_is_refused_if_the_limit_forbids_the_lock);
	tcase_add_test(tcase, trim_gives_free_blocks_of_an_arena_back);
	tcase_add_test(tcase,
		       trim_gives_free_blocks_of_all_heaps_of_an_arena_back);
	tcase_add_test(tcase, trim_gives_the_end_of_an_arena_back);
	tcase_add_test(tcase, trim_takes_no_block_from_other_threads);
#else
	tcase_add_test(tcase, trim_without_malloc_trim_fails);
#endif
	return suite;
}
