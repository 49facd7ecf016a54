/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Each locking call, by a user without capabilities, under limits of 64 KiB,
 * 8 MiB, 5 pages and 0. A lock as large as the limit succeeds. A lock one page
 * larger than the limit fails and changes nothing.
 */
#include "config.h"

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/kernel.h"

#include "support/truth.h"

#define RW	(PROT_READ | PROT_WRITE)
#define ANON	(MAP_PRIVATE | MAP_ANONYMOUS)
#define BIG	((char *)(uintptr_t)0x60000000)
#define MAX_LEN	((size_t)8 << 20)

static int lock(size_t len)
{
	return lof_mlock(BIG, len);
}

static int lock_converted(size_t len)
{
	OK(lof_set(LOF_CONVERT, LOF_CONVERT_LOCKS));
	return lof_mlock(BIG, len);
}

static int lock_full(size_t len)
{
	return lof_mlock2(BIG, len, 0);
}

static int lock_on_fault(size_t len)
{
	return lof_mlock2(BIG, len, MLOCK_ONFAULT);
}

static int hold_full(size_t len)
{
	return lof_hold(BIG, len, 0);
}

static int hold_on_fault(size_t len)
{
	return lof_hold(BIG, len, MLOCK_ONFAULT);
}

static int placed(const void *addr)
{
	return addr == BIG ? 0 : -1;
}

static int map_locked(size_t len)
{
	return placed(lof_mmap(BIG, len, RW, ANON | MAP_FIXED | MAP_LOCKED, -1,
			       0));
}

static int map_converted(size_t len)
{
	OK(lof_set(LOF_CONVERT, LOF_CONVERT_LOCKS));
	return map_locked(len);
}

static int map_on_fault(size_t len)
{
	return placed(lof_mmap_onfault(BIG, len, RW, ANON | MAP_FIXED, -1, 0));
}

static int map_in_future(size_t len)
{
	OK(lof_mlockall(MCL_FUTURE | MCL_ONFAULT));
	return placed(lof_mmap(BIG, len, RW, ANON | MAP_FIXED, -1, 0));
}

/* All pages but the last are locked already. */
static int grow(size_t len)
{
	return placed(lof_mremap(BIG, len - page, len, 0));
}

static int grow_unpopulated(size_t len)
{
	return placed(lof_mremap(BIG, len - page, len,
				 LOF_MREMAP_NOPOPULATE));
}

enum { UNLOCKED, GROWING_ON_FAULT, GROWING_FULL };

static const struct {
	int (*call)(size_t len);
	int kind;
	int err;		/* over the limit */
	int begins;
	bool takes_back;	/* the call sets MCL_FUTURE, too */
} rows[] = {
	{ lock, LOF_FULL, ENOMEM, UNLOCKED, false },
	{ lock_converted, LOF_ONFAULT, ENOMEM, UNLOCKED, false },
	{ lock_full, LOF_FULL, ENOMEM, UNLOCKED, false },
	{ lock_on_fault, LOF_ONFAULT, ENOMEM, UNLOCKED, false },
	{ hold_full, LOF_FULL, ENOMEM, UNLOCKED, false },
	{ hold_on_fault, LOF_ONFAULT, ENOMEM, UNLOCKED, false },
	{ map_locked, LOF_FULL, EAGAIN, UNLOCKED, false },
	{ map_converted, LOF_ONFAULT, EAGAIN, UNLOCKED, false },
	{ map_on_fault, LOF_ONFAULT, EAGAIN, UNLOCKED, false },
#define NREFUSED_BY_NONE 9	/* the rows above: EPERM under a limit of 0 */
	{ map_in_future, LOF_ONFAULT, EAGAIN, UNLOCKED, true },
	{ grow, LOF_ONFAULT, EAGAIN, GROWING_ON_FAULT, false },
	{ grow, LOF_FULL, EAGAIN, GROWING_FULL, false },
	{ grow_unpopulated, LOF_ONFAULT, EAGAIN, GROWING_ON_FAULT, false },
	{ grow_unpopulated, LOF_FULL, EAGAIN, GROWING_FULL, false },
};

#define NROWS	(sizeof(rows) / sizeof(rows[0]))

static size_t locked_in_big(struct truth_region region[2])
{
	int n = truth_collect((uintptr_t)BIG, (uintptr_t)BIG + 2 * MAX_LEN,
			      region, 2);
	size_t sum = 0;

	ck_assert_int_le(n, 2);
	for (int i = 0; i < n; i++)
		sum += region[i].end - region[i].start;
	return sum;
}

static void assert_all_is_right(size_t locked)
{
	struct truth_region region[2];

	ck_assert_uint_eq(locked_in_big(region), locked);
	ck_assert_uint_eq(truth_vmlck(), locked);
	truth_assert_equal((uintptr_t)BIG, (uintptr_t)BIG + 2 * MAX_LEN);
}

/*
 * Map len bytes. For a row that grows, map and lock one page less. Returns the
 * number of locked bytes.
 */
static size_t begin(size_t row, size_t len)
{
	size_t mapped = len - (rows[row].begins == UNLOCKED ? 0 : page);

	ck_assert_ptr_eq(lof_mmap(BIG, mapped, RW, ANON | MAP_FIXED, -1, 0),
			 BIG);
	if (rows[row].begins == UNLOCKED)
		return 0;
	OK(lof_mlock2(BIG, mapped, rows[row].begins == GROWING_FULL ?
					   0 : MLOCK_ONFAULT));
	return mapped;
}

static void assert_refused(size_t row, size_t len, int wanted)
{
	size_t before = begin(row, len);
	struct lof_region told;
	int ret, err;

	BIG[0] = 'a';
	errno = UNTOUCHED;
	ret = rows[row].call(len);
	err = errno;
	if (rows[row].takes_back)
		OK(lof_munlockall2(MCL_FUTURE));
	ck_assert_int_eq(ret, -1);
	ck_assert_int_eq(err, wanted);
	ck_assert_int_eq(BIG[0], 'a');
	assert_all_is_right(before);
	OK(lof_query(BIG, &told, sizeof(told)));
	ck_assert_uint_eq(told.holds, 0);
	OK(lof_munmap(BIG, len));
}

static void assert_locked(size_t row, size_t len)
{
	struct truth_region region[2];

	begin(row, len);
	OK(rows[row].call(len));
	if (rows[row].takes_back)
		OK(lof_munlockall2(MCL_FUTURE));
	assert_all_is_right(len);
	locked_in_big(region);
	/* The old pages keep their kind; a new page may be on fault. */
	ck_assert_int_eq(region[0].kind, rows[row].kind);
	OK(lof_munmap(BIG, len));
	assert_all_is_right(0);
}

static size_t limit_of(int i)
{
	const size_t limits[] = { 64 << 10, MAX_LEN, pages(5) };

	return limits[i];
}

START_TEST(just_the_limit_is_locked_and_a_page_more_is_refused)
{
	size_t row = (size_t)_i % NROWS, limit = limit_of(_i / (int)NROWS);

	become_nobody(limit);
	assert_refused(row, limit + page, rows[row].err);
	assert_locked(row, limit);
}
END_TEST

START_TEST(a_limit_of_a_page_less_refuses)
{
	size_t row = (size_t)_i;

	become_nobody(pages(4));
	assert_refused(row, pages(5), rows[row].err);
	assert_locked(row, pages(4));
}
END_TEST

/* Under a limit of 0 the privilege is missing: EPERM. */
START_TEST(a_limit_of_none_refuses)
{
	become_nobody(0);
	assert_refused((size_t)_i, pages(5), EPERM);
}
END_TEST

/* Unlock, populate and discard need no privilege. */
START_TEST(unlock_calls_work_under_any_limit)
{
	arena_lay(0, "OOFFOOFF....");
	OK(lof_hold(at(8), pages(4), MLOCK_ONFAULT));
	become_nobody(0);
	OK(lof_populate(at(0), pages(2), PROT_WRITE));
	OK(lof_discard(at(0), pages(4)));
	OK(lof_drop(at(8), pages(2)));
	KINDS(at(0), "OOFFOOFF..OO");
	OK(lof_munlock2(at(0), pages(4), MLOCK_ONFAULT));
	OK(lof_munlock(at(3), pages(2)));
	KINDS(at(0), "..F..OFF..OO");
	OK(lof_sync());
	OK(lof_munlockall2(MCL_CURRENT));
	KINDS(at(0), ".....O....OO");
	OK(lof_munlockall());
	KINDS(at(0), "............");
	ck_assert_uint_eq(truth_vmlck(), 0);
}
END_TEST

/* The child locks as much as its limit allows, and its ledger is right. */
START_TEST(child_relocks_within_the_limit)
{
	struct rlimit low = { pages(3), pages(3) };
	pid_t pid;
	int status;

	arena_lay(0, "OO.FF.OOO");
	OK(lof_set(LOF_FORK, LOF_FORK_RELOCK));
	become_nobody(pages(8));
	ck_assert_int_eq(setrlimit(RLIMIT_MEMLOCK, &low), 0);
	pid = fork();
	if (pid == 0) {
		bool right = truth_is_equal((uintptr_t)at(0),
					    (uintptr_t)at(9));

		_exit(right && truth_vmlck() == pages(2) ? 0 : 1);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	KINDS(at(0), "OO.FF.OOO");
}
END_TEST

Suite *limit_matrix_suite(void)
{
	Suite *suite = suite_create("limit matrix");
	TCase *tcase = arena_case(suite, "all calls that lock");

	tcase_add_loop_test(tcase,
		just_the_limit_is_locked_and_a_page_more_is_refused, 0,
		3 * (int)NROWS);
	tcase_add_loop_test(tcase, a_limit_of_a_page_less_refuses, 0,
			    (int)NROWS);
	tcase_add_loop_test(tcase, a_limit_of_none_refuses, 0,
			    NREFUSED_BY_NONE);
	tcase_add_test(tcase, unlock_calls_work_under_any_limit);
	tcase_add_test(tcase, child_relocks_within_the_limit);
	return suite;
}
