/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Signal handlers that interrupt the ledger's own code, where the lock is held,
 * and children of fork, also of a fork in such a handler.
 */
#include "config.h"

#include "unit.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "arm.h"
#include "books.h"
#include "future.h"
#include "lockonfault.h"
#include "probe.h"
#include "sys_caps.h"
#include "unit_arena.h"
#include "unit_sys.h"

#define NPAGES	64
#define RW	(PROT_READ | PROT_WRITE)

/* fork.c is not linked here; and qemu-user leaves out MADV_WIPEONFORK. */
static void handle_forks(void)
{
	if (tool_is(TOOL_QEMU))
		pthread_atfork(lof_books_before_fork, lof_books_after_fork,
			       lof_books_after_fork_in_child);
}

static void begin(void)
{
	handle_forks();
	unit_arena_begin(NPAGES);
	ck_assert_int_eq(lof_mlock2(unit_at(0), unit_len(8), MLOCK_ONFAULT), 0);
	ck_assert_int_eq(lof_mlock2(unit_at(8), unit_len(8), 0), 0);
	unit_sys.futex_wait = 0;
}

static void (*handled)(void);
static _Atomic int handlers;

static void handle(int signum)
{
	int saved = errno;

	(void)signum;
	handled();
	handlers++;
	errno = saved;
}

/*
 * A call that locks pages 20 to 27 on fault; between its booking and its end
 * a handler runs.
 */
static void book_and_be_interrupted(struct lof_call *call,
				    void (*function)(void))
{
	struct sigaction action = { .sa_handler = handle };
	const struct lof_range range = unit_pages(20, 28);

	handled = function;
	handlers = 0;
	sigaction(SIGUSR1, &action, NULL);
	ck_assert_int_eq(lof_call_begin(call, LOF_ADDS, range, LOF_NO_RANGE),
			 0);
	ck_assert_int_eq(lof_arm(range), 0);
	ck_assert(lof_call_land(call, LOF_DONE));
	raise(SIGUSR1);
	ck_assert_int_eq(handlers, 1);
	lof_call_set(call, range, lof_arm_attr(LOF_ONFAULT));
}

static void interrupt_with(void (*function)(void))
{
	struct lof_call call;

	book_and_be_interrupted(&call, function);
	lof_call_end(&call);
	/* The lock's owner was the thread itself: there was no waiting. */
	ck_assert_int_eq(unit_sys.futex_wait, 0);
	unit_arena_assert();
}

static void lock_elsewhere(void)
{
	ck_assert_int_eq(lof_mlock2(unit_at(40), unit_len(4), MLOCK_ONFAULT),
			 0);
	ck_assert_int_eq(lof_mlock(unit_at(46), unit_len(2)), 0);
	ck_assert_int_eq(truth_kind_at(unit_at(41)), LOF_ONFAULT);
	ck_assert_int_eq(truth_kind_at(unit_at(46)), LOF_FULL);
}

static void unlock_elsewhere(void)
{
	ck_assert_int_eq(lof_munlock(unit_at(2), unit_len(3)), 0);
	ck_assert_int_eq(lof_munmap(unit_at(6), unit_len(4)), 0);
	ck_assert_int_eq(truth_kind_at(unit_at(3)), LOF_NONE);
	ck_assert_int_eq(truth_kind_at(unit_at(6)), -1);
}

static void unlock_the_same(void)
{
	ck_assert_int_eq(lof_munlock(unit_at(22), unit_len(2)), 0);
	ck_assert_int_eq(lof_munmap(unit_at(26), unit_len(1)), 0);
}

static void lock_the_same_in_full(void)
{
	ck_assert_int_eq(lof_mlock2(unit_at(18), unit_len(6), 0), 0);
}

static void munlock2_by_the_kernels_word(void)
{
	ck_assert_int_eq(lof_munlock2(unit_at(4), unit_len(8), MLOCK_ONFAULT),
			 0);
	ck_assert_int_eq(truth_kind_at(unit_at(4)), LOF_NONE);
	ck_assert_int_eq(truth_kind_at(unit_at(8)), LOF_FULL);
	ck_assert_int_eq(lof_munlock2(unit_at(4), unit_len(8), MLOCK_LOCKED),
			 0);
	ck_assert_int_eq(truth_kind_at(unit_at(8)), LOF_NONE);
	ck_assert_int_eq(truth_kind_at(unit_at(12)), LOF_FULL);
}

static void map_and_move(void)
{
	void *addr = lof_mmap(unit_at(30), unit_len(4), RW,
			      UNIT_MAP | MAP_FIXED | MAP_LOCKED, -1, 0);

	ck_assert_ptr_eq(addr, unit_at(30));
	addr = lof_mmap_onfault(unit_at(34), unit_len(2), RW,
				UNIT_MAP | MAP_FIXED, -1, 0);
	ck_assert_ptr_eq(addr, unit_at(34));
	addr = lof_mremap(unit_at(9), unit_len(4), unit_len(4),
			  MREMAP_MAYMOVE | MREMAP_FIXED, unit_at(50));
	ck_assert_ptr_eq(addr, unit_at(50));
	ck_assert_int_eq(truth_kind_at(unit_at(30)), LOF_FULL);
	ck_assert_int_eq(truth_kind_at(unit_at(34)), LOF_ONFAULT);
	ck_assert_int_eq(truth_kind_at(unit_at(50)), LOF_FULL);
}

/* More ranges than there are notes. */
static void lock_many_pieces(void)
{
	for (size_t i = 0; i < 2 * LOF_NNOTES && 2 * i < NPAGES; i++)
		ck_assert_int_eq(lof_mlock2(unit_at(2 * i), 1, 0), 0);
}

static void unlock_everything(void)
{
	ck_assert_int_eq(lof_munlockall(), 0);
}

static void (*const interruptions[])(void) = {
	lock_elsewhere, unlock_elsewhere, unlock_the_same,
	lock_the_same_in_full, munlock2_by_the_kernels_word, map_and_move,
	lock_many_pieces, unlock_everything,
};

START_TEST(handler_inside_the_booking_is_read_back_after_it)
{
	interrupt_with(interruptions[_i]);
}
END_TEST

static int stop_at_once(const struct lof_region *region, void *arg)
{
	(void)region;
	(void)arg;
	return 1;
}

static void ask(void)
{
	struct lof_region region;
	struct lof_stats stats;

	/* The kernel's word; the ledger is behind by the call interrupted. */
	ck_assert_int_eq(lof_query(unit_at(21), &region, sizeof(region)), 0);
	ck_assert_uint_eq(region.kind, LOF_ONFAULT);
	ck_assert_uint_eq(region.start, (uintptr_t)unit_at(20));
	ck_assert_uint_eq(region.len, unit_len(8));
	ck_assert_int_eq(lof_query(unit_at(17), &region, sizeof(region)), 0);
	ck_assert_uint_eq(region.kind, LOF_NONE);
	ck_assert_uint_eq(region.start, (uintptr_t)unit_at(16));
	ck_assert_uint_eq(region.len, unit_len(4));
	UNIT_ASSERT_FAILS(lof_walk(stop_at_once, NULL), -1, EBUSY);
	UNIT_ASSERT_FAILS(lof_stats(&stats, sizeof(stats)), -1, EBUSY);
}

START_TEST(handler_inside_the_booking_is_told_by_the_kernel)
{
	interrupt_with(ask);
}
END_TEST

static void unlock_what_is_full(void)
{
	UNIT_ASSERT_FAILS(lof_munlock2(unit_at(0), unit_len(8), MLOCK_LOCKED),
			  -1, EBUSY);
}

/* Without mlock2 all that is there looks as if it were locked in full. */
START_TEST(handler_inside_the_booking_unlocks_nothing_on_a_guess)
{
	struct lof_call call;

	ck_assert_int_eq(lof_munlock(unit_at(0), unit_len(8)), 0);
	lof_cap_override(LOF_CAP_MLOCK2, 0);
	lof_cap_override(LOF_CAP_SMAPS_KIND, 0);
	ck_assert_int_eq(lof_mlock2(unit_at(0), unit_len(8), MLOCK_ONFAULT), 0);
	memset(unit_at(0), 1, unit_len(8));
	book_and_be_interrupted(&call, unlock_what_is_full);
	lof_call_end(&call);
	for (size_t i = 0; i < 8; i++)
		ck_assert(lof_is_locked(unit_pages(i, i + 1)));
	lof_cap_override(LOF_CAP_MLOCK2, -1);
	lof_cap_override(LOF_CAP_SMAPS_KIND, -1);
}
END_TEST

/* A note that was left is read back even if nothing is tracked any more. */
START_TEST(note_is_read_back_where_nothing_is_tracked)
{
	struct lof_call call;

	ck_assert_int_eq(lof_munlockall(), 0);
	ck_assert_int_eq(lof_mlock2(unit_at(0), unit_len(8), MLOCK_ONFAULT), 0);
	ck_assert_int_eq(lof_call_begin(&call, LOF_KEEPS, unit_pages(0, 8),
					LOF_NO_RANGE), 0);
	ck_assert_int_eq(lof_sys_munlock(unit_pages(0, 8)), 0);
	ck_assert(lof_call_land(&call, LOF_DONE));
	lof_call_clear(&call, unit_pages(0, 8));
	lock_elsewhere();
	lof_call_end(&call);
	unit_arena_assert();
}
END_TEST

/*
 * In a child nothing may be asserted by libcheck, whose report is the parent's:
 * it says which line failed and ends.
 */
#define CHILD(condition) do {						\
	if (!(condition)) {						\
		fprintf(stderr, "%s:%d: in the child: %s\n", __FILE__,	\
			__LINE__, #condition);				\
		_exit(1);						\
	}								\
} while (0)

static void assert_child_succeeds(pid_t pid)
{
	int status;

	ck_assert_int_gt(pid, 0);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFEXITED(status));
	ck_assert_int_eq(WEXITSTATUS(status), 0);
}

/* A child begins with nothing and can do everything. */
static void look_and_lock(void)
{
	struct lof_books *books = lof_books_known();
	struct lof_entry entry;

	CHILD(lof_walk(stop_at_once, NULL) == 0);
	CHILD(lof_ledger_find_in(lof_range_all(lof_sys_page_size()),
				 &entry) == 0);
	CHILD(lof_future_known() == LOF_NONE);
	CHILD(books && !books->tree.root && !books->tree.nspare);
	CHILD(unit_arena_is_right());
	CHILD(lof_mlock2(unit_at(4), unit_len(8), MLOCK_ONFAULT) == 0);
	CHILD(lof_munlock(unit_at(6), unit_len(2)) == 0);
	CHILD(lof_walk(stop_at_once, NULL) == 1);
	CHILD(truth_kind_at(unit_at(4)) == LOF_ONFAULT);
	CHILD(unit_arena_is_right());
}

START_TEST(child_of_fork_begins_with_an_empty_ledger)
{
	pid_t pid;

	lof_future_end(lof_future_begin(), LOF_ONFAULT);
	pid = fork();
	if (pid == 0) {
		look_and_lock();
		_exit(0);
	}
	assert_child_succeeds(pid);
	ck_assert_uint_eq(lof_future_known(), LOF_ONFAULT);
	ck_assert_int_eq(truth_kind_at(unit_at(1)), LOF_ONFAULT);
	unit_arena_assert();
}
END_TEST

/* A program may say it of all its memory. Only fork.c is not linked here. */
void unit_in_child_with_books(void (*function)(void))
{
	pid_t pid;

	ck_assert_int_eq(lof_sys_madvise((uintptr_t)lof_books_known(),
					 sizeof(struct lof_books),
					 MADV_KEEPONFORK), 0);
	pid = fork();
	if (pid == 0) {
		lof_books_after_fork_in_child();
		function();
		_exit(0);
	}
	assert_child_succeeds(pid);
}

START_TEST(child_of_fork_begins_empty_though_the_books_were_kept)
{
	unit_in_child_with_books(look_and_lock);
	unit_arena_assert();
}
END_TEST

START_TEST(child_of_a_child_begins_with_an_empty_ledger)
{
	pid_t pid = fork(), grandchild;
	int status;

	if (pid == 0) {
		look_and_lock();
		grandchild = fork();
		if (grandchild == 0) {
			look_and_lock();
			_exit(0);
		}
		CHILD(waitpid(grandchild, &status, 0) == grandchild);
		CHILD(WIFEXITED(status) && WEXITSTATUS(status) == 0);
		CHILD(unit_arena_is_right());
		_exit(0);
	}
	assert_child_succeeds(pid);
	unit_arena_assert();
}
END_TEST

static pid_t forked;

static void fork_only(void)
{
	forked = fork();
}

static void fork_and_use(void)
{
	forked = fork();
	if (forked == 0)
		look_and_lock();
}

/* The child's handler, too, can lock; what it did is seen at the end. */
static void fork_and_lock(void)
{
	forked = fork();
	if (forked == 0)
		CHILD(lof_mlock2(unit_at(4), unit_len(8), MLOCK_ONFAULT) == 0);
}

/* As it is in book_and_be_interrupted(), but the child returns into it. */
static void fork_inside_the_booking(void (*function)(void))
{
	const struct lof_range range = unit_pages(20, 28);
	struct lof_call call;

	handled = function;
	signal(SIGUSR1, handle);
	ck_assert_int_eq(lof_call_begin(&call, LOF_ADDS, range, LOF_NO_RANGE),
			 0);
	ck_assert_int_eq(lof_arm(range), 0);
	ck_assert(lof_call_land(&call, LOF_DONE));
	lof_call_set(&call, range, lof_arm_attr(LOF_ONFAULT));
	raise(SIGUSR1);
	lof_call_end(&call);
	if (forked == 0) {
		CHILD(unit_arena_is_right());
		if (function == fork_only)
			look_and_lock();
		else
			CHILD(truth_kind_at(unit_at(4)) == LOF_ONFAULT);
		CHILD(unit_arena_is_right());
		_exit(0);
	}
	assert_child_succeeds(forked);
	unit_arena_assert();
}

START_TEST(fork_by_a_handler_inside_the_booking_leaves_the_child_empty)
{
	fork_inside_the_booking(fork_only);
}
END_TEST

START_TEST(fork_by_a_handler_inside_the_booking_lets_the_child_lock)
{
	fork_inside_the_booking(fork_and_lock);
}
END_TEST

/* The same where the call is in the kernel, and has still to land. */
START_TEST(call_in_flight_at_a_fork_books_nothing_in_the_child)
{
	unit_sys.after = _i ? fork_only : fork_and_use;
	ck_assert_int_eq(lof_mlock2(unit_at(30), unit_len(4), MLOCK_ONFAULT),
			 0);
	if (forked == 0) {
		struct lof_books *books = lof_books_known();

		/* The call was the parent's: here nothing is locked by it. */
		CHILD(truth_kind_at(unit_at(30)) == LOF_NONE);
		CHILD(unit_arena_is_right());
		CHILD(atomic_load(&books->front.blind) == 0);
		CHILD(atomic_load(&books->lock) == 0);
		_exit(0);
	}
	assert_child_succeeds(forked);
	unit_arena_assert();
}
END_TEST

TCase *unit_ledger_signal(void)
{
	const int n = (int)(sizeof(interruptions) / sizeof(interruptions[0]));
	TCase *tc = tcase_create("signal");

	tcase_add_checked_fixture(tc, begin, NULL);
	tcase_set_timeout(tc, UNIT_TIMEOUT);
	tcase_add_loop_test(tc,
		handler_inside_the_booking_is_read_back_after_it, 0, n);
	tcase_add_test(tc, handler_inside_the_booking_is_told_by_the_kernel);
	tcase_add_test(tc,
		       handler_inside_the_booking_unlocks_nothing_on_a_guess);
	tcase_add_test(tc, note_is_read_back_where_nothing_is_tracked);
	tcase_add_test(tc, child_of_fork_begins_with_an_empty_ledger);
	tcase_add_test(tc,
		child_of_fork_begins_empty_though_the_books_were_kept);
	tcase_add_test(tc, child_of_a_child_begins_with_an_empty_ledger);
	tcase_add_test(tc,
		fork_by_a_handler_inside_the_booking_leaves_the_child_empty);
	tcase_add_test(tc,
		fork_by_a_handler_inside_the_booking_lets_the_child_lock);
	tcase_add_loop_test(tc,
		call_in_flight_at_a_fork_books_nothing_in_the_child, 0, 2);
	return tc;
}
