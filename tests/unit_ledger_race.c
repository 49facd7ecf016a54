/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Calls on the same memory that overtake each other: whoever was first, when
 * all are out the ledger is what the kernel has. Every pair of calls in turn,
 * and then threads and signals by chance.
 */
#include "config.h"

#include "unit.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>

#include "arm.h"
#include "books.h"
#include "lockonfault.h"
#include "probe.h"
#include "sys_caps.h"
#include "truth.h"
#include "unit_arena.h"
#include "unit_sys.h"

#define NPAGES	48
#define RW	(PROT_READ | PROT_WRITE)

/*
 * Pages 0 to 7 are locked on fault at first, 8 to 15 in full, 16 to 23 not at
 * all, 24 to 27 are a hole, 28 to 31 locked on fault.
 */
static void lay_out(void)
{
	unit_arena_begin(NPAGES);
	ck_assert_int_eq(lof_mlock2(unit_at(0), unit_len(8), MLOCK_ONFAULT), 0);
	ck_assert_int_eq(lof_mlock2(unit_at(8), unit_len(8), 0), 0);
	ck_assert_int_eq(lof_munmap(unit_at(24), unit_len(4)), 0);
	ck_assert_int_eq(lof_mlock2(unit_at(28), unit_len(4), MLOCK_ONFAULT),
			 0);
}

/* The calls. Some fail, or fail halfway; that is as good. */
static void do_munmap(void)
{
	lof_munmap(unit_at(4), unit_len(8));
}

static void do_mmap(void)
{
	lof_mmap(unit_at(4), unit_len(8), RW, UNIT_MAP | MAP_FIXED, -1, 0);
}

static void do_mmap_locked(void)
{
	lof_mmap(unit_at(6), unit_len(8), RW,
		 UNIT_MAP | MAP_FIXED | MAP_LOCKED, -1, 0);
}

static void do_mmap_onfault(void)
{
	lof_mmap_onfault(unit_at(6), unit_len(12), RW, UNIT_MAP | MAP_FIXED,
			 -1, 0);
}

/* The same memory again, after whatever was done to it, and locked. */
static void do_mmap_and_lock(void)
{
	mmap(unit_at(2), unit_len(12), RW, UNIT_MAP | MAP_FIXED, -1, 0);
	lof_mlock2(unit_at(2), unit_len(12), MLOCK_ONFAULT);
}

static void do_mlock2(void)
{
	lof_mlock2(unit_at(4), unit_len(16), MLOCK_ONFAULT);
}

static void do_mlock2_over_a_hole(void)
{
	lof_mlock2(unit_at(6), unit_len(24), MLOCK_ONFAULT);
}

static void do_mlock(void)
{
	lof_mlock(unit_at(2), unit_len(8));
}

static void do_munlock(void)
{
	lof_munlock(unit_at(3), unit_len(10));
}

static void do_munlock_over_a_hole(void)
{
	lof_munlock(unit_at(6), unit_len(24));
}

static void do_munlock2(void)
{
	lof_munlock2(unit_at(0), unit_len(16), MLOCK_ONFAULT);
}

static void do_munlock2_full(void)
{
	lof_munlock2(unit_at(0), unit_len(16), MLOCK_LOCKED);
}

static void do_move_out(void)
{
	lof_mremap(unit_at(5), unit_len(6), unit_len(6),
		   MREMAP_MAYMOVE | MREMAP_FIXED, unit_at(36));
}

static void do_move_in(void)
{
	lof_mremap(unit_at(28), unit_len(4), unit_len(4),
		   MREMAP_MAYMOVE | MREMAP_FIXED, unit_at(6));
}

static void do_shrink(void)
{
	lof_mremap(unit_at(4), unit_len(12), unit_len(2), 0);
}

static void do_grow(void)
{
	lof_munmap(unit_at(8), unit_len(4));
	lof_mremap(unit_at(4), unit_len(4), unit_len(8), 0);
}

static void do_dontunmap(void)
{
	lof_mremap(unit_at(5), unit_len(2), unit_len(2),
		   MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP,
		   unit_at(36));
}

static void do_lock_what_grew(void)
{
	lof_mlock2(unit_at(9), unit_len(1), 0);
}

static void do_lock_what_was_a_hole(void)
{
	lof_mlock2(unit_at(25), unit_len(2), MLOCK_ONFAULT);
	lof_munlock(unit_at(27), unit_len(1));
}

static void do_munlockall(void)
{
	lof_munlockall();
}

static void (*const calls[])(void) = {
	do_munmap, do_mmap, do_mmap_locked, do_mmap_onfault, do_mmap_and_lock,
	do_mlock2, do_mlock2_over_a_hole, do_mlock, do_munlock,
	do_munlock_over_a_hole, do_munlock2, do_munlock2_full, do_move_out,
	do_move_in, do_shrink, do_grow, do_dontunmap, do_munlockall,
};

#define NCALLS	((int)(sizeof(calls) / sizeof(calls[0])))

static void (*inner)(void);

/* The inner call by another thread, while the outer one is in the kernel. */
static void inner_elsewhere(void)
{
	unit_by_another(inner);
}

/* The same by this thread, as a signal handler would. */
static void inner_here(void)
{
	inner();
}

/* As unit_arena_assert(), and it says which call went before. */
static void assert_right_after(int call, int way)
{
	if (!unit_arena_is_right())
		ck_abort_msg("after call %d in way %d", call, way);
	unit_arena_assert();
}

START_TEST(call_overtaken_by_another_is_read_back)
{
	for (int i = 0; i < NCALLS; i++) {
		for (int way = 0; way < 4; way++) {
			void (*hook)(void) = way & 1 ? inner_here
						     : inner_elsewhere;

			lay_out();
			inner = calls[i];
			if (way & 2)
				unit_sys.before = hook;
			else
				unit_sys.after = hook;
			calls[_i]();
			assert_right_after(i, way);
		}
	}
}
END_TEST

/* Where the kernel puts memory is not announced. */
START_TEST(call_overtaken_where_the_kernel_chose_is_read_back)
{
	lay_out();
	lof_munmap(unit_at(8), unit_len(4));
	unit_sys.after = do_lock_what_grew;
	ck_assert_ptr_eq(lof_mremap(unit_at(4), unit_len(4), unit_len(8), 0),
			 unit_at(4));
	unit_arena_assert();
	ck_assert_int_eq(truth_kind_at(unit_at(9)), LOF_FULL);
	unit_sys.after = do_lock_what_was_a_hole;
	ck_assert_ptr_eq(lof_mmap(unit_at(24), unit_len(4), RW,
				  UNIT_MAP | MAP_LOCKED, -1, 0), unit_at(24));
	unit_arena_assert();
	ck_assert_int_eq(truth_kind_at(unit_at(25)), LOF_ONFAULT);
	ck_assert_int_eq(truth_kind_at(unit_at(27)), LOF_NONE);
}
END_TEST

static void do_move_what_was_a_hole(void)
{
	lof_mremap(unit_at(24), unit_len(4), unit_len(4),
		   MREMAP_MAYMOVE | MREMAP_FIXED, unit_at(36));
}

/* So nobody knows yet that there is something locked to be moved. */
START_TEST(move_of_what_is_locked_where_the_kernel_chose_is_read_back)
{
	lay_out();
	unit_sys.after = do_move_what_was_a_hole;
	ck_assert_ptr_eq(lof_mmap(unit_at(24), unit_len(4), RW,
				  UNIT_MAP | MAP_LOCKED, -1, 0), unit_at(24));
	unit_arena_assert();
	ck_assert_int_eq(truth_kind_at(unit_at(36)), LOF_FULL);
}
END_TEST

static void do_lock_all_that_was_a_hole(void)
{
	lof_mlock(unit_at(24), unit_len(4));
}

START_TEST(mapping_that_is_taken_back_is_read_back)
{
	lay_out();
	unit_sys.mlock2_err = -EINTR;
	unit_sys.after = do_lock_all_that_was_a_hole;
	ck_assert_ptr_eq(lof_mmap_onfault(unit_at(24), unit_len(4), RW,
					  UNIT_MAP, -1, 0), MAP_FAILED);
	ck_assert_int_eq(errno, EINTR);
	unit_arena_assert();
}
END_TEST

/*
 * A call where nothing is tracked is not announced. If it undoes a lock that is
 * booked meanwhile, whoever moves that memory before this comes out takes along
 * what is not true any more.
 */
static void do_move_what_was_unlocked(void)
{
	lof_mremap(unit_at(4), unit_len(4), unit_len(4),
		   MREMAP_MAYMOVE | MREMAP_FIXED, unit_at(20));
}

static void do_grow_what_was_unlocked(void)
{
	lof_mremap(unit_at(4), unit_len(4), unit_len(8), 0);
}

static void (*const derivers[])(void) = {
	do_move_what_was_unlocked, do_grow_what_was_unlocked,
};

static void do_lock_what_is_moved_then(void)
{
	lof_mlock2(unit_at(4), unit_len(4), MLOCK_ONFAULT);
	unit_sys.after = inner;
}

START_TEST(what_is_moved_before_its_unlock_is_known_is_read_back)
{
	unit_arena_begin(NPAGES);
	munmap(unit_at(8), unit_len(4));
	inner = derivers[_i];
	unit_sys.before = do_lock_what_is_moved_then;
	lof_munlock(unit_at(4), unit_len(4));
	unit_arena_assert();
	ck_assert_int_eq(unit_sys.mremap, 1);
	ck_assert_int_eq(truth_kind_at(unit_at(_i ? 8 : 20)), LOF_NONE);
}
END_TEST

static void do_lock_what_will_be(void)
{
	ck_assert_int_eq(lof_mlockall(MCL_FUTURE), 0);
}

/* It is tracked beside, but not here, and nobody else is in flight. */
START_TEST(mapping_under_a_new_future_is_read_back)
{
	lay_out();
	unit_sys.before = do_lock_what_will_be;
	if (_i == 0)
		lof_mmap(unit_at(17), unit_len(4), RW, UNIT_MAP | MAP_FIXED,
			 -1, 0);
	else
		lof_mmap(unit_at(24), unit_len(4), RW, UNIT_MAP, -1, 0);
	unit_arena_assert();
	ck_assert_int_eq(truth_kind_at(unit_at(_i ? 25 : 18)), LOF_FULL);
}
END_TEST

static void do_lock_what_will_be_and_is_moved_then(void)
{
	do_lock_what_will_be();
	unit_sys.after = do_move_what_was_a_hole;
}

/* Nobody knew yet that it was locked. */
START_TEST(what_is_moved_before_its_lock_is_known_is_read_back)
{
	lay_out();
	unit_sys.before = do_lock_what_will_be_and_is_moved_then;
	lof_mmap(unit_at(24), unit_len(4), RW, UNIT_MAP, -1, 0);
	unit_arena_assert();
	ck_assert_int_eq(unit_sys.mremap, 1);
	ck_assert_int_eq(truth_kind_at(unit_at(36)), LOF_FULL);
}
END_TEST

/* Once it is marked as locked, although nobody asked for that. */
static void do_move_a_neighbour(void)
{
	if (!lof_is_locked(unit_pages(30, 31))) {
		unit_sys.after = do_move_a_neighbour;
		return;
	}
	lof_mremap(unit_at(30), unit_len(1), unit_len(1),
		   MREMAP_MAYMOVE | MREMAP_FIXED, unit_at(2));
}

/* Without mlock2: to the next hole all is marked as locked for a moment. */
START_TEST(neighbour_that_is_moved_while_it_is_marked_is_read_back)
{
	struct lof_entry entry;

	unit_arena_begin(NPAGES);
	lof_cap_override(LOF_CAP_MLOCK2, 0);
	unit_sys.after = do_move_a_neighbour;
	ck_assert_int_eq(lof_mlock2(unit_at(10), unit_len(2), MLOCK_ONFAULT),
			 0);
	ck_assert_int_eq(unit_sys.mremap, 1);
	ck_assert_int_eq(lof_ledger_find_in(unit_pages(2, 3), &entry),
			 lof_is_locked(unit_pages(2, 3)));
	ck_assert(!lof_is_locked(unit_pages(3, 10)));
	ck_assert(!lof_is_locked(unit_pages(12, 30)));
	ck_assert(!lof_is_locked(unit_pages(31, NPAGES)));
	ck_assert(lof_is_locked(unit_pages(11, 12)));
}
END_TEST

/* More moves than are remembered, and one more call in flight somewhere. */
static void do_move_to_and_fro(void)
{
	for (int i = 0; i < LOF_NDERIVED; i++) {
		lof_mremap(unit_at(0), unit_len(4), unit_len(4),
			   MREMAP_MAYMOVE | MREMAP_FIXED, unit_at(40));
		lof_mremap(unit_at(40), unit_len(4), unit_len(4),
			   MREMAP_MAYMOVE | MREMAP_FIXED, unit_at(0));
	}
	atomic_fetch_add(&lof_books_known()->front.blind, 1);
}

/* As it may be with a call that the scheduler leaves asleep. */
START_TEST(moves_elsewhere_make_no_call_read_all_back)
{
	const size_t far = (size_t)1 << 21;
	char *away = mmap(NULL, 3 * far, RW, UNIT_MAP, -1, 0);
	struct lof_books *books;
	void *result;

	ck_assert_ptr_ne(away, MAP_FAILED);
	lay_out();
	books = lof_books_known();
	unit_sys.open = 0;
	unit_sys.after = do_move_to_and_fro;
	if (_i == 0)
		ck_assert_int_eq(lof_munmap(away + far, far), 0);
	else if (_i == 1)
		ck_assert_int_eq(lof_munlock(away + far, far), 0);
	else {
		result = lof_mmap(unit_at(24), unit_len(4), RW, UNIT_MAP, -1,
				  0);
		ck_assert_ptr_eq(result, unit_at(24));
	}
	atomic_fetch_sub(&books->front.blind, 1);
	ck_assert_int_eq(unit_sys.open, 0);
	unit_arena_assert();
	munmap(away, 3 * far);
}
END_TEST

START_TEST(call_overtaken_once_asks_the_kernel_once)
{
	lay_out();
	inner = do_mlock2;
	unit_sys.after = inner_here;
	do_munlock();
	ck_assert_int_eq(unit_sys.open, 1);
	unit_arena_assert();
}
END_TEST

/* An inner call that is itself overtaken. */
static void innermost(void)
{
	lof_mlock2(unit_at(6), unit_len(4), 0);
}

static void inner_overtaken(void)
{
	unit_sys.after = innermost;
	inner();
}

START_TEST(overtaker_that_is_overtaken_is_read_back)
{
	for (int i = 0; i < NCALLS; i++) {
		lay_out();
		inner = calls[i];
		unit_sys.after = inner_overtaken;
		calls[_i]();
		unit_sys.after = NULL;
		assert_right_after(i, 0);
	}
}
END_TEST

/* While smaps is read, what was read of it becomes wrong. */
static void (*const overtakers[])(void) = {
	do_munmap, do_mmap_locked, do_mlock2, do_mlock, do_munlock, do_move_in,
};

#define NOVERTAKERS	((int)(sizeof(overtakers) / sizeof(overtakers[0])))

START_TEST(read_back_that_is_overtaken_is_done_again)
{
	int reads = 1;

	for (int at = 1; at <= reads; at++) {
		lay_out();
		munmap(unit_at(1), unit_len(2));
		inner = overtakers[_i];
		unit_sys.reading = inner_here;
		unit_sys.reading_at = at;
		unit_sys.read = 0;
		lof_ledger_read_back(unit_pages(0, NPAGES));
		if (at == reads && unit_sys.read > reads)
			reads++;
		unit_sys.reading = NULL;
		assert_right_after(_i, at);
	}
	ck_assert_int_gt(reads, 1);
}
END_TEST

/*
 * A move takes along what the ledger knows of its source. That may be old while
 * somebody who could not take the lock has not yet had his call read back.
 */
static void (*const moves[])(void) = { do_move_out, do_grow, do_dontunmap };

START_TEST(move_of_what_a_note_is_about_is_read_back)
{
	lay_out();
	ck_assert(lof_books_lock(lof_books_get()));
	do_munlock();
	lof_books_unlock(lof_books_get());
	moves[_i]();
	unit_arena_assert();
}
END_TEST

START_TEST(move_of_what_an_unannounced_call_changed_is_read_back)
{
	struct lof_range range;
	struct lof_call call;

	lay_out();
	range = unit_pages(3, 13);
	ck_assert(lof_books_lock(lof_books_get()));
	ck_assert_int_eq(lof_call_begin(&call, LOF_KEEPS, range, LOF_NO_RANGE),
			 0);
	lof_books_unlock(lof_books_get());
	ck_assert_int_eq(lof_sys_munlock(range), 0);
	moves[_i]();
	ck_assert(!lof_call_land(&call, LOF_DONE));
	lof_call_end(&call);
	unit_arena_assert();
}
END_TEST

/* Somebody stopped a thread in the middle of its booking. */
static sem_t stopped, resumed;

static void *stop_while_booking(void *arg)
{
	struct lof_call call;

	(void)arg;
	ck_assert_int_eq(lof_call_begin(&call, LOF_ADDS, unit_pages(32, 36),
					LOF_NO_RANGE), 0);
	lof_arm(unit_pages(32, 36));
	ck_assert(lof_call_land(&call, LOF_DONE));
	sem_post(&stopped);
	sem_wait(&resumed);
	lof_call_set(&call, unit_pages(32, 36), lof_arm_attr(LOF_ONFAULT));
	lof_call_end(&call);
	return NULL;
}

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

START_TEST(owner_of_the_lock_that_is_stopped_is_not_waited_for)
{
	pthread_t thread;
	double begun;

	lay_out();
	sem_init(&stopped, 0, 0);
	sem_init(&resumed, 0, 0);
	ck_assert_int_eq(pthread_create(&thread, NULL, stop_while_booking,
					NULL), 0);
	sem_wait(&stopped);
	begun = seconds();
	ck_assert_int_eq(lof_munmap(unit_at(2), unit_len(4)), 0);
	ck_assert_msg(seconds() - begun < 2, "it took %f s", seconds() - begun);
	ck_assert_int_eq(truth_kind_at(unit_at(2)), -1);
	/* Others too, on the memory the stopped one is about to book. */
	inner = calls[_i];
	inner();
	ck_assert_int_eq(lof_munlock(unit_at(33), unit_len(2)), 0);
	sem_post(&resumed);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	unit_arena_assert();
}
END_TEST

/* Threads and a timer, all on the same pages. */
#define NTHREADS	3
#define NCHANCES	400
#define NSIGNALS	100	/* in a round: too often, and no one comes on */

static _Thread_local uint64_t chance;
static _Atomic uint64_t seeds;

static void random_call(void)
{
	size_t start = unit_below(&chance, 24);
	size_t len = unit_len(1 + unit_below(&chance, 8));
	void *to = unit_at(32 + unit_below(&chance, 8));

	switch (unit_below(&chance, 9)) {
	case 0:
		lof_munmap(unit_at(start), len);
		break;
	case 1: case 2:
		lof_mmap(unit_at(start), len, RW, UNIT_MAP | MAP_FIXED, -1, 0);
		break;
	case 3:
		lof_mmap(unit_at(start), len, RW,
			 UNIT_MAP | MAP_FIXED | MAP_LOCKED, -1, 0);
		break;
	case 4: case 5:
		lof_mlock2(unit_at(start), len, MLOCK_ONFAULT);
		break;
	case 6:
		lof_mlock2(unit_at(start), len, 0);
		break;
	case 7:
		lof_munlock(unit_at(start), len);
		break;
	default:
		lof_mremap(unit_at(start), len, len,
			   MREMAP_MAYMOVE | MREMAP_FIXED, to);
	}
}

static _Atomic int signals;		/* to come */

static void expect_signal(void)
{
	const struct itimerval soon = { { 0, 0 }, { 0, 150 } };

	if (signals-- > 0)
		setitimer(ITIMER_REAL, &soon, NULL);
}

static void handle(int signum)
{
	int saved = errno;

	(void)signum;
	if (!chance)
		chance = unit_seed + ++seeds;
	random_call();
	expect_signal();
	errno = saved;
}

static void *take_chances(void *arg)
{
	(void)arg;
	chance = unit_seed + ++seeds;
	for (int i = 0; i < NCHANCES; i++)
		random_call();
	return NULL;
}

START_TEST(threads_and_handlers_by_chance_leave_the_ledger_right)
{
	const struct itimerval never = { { 0, 0 }, { 0, 0 } };
	struct sigaction action = { .sa_handler = handle,
				    .sa_flags = SA_RESTART };
	size_t rounds = unit_ops(SIZE_MAX);	/* but only for a while */
	double begun = seconds();

	sigaction(SIGALRM, &action, NULL);
	for (size_t i = 0; i < rounds && seconds() - begun < 2; i++) {
		pthread_t thread[NTHREADS];

		lay_out();
		signals = _i ? NSIGNALS : 0;
		expect_signal();
		for (int j = 0; j < NTHREADS; j++)
			ck_assert_int_eq(pthread_create(&thread[j], NULL,
							take_chances, NULL), 0);
		for (int j = 0; j < NTHREADS; j++)
			ck_assert_int_eq(pthread_join(thread[j], NULL), 0);
		signals = 0;
		setitimer(ITIMER_REAL, &never, NULL);
		if (!unit_arena_is_right())
			ck_abort_msg("LOF_TEST_SEED=%" PRIu64 ", round %zu",
				     unit_seed, i);
		unit_arena_assert();
	}
}
END_TEST

TCase *unit_ledger_race(void)
{
	TCase *tc = tcase_create("race");

	tcase_set_timeout(tc, UNIT_TIMEOUT);
	tcase_add_loop_test(tc, call_overtaken_by_another_is_read_back,
			    0, NCALLS);
	tcase_add_test(tc,
		call_overtaken_where_the_kernel_chose_is_read_back);
	tcase_add_test(tc,
		move_of_what_is_locked_where_the_kernel_chose_is_read_back);
	tcase_add_test(tc, mapping_that_is_taken_back_is_read_back);
	tcase_add_loop_test(tc,
		what_is_moved_before_its_unlock_is_known_is_read_back, 0, 2);
	tcase_add_loop_test(tc, mapping_under_a_new_future_is_read_back, 0, 2);
	tcase_add_test(tc, what_is_moved_before_its_lock_is_known_is_read_back);
	tcase_add_test(tc,
		       neighbour_that_is_moved_while_it_is_marked_is_read_back);
	tcase_add_loop_test(tc, moves_elsewhere_make_no_call_read_all_back, 0,
			    3);
	tcase_add_test(tc, call_overtaken_once_asks_the_kernel_once);
	tcase_add_loop_test(tc, overtaker_that_is_overtaken_is_read_back,
			    0, NCALLS);
	tcase_add_loop_test(tc, read_back_that_is_overtaken_is_done_again,
			    0, NOVERTAKERS);
	tcase_add_loop_test(tc, move_of_what_a_note_is_about_is_read_back,
			    0, 3);
	tcase_add_loop_test(tc,
		move_of_what_an_unannounced_call_changed_is_read_back, 0, 3);
	tcase_add_loop_test(tc,
		owner_of_the_lock_that_is_stopped_is_not_waited_for, 0, 3);
	tcase_add_loop_test(tc,
		threads_and_handlers_by_chance_leave_the_ledger_right, 0, 2);
	return tc;
}
