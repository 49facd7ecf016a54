/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Overlaps of two calls that random tests rarely produce. */
#include "config.h"

#include <pthread.h>

#include "support/kernel.h"

#include "support/truth.h"

#define RW	(PROT_READ | PROT_WRITE)
#define OVER	(MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED)

#define NMOVES	400
#define NVMAS	512	/* one page each: they take long to lock */

static pthread_barrier_t both_ready, both_done;
static char *vmas;

static void *lock_again_and_again(void *arg)
{
	for (int i = 0; i < NMOVES; i++) {
		pthread_barrier_wait(&both_ready);
		lof_mlock2(vmas, pages(NVMAS + 4), 0);
		pthread_barrier_wait(&both_done);
	}
	return arg;
}

static void map_vmas(void)
{
	vmas = lof_mmap((void *)(uintptr_t)0x60000000, pages(NVMAS + 4), RW,
			 OVER, -1, 0);
	ck_assert_ptr_ne(vmas, MAP_FAILED);
	for (size_t i = 0; i < NVMAS; i += 2)
		ck_assert_int_eq(mprotect(vmas + pages(i), page, PROT_READ),
				 0);
}

static void start_together(int delay)
{
	pthread_barrier_wait(&both_ready);
	for (volatile int i = delay; i > 0; i--)
		;
}

/*
 * The kernel marks all VMAs locked, and then populates the first ones for a
 * while. Meanwhile the last pages are moved: the ledger has no note of their
 * lock yet.
 */
START_TEST(move_of_pages_another_thread_locks_is_noted)
{
	pthread_t thread;
	void *addr;

	ck_assert_int_eq(pthread_barrier_init(&both_ready, NULL, 2), 0);
	ck_assert_int_eq(pthread_barrier_init(&both_done, NULL, 2), 0);
	ck_assert_int_eq(pthread_create(&thread, NULL, lock_again_and_again,
					NULL), 0);
	for (int i = 0; i < NMOVES; i++) {
		map_vmas();
		start_together(i % 100 * 1000);
		addr = lof_mremap(vmas + pages(NVMAS), pages(4), pages(4),
				  MREMAP_MAYMOVE | MREMAP_FIXED, at(16));
		pthread_barrier_wait(&both_done);
		ck_assert_ptr_eq(addr, at(16));
		assert_books(at(16), 4);
		truth_assert_equal((uintptr_t)at(16), (uintptr_t)at(20));
		truth_assert_equal((uintptr_t)vmas,
				   (uintptr_t)vmas + pages(NVMAS + 4));
	}
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
}
END_TEST

Suite *races_suite(void)
{
	Suite *suite = suite_create("races");
	TCase *tcase = arena_case(suite, "two threads");

	tcase_set_timeout(tcase, 120);
	tcase_add_test(tcase,
		move_of_pages_another_thread_locks_is_noted);
	return suite;
}
