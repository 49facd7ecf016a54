/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The ledger: what every part of its suite needs, and the simple things. */
#include "config.h"

#include "unit.h"

#include <errno.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <unistd.h>

#include "arm.h"
#include "books.h"
#include "future.h"
#include "lockonfault.h"
#include "probe.h"
#include "sys_caps.h"
#include "unit_arena.h"
#include "unit_sys.h"

#define REGIONS_MAX	4096

static uintptr_t arena;
static size_t npages;

size_t unit_len(size_t n)
{
	return n * lof_sys_page_size();
}

void *unit_at(size_t page)
{
	return (void *)(arena + unit_len(page));
}

struct lof_range unit_pages(size_t start, size_t after)
{
	return (struct lof_range){ arena + unit_len(start),
				   arena + unit_len(after) };
}

/*
 * Pages far from all other mappings, on the side to which new ones do not grow:
 * nobody else's is laid into the holes that a test leaves. The kernel fills the
 * highest hole that is large enough, valgrind the lowest.
 */
static uintptr_t far_away(size_t n)
{
	const size_t distance = (size_t)1 << (sizeof(n) == 8 ? 34 : 26);
	char *addr = mmap(NULL, unit_len(n), PROT_NONE, UNIT_MAP, -1, 0);
	void *far, *wanted;

	ck_assert_ptr_ne(addr, MAP_FAILED);
	wanted = tool_is(TOOL_VALGRIND) ? addr + distance : addr - distance;
	far = mmap(wanted, unit_len(n), PROT_NONE, UNIT_MAP, -1, 0);
	ck_assert_ptr_eq(far, wanted);
	munmap(addr, unit_len(n));
	return (uintptr_t)far;
}

void unit_arena_begin(size_t n)
{
	void *addr;

	/* Here are none, and to ask for those of the system is counted. */
	lof_cap_override(LOF_CAP_HUGETLB, 0);
	unit_sys = (struct unit_sys){ .no_memory = false };
	if (arena) {
		ck_assert_uint_eq(n, npages);
		ck_assert_int_eq(lof_munmap(unit_at(0), unit_len(n)), 0);
	} else {
		arena = far_away(n + 2) + unit_len(1);
		npages = n;
	}
	addr = mmap(unit_at(0), unit_len(n), PROT_READ | PROT_WRITE,
		    UNIT_MAP | MAP_FIXED, -1, 0);
	ck_assert_ptr_eq(addr, unit_at(0));
	unit_sys = (struct unit_sys){ .no_memory = false };
}

void unit_lock_unseen(size_t start, size_t after, unsigned int flags)
{
	const struct lof_range range = unit_pages(start, after);

	ck_assert_int_eq(flags ? lof_arm(range) : lof_sys_mlock(range), 0);
	unit_sys.mlock2 = 0;
	unit_sys.mlock = 0;
}

int unit_arena_tracked(struct truth_region *out, int max)
{
	struct lof_range rest = unit_pages(0, npages);
	struct lof_entry entry;
	int n = 0;

	while (lof_ledger_find_in(rest, &entry) > 0) {
		if (n < max)
			out[n] = (struct truth_region){
				entry.range.start, entry.range.end,
				(int)LOF_ATTR_KIND(entry.attr),
			};
		rest.start = entry.range.end;
		n++;
	}
	return n;
}

bool unit_arena_is_right(void)
{
	static struct truth_region region[REGIONS_MAX];
	int n = unit_arena_tracked(region, REGIONS_MAX);

	return truth_is_told(arena, arena + unit_len(npages), region, n);
}

void unit_arena_assert(void)
{
	struct lof_books *books = lof_books_known();

	ck_assert_msg(unit_arena_is_right(), "ledger and kernel differ");
	if (!books)
		return;
	ck_assert_uint_eq(atomic_load(&books->front.blind), 0);
	ck_assert_uint_eq(atomic_load(&books->lock), 0);
	ck_assert_uint_eq(atomic_load(&books->nnotes), 0);
	ck_assert_uint_eq(atomic_load(&books->nbeside),
			  books->beside[LOF_HELD].count);
	for (int i = 0; i < LOF_NSLOTS; i++)
		ck_assert(!atomic_load(&books->slots[i].busy));
}

static void begin(void)
{
	unit_arena_begin(32);
}

static void lock(size_t start, size_t after, unsigned int flags)
{
	ck_assert_int_eq(lof_mlock2(unit_at(start), unit_len(after - start),
				    flags), 0);
}

START_TEST(outcome_of_success_is_done)
{
	ck_assert_int_eq(lof_outcome(0), LOF_DONE);
}
END_TEST

START_TEST(outcome_of_an_early_refusal_is_refused)
{
	ck_assert_int_eq(lof_outcome(-EINVAL), LOF_REFUSED);
	ck_assert_int_eq(lof_outcome(-EPERM), LOF_REFUSED);
	ck_assert_int_eq(lof_outcome(-ENOSYS), LOF_REFUSED);
}
END_TEST

START_TEST(outcome_of_a_failure_halfway_is_unsure)
{
	ck_assert_int_eq(lof_outcome(-ENOMEM), LOF_UNSURE);
	ck_assert_int_eq(lof_outcome(-EAGAIN), LOF_UNSURE);
	ck_assert_int_eq(lof_outcome(-EFAULT), LOF_UNSURE);
	ck_assert_int_eq(lof_outcome(-EINTR), LOF_UNSURE);
}
END_TEST

START_TEST(ledger_is_empty_until_something_is_locked)
{
	const struct lof_range all = lof_range_all(lof_sys_page_size());
	struct lof_entry entry;

	ck_assert_int_eq(lof_ledger_find_in(all, &entry), 0);
	lock(0, 1, MLOCK_ONFAULT);
	ck_assert_int_eq(lof_ledger_find_in(all, &entry), 1);
	ck_assert_int_eq(lof_munlock(unit_at(0), 1), 0);
	ck_assert_int_eq(lof_ledger_find_in(all, &entry), 0);
	unit_arena_assert();
}
END_TEST

START_TEST(find_in_gives_the_first_range_clipped)
{
	struct lof_entry entry;

	ck_assert_int_eq(lof_ledger_find_in(unit_pages(0, 32), &entry), 0);
	lock(4, 8, MLOCK_ONFAULT);
	lock(12, 16, 0);
	ck_assert_int_eq(lof_ledger_find_in(unit_pages(6, 32), &entry), 1);
	ck_assert_uint_eq(entry.range.start, (uintptr_t)unit_at(6));
	ck_assert_uint_eq(entry.range.end, (uintptr_t)unit_at(8));
	ck_assert_uint_eq(LOF_ATTR_KIND(entry.attr), LOF_ONFAULT);
	ck_assert_uint_eq(entry.attr, lof_arm_attr(LOF_ONFAULT));
	ck_assert_int_eq(lof_ledger_find_in(unit_pages(8, 12), &entry), 0);
	ck_assert_int_eq(lof_ledger_find_in(unit_pages(9, 13), &entry), 1);
	ck_assert_uint_eq(LOF_ATTR_KIND(entry.attr), LOF_FULL);
	unit_arena_assert();
}
END_TEST

START_TEST(around_gives_the_range_or_the_gap)
{
	struct lof_entry entry;

	lock(4, 8, MLOCK_ONFAULT);
	lock(12, 16, 0);
	ck_assert_int_eq(lof_ledger_around((uintptr_t)unit_at(9), &entry), 0);
	ck_assert_uint_eq(entry.range.start, (uintptr_t)unit_at(8));
	ck_assert_uint_eq(entry.range.end, (uintptr_t)unit_at(12));
	ck_assert_uint_eq(entry.attr, 0);
	ck_assert_int_eq(lof_ledger_around((uintptr_t)unit_at(7), &entry), 0);
	ck_assert_uint_eq(entry.range.start, (uintptr_t)unit_at(4));
	ck_assert_uint_eq(LOF_ATTR_KIND(entry.attr), LOF_ONFAULT);
}
END_TEST

START_TEST(read_back_finds_what_was_done_unseen)
{
	lock(0, 8, MLOCK_ONFAULT);
	lock(12, 16, 0);
	unit_lock_unseen(6, 14, 0);
	unit_lock_unseen(20, 24, MLOCK_ONFAULT);
	munmap(unit_at(2), unit_len(2));
	lof_ledger_read_back(unit_pages(0, 32));
	unit_arena_assert();
}
END_TEST

START_TEST(read_back_of_a_part_leaves_the_rest_alone)
{
	struct truth_region region[4];

	lock(0, 16, MLOCK_ONFAULT);
	munmap(unit_at(2), unit_len(8));
	lof_ledger_read_back(unit_pages(4, 6));
	ck_assert_int_eq(unit_arena_tracked(region, 4), 2);
	ck_assert_uint_eq(region[0].end, (uintptr_t)unit_at(4));
	ck_assert_uint_eq(region[1].start, (uintptr_t)unit_at(6));
	lof_ledger_read_back(unit_pages(0, 32));
	unit_arena_assert();
}
END_TEST

/* Where there is no smaps, msync tells that pages are not locked any more. */
START_TEST(read_back_without_smaps_forgets_what_is_unlocked)
{
	lock(0, 8, MLOCK_ONFAULT);
	lock(12, 16, 0);
	lof_sys_munlock(unit_pages(3, 5));
	munmap(unit_at(14), unit_len(8));
	unit_sys.open_err = -ENOENT;
	lof_ledger_read_back(unit_pages(0, 32));
	ck_assert_int_ge(unit_sys.open, 1);
	unit_sys.open_err = 0;
	unit_arena_assert();
}
END_TEST

/* Also where the file ends in an error in the middle. */
START_TEST(read_back_with_an_error_forgets_what_is_unlocked)
{
	lock(0, 8, MLOCK_ONFAULT);
	lof_sys_munlock(unit_pages(3, 5));
	unit_sys.read_err = -EIO;
	lof_ledger_read_back(unit_pages(0, 32));
	unit_arena_assert();
}
END_TEST

static unsigned int future_seen(void)
{
	unsigned int kind;

	lof_future_look(&kind);
	return kind;
}

START_TEST(future_is_remembered)
{
	uint64_t look = lof_future_look(&(unsigned int){ 0 });

	ck_assert_uint_eq(future_seen(), LOF_NONE);
	lof_future_end(lof_future_begin(), LOF_ONFAULT);
	ck_assert_uint_eq(future_seen(), LOF_ONFAULT);
	ck_assert(!lof_future_is_still(look));
	lof_future_end(lof_future_begin(), LOF_FUTURE_SAME);
	ck_assert_uint_eq(future_seen(), LOF_ONFAULT);
	/* The kernel knows nothing of what is made up here. */
	lof_future_sync();
	ck_assert_uint_eq(future_seen(), LOF_NONE);
}
END_TEST

/* Whose system call was the last is not known: so the kernel is asked. */
START_TEST(future_that_two_change_at_once_is_asked_for)
{
	struct lof_turn one = lof_future_begin(), other = lof_future_begin();

	ck_assert_uint_eq(future_seen(), LOF_FUTURE_UNKNOWN);
	lof_future_end(other, LOF_FULL);
	lof_future_end(one, LOF_ONFAULT);
	ck_assert_uint_eq(future_seen(), LOF_FUTURE_UNKNOWN);
	ck_assert_int_eq(lof_sys_mlockall(MCL_FUTURE), 0);
	ck_assert_uint_eq(lof_future_known(), LOF_FULL);
	ck_assert_int_eq(lof_sys_mlockall(MCL_FUTURE | MCL_ONFAULT), 0);
	ck_assert_uint_eq(lof_future_known(), LOF_FULL);
	lof_future_sync();
	ck_assert_uint_eq(lof_future_known(), LOF_ONFAULT);
	ck_assert_int_eq(lof_sys_munlockall(), 0);
	lof_future_sync();
	ck_assert_uint_eq(future_seen(), LOF_NONE);
}
END_TEST

static void exit_under_a_future(void)
{
	if (future_seen() != LOF_NONE)
		_exit(1);
}

/* The books of this child are empty ones, of the child's child they were not. */
static void begin_another_future(void)
{
	exit_under_a_future();
	lof_future_end(lof_future_begin(), LOF_ONFAULT);
	unit_in_child_with_books(exit_under_a_future);
}

/* Also where nothing was ever locked, and the kernel leaves the books alone. */
START_TEST(future_ends_in_a_child_of_fork)
{
	lof_future_end(lof_future_begin(), LOF_ONFAULT);
	unit_in_child_with_books(begin_another_future);
	ck_assert_uint_eq(future_seen(), LOF_ONFAULT);
}
END_TEST

static void sync_all(void)
{
	ck_assert_int_eq(lof_sync(), 0);
}

static void let_another_sync(void)
{
	unit_by_another(sync_all);
}

/* To ask for it maps a page for a moment; who sees that must not keep it. */
START_TEST(page_that_asks_for_the_future_is_forgotten)
{
	struct lof_range scratch;
	struct lof_entry entry;

	/* Now, since the books that this makes are unlocked by a call. */
	sync_all();
	ck_assert_int_eq(lof_sys_mlockall(MCL_FUTURE | MCL_ONFAULT), 0);
	unit_sys.before = let_another_sync;
	lof_future_sync();
	ck_assert_ptr_null(unit_sys.before);
	scratch.start = unit_sys.unmapped;
	scratch.end = scratch.start + lof_sys_page_size();
	ck_assert_int_eq(lof_ledger_find_in(scratch, &entry), 0);
}
END_TEST

START_TEST(costs_grow_with_what_is_used)
{
	struct lof_costs before, after;

	lock(0, 1, MLOCK_ONFAULT);
	lof_ledger_costs(&before);
	ck_assert_uint_ge(before.bytes, 64 << 10);
	ck_assert_uint_le(before.bytes, (64 + 40) << 10);
	lof_ledger_read_back(unit_pages(0, 32));
	lof_ledger_costs(&after);
	ck_assert_uint_eq(after.read_back, before.read_back + 1);
	ck_assert_uint_eq(after.drift, before.drift);
}
END_TEST

/* What succeeds and is not overtaken must not cost a look at the kernel. */
START_TEST(plain_calls_ask_the_kernel_nothing)
{
	lock(0, 8, MLOCK_ONFAULT);
	lock(4, 12, 0);
	ck_assert_int_eq(lof_munlock(unit_at(2), unit_len(4)), 0);
	ck_assert_int_eq(lof_munmap(unit_at(8), unit_len(2)), 0);
	ck_assert_int_eq(unit_sys.open, 0);
	ck_assert_int_eq(unit_sys.own_map, 3);	/* books, nodes, bits */
	unit_arena_assert();
}
END_TEST

/* A call begins without a slot if 128 are in flight, and is read back. */
START_TEST(more_calls_in_flight_than_slots_are_read_back)
{
	enum { N = LOF_NSLOTS + 3 };
	struct lof_call call[N];

	for (int i = 0; i < N; i++)
		ck_assert_int_eq(lof_call_begin(&call[i], LOF_KEEPS,
						unit_pages(0, 1),
						LOF_NO_RANGE), 0);
	lock(0, 8, MLOCK_ONFAULT);
	ck_assert_int_eq(lof_munlock(unit_at(2), 1), 0);
	for (int i = 0; i < N; i++) {
		ck_assert(!lof_call_land(&call[i], LOF_REFUSED));
		lof_call_end(&call[i]);
	}
	/* Nobody could read back before there was a slot. */
	ck_assert_int_eq(lof_munlock(unit_at(31), 1), 0);
	unit_arena_assert();
}
END_TEST

static TCase *simple(void)
{
	TCase *tc = tcase_create("simple");

	tcase_add_checked_fixture(tc, begin, NULL);
	tcase_set_timeout(tc, UNIT_TIMEOUT);
	tcase_add_test(tc, outcome_of_success_is_done);
	tcase_add_test(tc, outcome_of_an_early_refusal_is_refused);
	tcase_add_test(tc, outcome_of_a_failure_halfway_is_unsure);
	tcase_add_test(tc, ledger_is_empty_until_something_is_locked);
	tcase_add_test(tc, find_in_gives_the_first_range_clipped);
	tcase_add_test(tc, around_gives_the_range_or_the_gap);
	tcase_add_test(tc, read_back_finds_what_was_done_unseen);
	tcase_add_test(tc, read_back_of_a_part_leaves_the_rest_alone);
	tcase_add_test(tc, read_back_without_smaps_forgets_what_is_unlocked);
	tcase_add_test(tc, read_back_with_an_error_forgets_what_is_unlocked);
	tcase_add_test(tc, future_is_remembered);
	tcase_add_test(tc, future_that_two_change_at_once_is_asked_for);
	tcase_add_test(tc, future_ends_in_a_child_of_fork);
	tcase_add_test(tc, page_that_asks_for_the_future_is_forgotten);
	tcase_add_test(tc, costs_grow_with_what_is_used);
	tcase_add_test(tc, plain_calls_ask_the_kernel_nothing);
	tcase_add_test(tc, more_calls_in_flight_than_slots_are_read_back);
	return tc;
}

Suite *suite_ledger(void)
{
	Suite *suite = suite_create("ledger");

	suite_add_tcase(suite, simple());
	suite_add_tcase(suite, unit_ledger_memory());
	suite_add_tcase(suite, unit_ledger_race());
	suite_add_tcase(suite, unit_ledger_signal());
	return suite;
}
