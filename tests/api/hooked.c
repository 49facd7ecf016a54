/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The functions for the shim by which a program confines itself, gives up root
 * or stands before another library. check_preload tests them through the hooks.
 */
#include "config.h"

#include "api/hooked.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/published.h"
#include "emulate/mclfuture_emulated.h"
#include "kernel/permit.h"
#include "kernel/probe.h"
#include "kernel/smaps.h"
#include "ledger/front.h"
#include "lockonfault.h"
#include "support/unit.h"
#include "support/unit_arena.h"

#define NEW_LISTENER	8	/* Linux 5.0 */

/* Install a filter by which system call nr fails; return the result. */
static long refuse(unsigned int nr, long flags)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, nr, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { 4, code };
	const long args[6] = { SECCOMP_SET_MODE_FILTER, flags, (long)&program };

	ck_assert_int_eq(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
	return lof_hooked_confine(SYS_seccomp, args);
}

START_TEST(filter_takes_the_calls_that_it_refuses)
{
	ck_assert(lof_hooked_permits_log());
	ck_assert_int_eq(refuse(SYS_msync, 0), 0);
	ck_assert(!lof_permits(LOF_CALL_MSYNC));
	ck_assert(lof_permits(LOF_CALL_MINCORE));
	ck_assert(lof_hooked_permits_log());
	/* LeakSanitizer spins at exit without getpid(); the log needs this: */
	ck_assert_int_eq(refuse(SYS_rt_sigtimedwait, 0), 0);
	ck_assert(!lof_hooked_permits_log());
}
END_TEST

/* The success of such a call is a descriptor. */
START_TEST(filter_with_a_listener_is_installed)
{
	long fd = refuse(SYS_msync, NEW_LISTENER);

	if (fd == -EINVAL)
		skip("no listener before Linux 5.0");
	ck_assert_int_gt(fd, 0);
	ck_assert(!lof_permits(LOF_CALL_MSYNC));
}
END_TEST

START_TEST(filter_that_the_kernel_refuses_takes_nothing)
{
	ck_assert_int_eq(refuse(SYS_msync, 1 << 30), -EINVAL);
	ck_assert(lof_permits(LOF_CALL_MSYNC));
}
END_TEST

static unsigned int nthreads(void)
{
	struct lof_process_state state;

	ck_assert_int_eq(lof_smaps_process(0, &state), 0);
	return state.threads;
}

START_TEST(sync_ms_of_the_shim_starts_with_a_lock)
{
	unsigned int before = nthreads();
	unsigned long ms = 0;

	unit_arena_begin(4);
	lof_hooked_sync_ms(LOF_SYNC_MS_MAX);
	ck_assert_int_eq(lof_get(LOF_SYNC_MS, &ms), 0);
	ck_assert_uint_eq(ms, LOF_SYNC_MS_MAX);
	ck_assert_uint_eq(nthreads(), before);
	ck_assert_int_eq(lof_mlock(unit_at(0), unit_len(1)), 0);
	ck_assert_uint_eq(nthreads(), before + 1);
	ck_assert_int_eq(lof_set(LOF_SYNC_MS, 0), 0);
}
END_TEST

START_TEST(publishes_the_state_of_the_shim)
{
	ck_assert_str_eq(lof_published.mark, LOF_PUBLISHED_MARK);
	ck_assert_uint_eq(lof_published.shim, LOF_PUBLISHED_NO_SHIM);
	lof_hooked_publish(false);
	ck_assert_uint_eq(lof_published.shim, LOF_PUBLISHED_INERT);
	lof_hooked_publish(true);
	ck_assert_uint_eq(lof_published.shim, LOF_PUBLISHED_ACTIVE);
	ck_assert_int_eq(lof_set(LOF_CONVERT_MAX, 4096), 0);
	ck_assert_uint_eq(lof_published.bound, 4096);
}
END_TEST

START_TEST(publishes_that_no_thread_can_scan)
{
	unit_arena_begin(4);
	lof_hooked_sync_ms(LOF_SYNC_MS_MAX);
	ck_assert_uint_eq(lof_published.sync_ms, LOF_SYNC_MS_MAX);
	ck_assert_int_eq(refuse(SYS_unshare, 0), 0);
	ck_assert_uint_eq(lof_published.is_stalled, 0);
	ck_assert_int_eq(lof_mlock(unit_at(0), unit_len(1)), 0);
	ck_assert_uint_eq(lof_published.is_stalled, 1);
}
END_TEST

START_TEST(mclfuture_moves_over_before_setuid)
{
	struct rlimit limit;

	ck_assert_int_eq(getrlimit(RLIMIT_MEMLOCK, &limit), 0);
	if (limit.rlim_cur == RLIM_INFINITY)
		limit.rlim_cur = limit.rlim_max = 8 << 20;
	ck_assert_int_eq(setrlimit(RLIMIT_MEMLOCK, &limit), 0);
	unit_arena_begin(4);
	ck_assert_int_eq(lof_set(LOF_CONVERT, LOF_CONVERT_LOCKS), 0);
	ck_assert(!lof_hooked_before_setuid());
	ck_assert_uint_eq(lof_mclfuture_emulated(), 0);
	if (lof_mlockall(MCL_FUTURE) || lof_mclfuture_emulated())
		skip("the limit applies already, or there is no mlock2");
	ck_assert(lof_hooked_before_setuid());
	ck_assert_uint_eq(lof_mclfuture_emulated(), LOF_MCLFUTURE_OURS |
						    LOF_MCLFUTURE_OURS_LIMITED);
	ck_assert_int_eq(truth_kind_at(unit_at(0)), LOF_NONE);
	lof_hooked_after_setuid();
	ck_assert_uint_eq(lof_mclfuture_emulated(), 0);
	ck_assert_uint_eq(lof_mclfuture_known(), LOF_ONFAULT);
	ck_assert_int_eq(truth_kind_at(unit_at(0)), LOF_NONE);
	ck_assert_int_eq(lof_munlockall(), 0);
}
END_TEST

static void *seen;
static bool was_making, is_making_still;

static int next_munmap(void *addr, size_t len)
{
	seen = addr;
	was_making = lof_hooked_next_is_making(SYS_munmap, (long)addr,
					       (long)len);
	is_making_still = lof_hooked_next_is_making(SYS_munmap, (long)addr,
						    (long)len);
	return (int)syscall(SYS_munmap, addr, len);
}

START_TEST(next_function_makes_the_call)
{
	static const struct lof_next next = { .munmap = next_munmap };
	enum lof_called before;

	unit_arena_begin(4);
	ck_assert_int_eq(lof_mlock2(unit_at(0), unit_len(4), 1), 0);
	lof_hooked_next_set(&next);
	ck_assert_int_eq(lof_munmap(unit_at(1), unit_len(1)), 0);
	ck_assert_ptr_eq(seen, unit_at(1));
	ck_assert(was_making && !is_making_still);
	/* By number no function of this name is called. */
	before = lof_hooked_next_set_called(LOF_CALLED_BY_NUMBER);
	ck_assert_int_eq(before, LOF_CALLED_BY_NAME);
	ck_assert_int_eq(lof_munmap(unit_at(2), unit_len(1)), 0);
	ck_assert_ptr_eq(seen, unit_at(1));
	ck_assert_int_eq(lof_hooked_next_set_called(before),
			 LOF_CALLED_BY_NUMBER);
	ck_assert(!lof_hooked_next_is_making(SYS_munmap, 0, 0));
	lof_hooked_next_set(NULL);
	unit_arena_assert();
}
END_TEST

/* A page that is touched is a fault. */
START_TEST(mark_is_the_number_of_faults)
{
	uint64_t before;

	unit_arena_begin(64);
	lof_hooked_mark_faults();
	before = lof_the_front->live.faults;
	ck_assert_uint_gt(before, 0);
	for (size_t i = 0; i < 64; i++)
		*(volatile char *)unit_at(i) = 1;
	ck_assert_uint_eq(lof_the_front->live.faults, before);
	lof_hooked_mark_faults();
	ck_assert_uint_gt(lof_the_front->live.faults, before);
}
END_TEST

START_TEST(stack_room_is_bounded_by_its_limit)
{
	struct rlimit limit;
	char here;
	size_t room;

	ck_assert_int_eq(getrlimit(RLIMIT_STACK, &limit), 0);
	limit.rlim_cur = 4 << 20;
	ck_assert_int_eq(setrlimit(RLIMIT_STACK, &limit), 0);
	room = lof_hooked_stack_room((uintptr_t)&here);
	ck_assert_uint_gt(room, 0);
	ck_assert_uint_lt(room, 4 << 20);
	limit.rlim_cur = 2 << 20;
	ck_assert_int_eq(setrlimit(RLIMIT_STACK, &limit), 0);
	ck_assert_uint_eq(lof_hooked_stack_room((uintptr_t)&here),
			  room - (2 << 20));
	/* No stack is there. */
	ck_assert_uint_eq(lof_hooked_stack_room(0), 0);
}
END_TEST

START_TEST(summary_tells_once_what_was_counted)
{
	struct lof_summary summary;

	unit_arena_begin(4);
	ck_assert(!lof_hooked_summary(&summary));
	ck_assert(lof_hooked_summary_begin());
	ck_assert_int_eq(lof_mlock2(unit_at(0), unit_len(4), 1), 0);
	lof_hooked_summary_count(unit_len(4), false);
	lof_hooked_summary_count(unit_len(1), false);
	lof_hooked_summary_count(unit_len(9), true);
	ck_assert(lof_hooked_summary(&summary));
	ck_assert_uint_eq(summary.asked, unit_len(5));
	ck_assert_uint_eq(summary.refused, 1);
	ck_assert_uint_ge(summary.charged, unit_len(4));
	ck_assert(!lof_hooked_summary(&summary));
}
END_TEST

/* What mlockall() asked for stays asked for, if it is unlocked later. */
START_TEST(summary_counts_all_that_mlockall_asked_for)
{
	struct lof_summary summary;

	unit_arena_begin(4);
	ck_assert(lof_hooked_summary_begin());
	ck_assert_int_eq(lof_mlock2(unit_at(0), unit_len(4), 1), 0);
	lof_hooked_summary_count_all();
	ck_assert_int_eq(lof_munlock(unit_at(0), unit_len(4)), 0);
	ck_assert(lof_hooked_summary(&summary));
	ck_assert_uint_eq(summary.asked, unit_len(4));
	ck_assert_uint_eq(summary.charged, 0);
}
END_TEST

static size_t pad_seen;

static int trim_seven(size_t pad)
{
	pad_seen = pad;
	return 7;
}

/* Whether or not the heaps are unlocked for it, the program's call is made. */
START_TEST(trim_makes_the_call_that_it_is_given)
{
	ck_assert_int_eq(lof_hooked_trim(4096, trim_seven), 7);
	ck_assert_uint_eq(pad_seen, 4096);
}
END_TEST

static bool is_locked(size_t n)
{
	return lof_is_locked(unit_pages(n, n + 1));
}

START_TEST(held_memory_is_unlocked_by_the_last_drop)
{
	unit_arena_begin(8);
	ck_assert_int_eq(lof_hooked_hold(unit_at(0), unit_len(2),
					 MLOCK_ONFAULT), 0);
	ck_assert_int_eq(lof_hooked_hold(unit_at(1), unit_len(2),
					 LOF_HOOKED_MLOCK), 0);
	ck_assert_int_eq(lof_hooked_drop(unit_at(0), unit_len(2)), 0);
	ck_assert(!is_locked(0) && is_locked(1) && is_locked(2));
	ck_assert_int_eq(lof_hooked_drop(unit_at(1), unit_len(2)), 0);
	ck_assert(!is_locked(1) && !is_locked(2));
	/* After drop_all no count is left over. */
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(lof_hooked_hold(unit_at(0), unit_len(1),
						 MLOCK_ONFAULT), 0);
	ck_assert_int_eq(lof_hooked_drop_all(), 0);
	ck_assert(!is_locked(0));
	ck_assert_int_eq(lof_hooked_hold(unit_at(0), unit_len(1),
					 MLOCK_ONFAULT), 0);
	ck_assert_int_eq(lof_hooked_drop(unit_at(0), unit_len(1)), 0);
	ck_assert(!is_locked(0));
}
END_TEST

START_TEST(selected_memory_stays_unlocked)
{
	int err;

	unit_arena_begin(8);
	ck_assert_uint_eq(lof_hooked_over_limit(4096), 4096);
	lof_hooked_select("anon", NULL, 100);
	/* MCL_FUTURE is not emulated: nothing exceeds the limit. */
	ck_assert_uint_eq(lof_hooked_over_limit(4096), 0);
	ck_assert_int_eq(lof_hooked_mlock(unit_at(0), unit_len(2)), 0);
	ck_assert(!is_locked(0) && !is_locked(1));
	ck_assert_uint_eq(lof_hooked_skipped(&err), unit_len(2));
	ck_assert_int_eq(err, 0);
	ck_assert_uint_eq(lof_hooked_skipped(&err), 0);
	ck_assert_int_eq(mlock(unit_at(4), unit_len(1)), 0);
	lof_hooked_skip_mapping(unit_at(4), unit_len(1));
	ck_assert(!is_locked(4));
	ck_assert_uint_eq(lof_hooked_skipped(&err), unit_len(1));
}
END_TEST

/* Calls are not converted here, so the limit matters where it applies. */
START_TEST(limit_matters_to_a_process_without_the_privilege)
{
	ck_assert_int_eq(lof_hooked_limit_is_moot(), !tool_is_limited());
}
END_TEST

Suite *suite_hooked(void)
{
	Suite *suite = suite_create("hooked");
	TCase *tcase = tcase_create("hooked");

	tcase_add_test(tcase, filter_takes_the_calls_that_it_refuses);
	tcase_add_test(tcase, filter_with_a_listener_is_installed);
	tcase_add_test(tcase, filter_that_the_kernel_refuses_takes_nothing);
	tcase_add_test(tcase, sync_ms_of_the_shim_starts_with_a_lock);
	tcase_add_test(tcase, publishes_the_state_of_the_shim);
	tcase_add_test(tcase, publishes_that_no_thread_can_scan);
	tcase_add_test(tcase, mclfuture_moves_over_before_setuid);
	tcase_add_test(tcase, next_function_makes_the_call);
	tcase_add_test(tcase, mark_is_the_number_of_faults);
	tcase_add_test(tcase, stack_room_is_bounded_by_its_limit);
	tcase_add_test(tcase, summary_tells_once_what_was_counted);
	tcase_add_test(tcase, summary_counts_all_that_mlockall_asked_for);
	tcase_add_test(tcase, trim_makes_the_call_that_it_is_given);
	tcase_add_test(tcase, held_memory_is_unlocked_by_the_last_drop);
	tcase_add_test(tcase, selected_memory_stays_unlocked);
	tcase_add_test(tcase,
		       limit_matters_to_a_process_without_the_privilege);
	suite_add_tcase(suite, tcase);
	return suite;
}
