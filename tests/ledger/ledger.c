/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The ledger's protocol: each rule alone, in one thread. */
#include "config.h"

#include "support/unit.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kernel/caps.h"
#include "kernel/probe.h"
#include "ledger/attrs.h"
#include "ledger/fork.h"
#include "ledger/inflight.h"
#include "ledger/nodes.h"
#include "ledger/resync.h"
#include "ledger/runs.h"
#include "ledger/trees.h"
#include "lock/onfault.h"
#include "lockonfault.h"
#include "support/unit_arena.h"
#include "kernel/wrapped_sys.h"

#define NPAGES	64
#define RW	(PROT_READ | PROT_WRITE)

static unsigned int attr_at(size_t page)
{
	struct lof_entry run;

	ck_assert_int_eq(lof_ledger_around((uintptr_t)unit_at(page), &run), 0);
	return run.attr;
}

static void lock_onfault(size_t start, size_t after)
{
	ck_assert_int_eq(lof_mlock2(unit_at(start), unit_len(after - start),
				    MLOCK_ONFAULT), 0);
}

static void begin(void)
{
	unit_arena_begin(NPAGES);
	lock_onfault(0, 8);
	ck_assert_int_eq(lof_mlock2(unit_at(8), unit_len(8), 0), 0);
	ck_assert(unit_arena_is_right());
	unit_sys.futex_wait = unit_sys.open = 0;
}

START_TEST(call_beside_a_note_lands_nowhere)
{
	uint64_t before = lof_ledger_landings();

	ck_assert_int_eq(lof_munlock(unit_at(40), unit_len(2)), 0);
	ck_assert_int_eq(lof_munmap(unit_at(42), unit_len(2)), 0);
	ck_assert_uint_eq(lof_ledger_landings(), before);
	/* A call on noted memory is announced, and logs its landing. */
	ck_assert_int_eq(lof_munlock(unit_at(0), unit_len(1)), 0);
	ck_assert_uint_eq(lof_ledger_landings(), before + 1);
	unit_arena_assert();
}
END_TEST

START_TEST(bits_of_an_empty_block_are_cleared)
{
	struct lof_blocks *bits = &lof_ledger.front.summary;
	struct lof_range first = unit_pages(0, 1);

	for (int i = 0; i < 64; i++)
		ck_assert_int_eq(lof_munlock(unit_at(40), unit_len(1)), 0);
	/* The block has notes of other pages than 40. */
	ck_assert(lof_blocks_has(bits, first));
	ck_assert_int_eq(lof_munlock(unit_at(0), unit_len(NPAGES)), 0);
	for (int i = 0; i < 64; i++)
		ck_assert_int_eq(lof_munlock(unit_at(0), unit_len(1)), 0);
	ck_assert(!lof_blocks_has(bits, first));
	unit_arena_assert();
}
END_TEST

START_TEST(calls_take_one_system_call_and_a_reader_asks)
{
	unit_sys.mlock2 = unit_sys.munlock = unit_sys.munmap = 0;
	lock_onfault(20, 24);
	ck_assert_int_eq(lof_munlock(unit_at(2), unit_len(3)), 0);
	ck_assert_int_eq(lof_munmap(unit_at(9), unit_len(2)), 0);
	ck_assert_int_eq(unit_sys.mlock2, 1);
	ck_assert_int_eq(unit_sys.munlock, 1);
	ck_assert_int_eq(unit_sys.munmap, 1);
	ck_assert_int_eq(unit_sys.open, 0);
	ck_assert(attr_at(20) & LOF_ATTR_SUSPECT);
	ck_assert_uint_eq(attr_at(3), 0);
	ck_assert_uint_eq(attr_at(9), 0);
	unit_arena_assert();
	ck_assert_uint_eq(attr_at(20), LOF_ATTR(LOF_ONFAULT, LOF_BY_KERNEL));
}
END_TEST

static void lock_the_same(void)
{
	lock_onfault(0, 4);
}

/* 1: the kernel unlocks last; 0: it locks last. */
START_TEST(overtaken_call_is_suspect)
{
	if (_i)
		unit_sys.before = lock_the_same;
	else
		unit_sys.after = lock_the_same;
	ck_assert_int_eq(lof_munlock(unit_at(0), unit_len(4)), 0);
	ck_assert_int_eq(unit_sys.open, 0);
	ck_assert(attr_at(1) & LOF_ATTR_SUSPECT);
	ck_assert_int_eq(lof_is_locked(unit_pages(0, 4)), !_i);
	unit_arena_assert();
}
END_TEST

static void unlock_the_source(void)
{
	/* After the move this is a hole: the call fails. */
	lof_munlock(unit_at(0), unit_len(4));
}

/* Another call may have unlocked the source: so the target is suspect. */
START_TEST(move_is_suspect_with_its_source)
{
	if (_i)
		unit_sys.before = unlock_the_source;
	else
		unit_sys.after = unlock_the_source;
	ck_assert_ptr_eq(lof_mremap(unit_at(0), unit_len(4), unit_len(4),
				    MREMAP_MAYMOVE | MREMAP_FIXED,
				    unit_at(40)), unit_at(40));
	ck_assert(lof_all_is_suspect() || attr_at(41) & LOF_ATTR_SUSPECT);
	unit_arena_assert();
}
END_TEST

START_TEST(suspicion_moves_and_ends_with_the_mapping)
{
	lof_ledger_suspect(unit_pages(2, 4));
	ck_assert_ptr_eq(lof_mremap(unit_at(0), unit_len(4), unit_len(4),
				    MREMAP_MAYMOVE | MREMAP_FIXED,
				    unit_at(40)), unit_at(40));
	ck_assert(!(attr_at(41) & LOF_ATTR_SUSPECT));
	ck_assert(attr_at(42) & LOF_ATTR_SUSPECT);
	ck_assert_int_eq(lof_munmap(unit_at(42), unit_len(2)), 0);
	ck_assert_uint_eq(attr_at(42), 0);
	unit_arena_assert();
}
END_TEST

static struct lof_guard guard_of_other;

static void take_by_other(void)
{
	atomic_store(&lof_ledger.owner, &guard_of_other);
}

static void give_by_other(void)
{
	atomic_store(&lof_ledger.owner, NULL);
}

START_TEST(call_that_gets_no_lock_leaves_its_effect)
{
	ck_assert_int_eq(lof_hold(unit_at(20), unit_len(4), 0), 0);
	unit_sys.futex_wait = 0;
	take_by_other();
	ck_assert_int_eq(lof_munlock(unit_at(0), unit_len(4)), 0);
	ck_assert_int_eq(lof_munmap(unit_at(20), unit_len(2)), 0);
	lock_onfault(30, 32);
	ck_assert_int_eq(unit_sys.futex_wait, 0);
	give_by_other();
	ck_assert_int_eq(lof_ledger_has(LOF_NOTED_HOLDS, unit_pages(20, 22)),
			 0);
	ck_assert_int_eq(lof_ledger_has(LOF_NOTED_HOLDS, unit_pages(22, 24)),
			 1);
	unit_arena_assert();
}
END_TEST

START_TEST(left_effect_without_a_place_makes_all_suspect)
{
	take_by_other();
	for (size_t i = 0; i < 2 * LOF_NLEFT; i++)
		ck_assert_int_eq(lof_munlock(unit_at(i % 16), 1), 0);
	give_by_other();
	ck_assert(lof_all_is_suspect());
	unit_arena_assert();
	ck_assert(!lof_all_is_suspect());
}
END_TEST

/*
 * Take the ledger's lock and return without giving it back; half: in the middle
 * of a change of a tree.
 */
__attribute__((noinline))
static void leave_with_the_lock(bool half)
{
	struct lof_guard guard;

	ck_assert(lof_ledger_lock(&guard));
	if (half) {
		lof_edit_begin(LOF_NOTED_LOCKS);
		lof_ledger.tree[LOF_NOTED_LOCKS].root = (void *)1;
	}
}

/* Deeper in the stack than the next call of the thread. */
__attribute__((noinline))
static void leave_from_below(bool half)
{
	volatile char depth[16384];

	depth[0] = 0;
	leave_with_the_lock(half);
	depth[1] = depth[0];
}

START_TEST(lock_that_was_left_is_taken_again)
{
	leave_from_below(_i);
	ck_assert_int_eq(lof_munlock(unit_at(0), unit_len(4)), 0);
	ck_assert_ptr_null(atomic_load(&lof_ledger.owner));
	ck_assert(lof_all_is_suspect());
	unit_arena_assert();
}
END_TEST

static void *end_with_the_lock(void *half)
{
	leave_with_the_lock(half);
	return NULL;
}

START_TEST(lock_of_a_thread_that_ended_is_taken_by_a_reader)
{
	const size_t size = (size_t)8 << 20;
	void *stack = mmap(NULL, size, PROT_READ | PROT_WRITE, UNIT_MAP, -1, 0);
	pthread_attr_t attr;
	pthread_t thread;

	ck_assert_ptr_ne(stack, MAP_FAILED);
	ck_assert_int_eq(pthread_attr_init(&attr), 0);
	ck_assert_int_eq(pthread_attr_setstack(&attr, stack, size), 0);
	ck_assert_int_eq(pthread_create(&thread, &attr, end_with_the_lock,
					_i ? stack : NULL), 0);
	pthread_attr_destroy(&attr);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	ck_assert_int_eq(munmap(stack, size), 0);
	ck_assert_int_eq(lof_munlock(unit_at(0), unit_len(4)), 0);
	ck_assert_int_eq(lof_sync(), 0);
	ck_assert_ptr_null(atomic_load(&lof_ledger.owner));
	unit_arena_assert();
}
END_TEST

static sigjmp_buf out_of_the_call;

static void jump(void)
{
	siglongjmp(out_of_the_call, 1);
}

START_TEST(slots_that_were_left_are_taken_over)
{
	for (volatile size_t i = 0; i < 200; i++) {
		if (i % 2)
			unit_sys.before = jump;
		else
			unit_sys.after = jump;
		if (!sigsetjmp(out_of_the_call, 1))
			lof_munlock(unit_at(i % 14), unit_len(2));
	}
	ck_assert_int_le(atomic_load(&lof_ledger.nused), 4);
	lock_onfault(20, 22);
	unit_arena_assert();
	for (size_t i = 0; i < 14; i++)
		ck_assert_int_eq(lof_is_locked(unit_pages(i, i + 1)), 0);
}
END_TEST

/* Fork by a raw system call, which runs no pthread_atfork() handler. */
static pid_t raw_fork(void)
{
	return (pid_t)syscall(SYS_clone, (long)SIGCHLD, 0L, 0L, 0L, 0L);
}

static bool is_child;

static void fork_here(void)
{
	pid_t pid = raw_fork();
	int status;

	is_child = pid == 0;
	if (is_child)
		return;
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
}

static void end_child(void)
{
	struct lof_stats stats;
	bool good = !lof_stats(&stats, sizeof(stats)) &&
		    unit_arena_is_right();

	if (is_child)
		_exit(!good);
	ck_assert(good);
}

START_TEST(child_begins_empty_and_right)
{
	if (tool_is(TOOL_QEMU))
		return;
	if (_i == 0)
		fork_here();
	else if (_i == 1)
		unit_sys.before = fork_here;
	else
		unit_sys.after = fork_here;
	if (_i == 0 && is_child)
		ck_assert_uint_eq(attr_at(0), 0);
	lock_onfault(20, 24);
	end_child();
}
END_TEST

START_TEST(child_forked_under_the_lock_begins_empty)
{
	struct lof_guard guard;
	pid_t pid;
	int status;

	if (tool_is(TOOL_QEMU))
		return;
	ck_assert(lof_ledger_lock(&guard));
	lof_ledger_before_fork();
	pid = raw_fork();
	if (pid == 0) {
		lof_ledger_after_fork_in_child();
		lof_ledger_unlock();
		is_child = true;
		end_child();
	}
	lof_ledger_after_fork();
	lof_ledger_unlock();
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	ck_assert_uint_ne(attr_at(0), 0);
	unit_arena_assert();
}
END_TEST

START_TEST(without_proc_msync_tells_and_the_rest_stays_suspect)
{
	ck_assert_int_eq(lof_sys_munlock(unit_pages(0, 2)), 0);
	lof_ledger_suspect(unit_pages(0, 4));
	unit_sys.open_err = -EACCES;
	ck_assert_int_eq(lof_ledger_resync(unit_pages(0, 64)), -EACCES);
	ck_assert_uint_eq(attr_at(1), 0);
	ck_assert_uint_eq(attr_at(2), LOF_ATTR(LOF_ONFAULT, LOF_BY_KERNEL) |
				      LOF_ATTR_SUSPECT);
	ck_assert_uint_eq(attr_at(5), LOF_ATTR(LOF_ONFAULT, LOF_BY_KERNEL));
	unit_sys.open_err = 0;
	unit_arena_assert();
}
END_TEST

static void unlock_while_reading(void)
{
	ck_assert_int_eq(lof_munlock(unit_at(9), unit_len(2)), 0);
}

START_TEST(reader_that_is_overtaken_reads_again)
{
	lof_ledger_suspect_all();
	unit_sys.read = 0;
	unit_sys.read_max = 700;
	unit_sys.reading_at = 1 + _i;
	unit_sys.reading = unlock_while_reading;
	ck_assert_int_eq(lof_ledger_resync(unit_pages(0, 64)), 0);
	ck_assert_uint_eq(attr_at(9), 0);
	unit_arena_assert();
}
END_TEST

START_TEST(call_in_flight_keeps_its_range_suspect)
{
	struct lof_change change;

	lof_change_begin(&change, LOF_MAY_UNLOCK, unit_pages(0, 2),
			 LOF_NO_RANGE);
	ck_assert_int_eq(lof_ledger_resync(unit_pages(0, 64)), 0);
	ck_assert_uint_eq(attr_at(0), LOF_ATTR(LOF_ONFAULT, LOF_BY_KERNEL) |
				      LOF_ATTR_SUSPECT);
	ck_assert_uint_eq(attr_at(3), LOF_ATTR(LOF_ONFAULT, LOF_BY_KERNEL));
	lof_change_end(&change, LOF_REFUSED);
	unit_arena_assert();
}
END_TEST

#define MANY	((size_t)8000)	/* ranges: more than the ledger has nodes for */

static char *lock_many(void)
{
	char *many = mmap(NULL, unit_len(2 * MANY), RW, UNIT_MAP, -1, 0);

	ck_assert_ptr_ne(many, MAP_FAILED);
	for (size_t i = 0; i < MANY; i++)
		ck_assert_int_eq(lof_mlock2(many + unit_len(2 * i), 1,
					    MLOCK_ONFAULT), 0);
	return many;
}

START_TEST(without_memory_nothing_fails_and_nothing_is_lost)
{
	struct lof_entry run;
	char *many;

	if (tool_is_limited())
		skip("RLIMIT_MEMLOCK is less than the ledger has nodes for");
	unit_sys.no_memory = true;
	many = lock_many();
	ck_assert(lof_all_is_suspect());
	ck_assert_int_eq(lof_munlock(many + unit_len(4), 1), 0);
	ck_assert_int_eq(lof_munmap(many + unit_len(8), 1), 0);
	ck_assert_int_eq(lof_munlock(unit_at(0), unit_len(4)), 0);
	ck_assert_int_eq(lof_ledger_resync(unit_pages(0, 64)), -ENOMEM);
	unit_sys.no_memory = false;
	unit_arena_assert();
	for (size_t i = 0; i < 5; i++) {
		ck_assert_int_eq(lof_ledger_around((uintptr_t)many +
						   unit_len(2 * i), &run), 0);
		ck_assert_int_eq(run.attr != 0, i != 2 && i != 4);
	}
}
END_TEST

/*
 * A handler that interrupts the owner of the ledger's lock cannot read the
 * ledger.
 */
START_TEST(failing_mlock2_under_the_lock_keeps_other_locks)
{
	struct lof_guard guard;

	ck_assert_int_eq(mprotect(unit_at(7), unit_len(1), PROT_NONE), 0);
	ck_assert(lof_ledger_lock(&guard));
	UNIT_ASSERT_FAILS(lof_mlock2(unit_at(0), unit_len(8), 0), -1, ENOMEM);
	lof_ledger_unlock();
	for (size_t i = 0; i < 8; i++)
		ck_assert_int_eq(lof_is_locked(unit_pages(i, i + 1)), 1);
	unit_arena_assert();
}
END_TEST

static void unmap_within(void)
{
	ck_assert_int_eq(munmap(unit_at(23), unit_len(1)), 0);
}

static void unmap_before_the_undo(void)
{
	unit_sys.before = unmap_within;
}

/*
 * mlock locks pages 20 to 27, but cannot populate the last page. Another thread
 * makes a hole before munlock, which stops there.
 */
START_TEST(failing_mlock2_that_is_not_undone_is_suspect)
{
	ck_assert_int_eq(mprotect(unit_at(27), unit_len(1), PROT_NONE), 0);
	unit_sys.after = unmap_before_the_undo;
	UNIT_ASSERT_FAILS(lof_mlock2(unit_at(20), unit_len(8), 0), -1, ENOMEM);
	ck_assert_ptr_null(unit_sys.before);
	unit_arena_assert();
}
END_TEST

START_TEST(munlock_under_the_lock_keeps_held_memory)
{
	struct lof_guard guard;

	ck_assert_int_eq(lof_set(LOF_HOLDS, LOF_HOLDS_WIN), 0);
	ck_assert_int_eq(lof_hold(unit_at(0), unit_len(4), 0), 0);
	ck_assert(lof_ledger_lock(&guard));
	UNIT_ASSERT_FAILS(lof_munlock(unit_at(0), unit_len(8)), -1, EBUSY);
	lof_ledger_unlock();
	for (size_t i = 0; i < 4; i++)
		ck_assert_int_eq(lof_is_locked(unit_pages(i, i + 1)), 1);
	ck_assert_int_eq(lof_set(LOF_HOLDS, LOF_HOLDS_YIELD), 0);
	unit_arena_assert();
}
END_TEST

static void *hold_the_lock(void *arg)
{
	_Atomic bool *is_held = arg;
	struct lof_guard guard;

	ck_assert(lof_ledger_lock(&guard));
	atomic_store(is_held, true);
	usleep(20000);
	lof_ledger_unlock();
	return NULL;
}

/* The program would take an error for a lock that the limit refuses. */
START_TEST(mlock_under_a_bound_waits_for_the_lock)
{
	_Atomic bool is_held = false;
	pthread_t owner;

	ck_assert_int_eq(lof_set(LOF_CONVERT, LOF_CONVERT_LOCKS), 0);
	ck_assert_int_eq(lof_set(LOF_CONVERT_MAX, unit_len(64)), 0);
	ck_assert_int_eq(pthread_create(&owner, NULL, hold_the_lock,
					&is_held), 0);
	while (!atomic_load(&is_held))
		usleep(100);
	ck_assert_int_eq(lof_mlock(unit_at(0), unit_len(4)), 0);
	ck_assert_int_eq(pthread_join(owner, NULL), 0);
	*(volatile char *)unit_at(2) = 1;
	ck_assert_int_eq(lof_catch_up(), 0);
	ck_assert_int_eq(lof_is_locked(unit_pages(2, 3)), 1);
}
END_TEST

Suite *suite_ledger(void)
{
	Suite *suite = suite_create("ledger");
	TCase *tc = tcase_create("protocol");

	tcase_set_timeout(tc, UNIT_TIMEOUT);
	tcase_add_checked_fixture(tc, begin, NULL);
	tcase_add_test(tc, call_beside_a_note_lands_nowhere);
	tcase_add_test(tc, mlock_under_a_bound_waits_for_the_lock);
	tcase_add_test(tc, bits_of_an_empty_block_are_cleared);
	tcase_add_test(tc, calls_take_one_system_call_and_a_reader_asks);
	tcase_add_loop_test(tc, overtaken_call_is_suspect, 0, 2);
	tcase_add_loop_test(tc, move_is_suspect_with_its_source, 0, 2);
	tcase_add_test(tc, suspicion_moves_and_ends_with_the_mapping);
	tcase_add_test(tc,
		       call_that_gets_no_lock_leaves_its_effect);
	tcase_add_test(tc, left_effect_without_a_place_makes_all_suspect);
	tcase_add_loop_test(tc, lock_that_was_left_is_taken_again, 0, 2);
	tcase_add_loop_test(tc, lock_of_a_thread_that_ended_is_taken_by_a_reader,
			    0, 2);
	tcase_add_test(tc, slots_that_were_left_are_taken_over);
	tcase_add_loop_test(tc, child_begins_empty_and_right, 0, 3);
	tcase_add_test(tc, child_forked_under_the_lock_begins_empty);
	tcase_add_test(tc, without_proc_msync_tells_and_the_rest_stays_suspect);
	tcase_add_loop_test(tc, reader_that_is_overtaken_reads_again, 0, 12);
	tcase_add_test(tc, call_in_flight_keeps_its_range_suspect);
	tcase_add_test(tc, without_memory_nothing_fails_and_nothing_is_lost);
	tcase_add_test(tc,
		       failing_mlock2_under_the_lock_keeps_other_locks);
	tcase_add_test(tc, failing_mlock2_that_is_not_undone_is_suspect);
	tcase_add_test(tc, munlock_under_the_lock_keeps_held_memory);
	suite_add_tcase(suite, tc);
	return suite;
}
