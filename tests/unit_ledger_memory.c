/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The ledger when the kernel gives it no more memory: calls that lock fail
 * before the kernel is called, calls that unlock live on what was put aside.
 */
#include "config.h"

#include "unit.h"

#include <errno.h>
#include <stdio.h>
#include <sys/mman.h>

#include "books.h"
#include "future.h"
#include "lockonfault.h"
#include "unit_arena.h"
#include "unit_sys.h"

#define NPAGES		2048
#define SPAN		8	/* a tracked range and a gap behind it */
#define NRANGES		(NPAGES / SPAN)

static void begin(void)
{
	unit_arena_begin(NPAGES);
}

/* Leave the ledger n nodes, as if the others were in use. */
static void starve(size_t n)
{
	struct lof_books *books = lof_books_get();

	ck_assert_ptr_nonnull(books);
	lof_pool_fill(&books->pool, &books->tree, (size_t)-1);
	while (books->tree.nspare > n) {
		books->tree.spare = books->tree.spare->next;
		books->tree.nspare--;
	}
}

static int lock_span(size_t i)
{
	return lof_mlock2(unit_at(i * SPAN), unit_len(SPAN - 1), MLOCK_ONFAULT);
}

/* Lock until it is refused for want of nodes. How many ranges there are. */
static size_t lock_all_there_is_memory_for(void)
{
	size_t i;
	int err = 0;

	lock_span(0);
	starve(36);
	unit_sys.no_memory = true;
	for (i = 1; i < NRANGES && !err; i++)
		err = lock_span(i);
	UNIT_ASSERT_FAILS(err, -1, ENOMEM);
	return i - 1;
}

/* The three ways to be without memory. */
static void no_books(void)
{
	unit_sys.no_memory = true;
}

static void no_nodes(void)
{
	ck_assert_ptr_nonnull(lof_books_get());
	unit_sys.no_memory = true;
}

static void no_more_nodes(void)
{
	lock_all_there_is_memory_for();
}

static void (*const poverty[])(void) = { no_books, no_nodes, no_more_nodes };

/* The calls that may lock. */
static int call_mlock2(void)
{
	return lof_mlock2(unit_at(NPAGES - 1), 1, MLOCK_ONFAULT);
}

static int call_mlock2_full(void)
{
	return lof_mlock2(unit_at(NPAGES - 1), 1, 0);
}

static int call_mlock(void)
{
	return lof_mlock(unit_at(NPAGES - 1), 1);
}

static int call_mlock_converted(void)
{
	int ret;

	lof_set(LOF_CONVERT, LOF_CONVERT_LOCKS);
	ret = lof_mlock(unit_at(NPAGES - 1), 1);
	lof_set(LOF_CONVERT, LOF_CONVERT_OFF);
	return ret;
}

static int call_mlockall(void)
{
	return lof_mlockall(MCL_CURRENT | MCL_ONFAULT);
}

static int call_mlockall_future(void)
{
	return lof_mlockall(MCL_FUTURE);
}

static int map(void *addr, int flags)
{
	return lof_mmap(addr, unit_len(2), PROT_READ | PROT_WRITE,
			UNIT_MAP | flags, -1, 0) == MAP_FAILED ? -1 : 0;
}

static int call_mmap_locked(void)
{
	return map(NULL, MAP_LOCKED);
}

static int call_mmap_locked_fixed(void)
{
	return map(unit_at(0), MAP_LOCKED | MAP_FIXED);
}

static int call_mmap_converted(void)
{
	int ret;

	lof_set(LOF_CONVERT, LOF_CONVERT_LOCKS);
	ret = map(NULL, MAP_LOCKED);
	lof_set(LOF_CONVERT, LOF_CONVERT_OFF);
	return ret;
}

static int call_mmap_onfault(void)
{
	return lof_mmap_onfault(NULL, unit_len(2), PROT_READ, UNIT_MAP, -1,
				0) == MAP_FAILED ? -1 : 0;
}

static int call_mmap_onfault_fixed(void)
{
	return lof_mmap_onfault(unit_at(0), unit_len(2), PROT_READ,
				UNIT_MAP | MAP_FIXED, -1, 0) == MAP_FAILED
	       ? -1 : 0;
}

static int (*const locking[])(void) = {
	call_mlock2, call_mlock2_full, call_mlock, call_mlock_converted,
	call_mlockall, call_mlockall_future, call_mmap_locked,
	call_mmap_locked_fixed, call_mmap_converted, call_mmap_onfault,
	call_mmap_onfault_fixed,
};

#define NLOCKING ((int)(sizeof(locking) / sizeof(locking[0])))

START_TEST(call_that_locks_without_memory_fails_before_the_kernel)
{
	size_t charge;

	poverty[_i / NLOCKING]();
	charge = truth_vmlck();
	unit_sys = (struct unit_sys){ .no_memory = true };
	errno = 0;
	UNIT_ASSERT_FAILS(locking[_i % NLOCKING](), -1, ENOMEM);
	ck_assert_int_eq(unit_sys.mlock2 + unit_sys.mlock + unit_sys.mlockall +
			 unit_sys.mmap + unit_sys.munmap + unit_sys.mremap, 0);
	ck_assert_uint_eq(truth_vmlck(), charge);
	ck_assert_int_ne(truth_kind_at(unit_at(0)), -1);
	ck_assert(unit_arena_is_right());
	/* Nothing of the refusal is left when there is memory again. */
	unit_sys.no_memory = false;
	ck_assert_int_eq(call_mlock2(), 0);
	unit_arena_assert();
}
END_TEST

/* MCL_FUTURE makes every mmap a call that locks. */
START_TEST(mmap_under_future_without_memory_fails_before_the_kernel)
{
	lock_all_there_is_memory_for();
	lof_future_end(lof_future_begin(), LOF_FULL);
	unit_sys.mmap = 0;
	UNIT_ASSERT_FAILS(map(NULL, 0), -1, ENOMEM);
	ck_assert_int_eq(unit_sys.mmap, 0);
	lof_future_end(lof_future_begin(), LOF_NONE);
}
END_TEST

START_TEST(calls_that_unlock_need_no_books)
{
	void *addr;

	unit_lock_unseen(0, 16, MLOCK_ONFAULT);
	unit_sys.no_memory = true;
	ck_assert_int_eq(lof_munlock(unit_at(0), unit_len(4)), 0);
	ck_assert_int_eq(truth_kind_at(unit_at(3)), LOF_NONE);
	ck_assert_int_eq(truth_kind_at(unit_at(4)), LOF_ONFAULT);
	ck_assert_int_eq(lof_munmap(unit_at(4), unit_len(4)), 0);
	ck_assert_int_eq(truth_kind_at(unit_at(4)), -1);
	ck_assert_int_eq(map(unit_at(8), MAP_FIXED), 0);
	ck_assert_int_eq(truth_kind_at(unit_at(8)), LOF_NONE);
	addr = lof_mremap(unit_at(10), unit_len(2), unit_len(1), 0);
	ck_assert_ptr_eq(addr, unit_at(10));
	ck_assert_int_eq(truth_kind_at(unit_at(11)), -1);
	ck_assert_int_eq(lof_mprotect(unit_at(12), 1, PROT_READ), 0);
	ck_assert_int_eq(lof_munlockall(), 0);
	ck_assert_int_eq(truth_kind_at(unit_at(15)), LOF_NONE);
	unit_arena_assert();
}
END_TEST

/*
 * Every range gets holes, so that there are ever more of them, from the nodes
 * that the calls before have left.
 */
START_TEST(unmapping_the_middles_lives_on_the_reserve)
{
	size_t nranges = lock_all_there_is_memory_for(), unmapped = 0;
	int calls, err = 0;

	ck_assert_uint_ge(nranges, 61);
	unit_arena_assert();
	for (size_t hole = 1; !err && hole < SPAN - 2; hole += 2)
		for (size_t i = 0; !err && i < nranges; i++) {
			calls = unit_sys.munmap;
			err = lof_munmap(unit_at(i * SPAN + hole), 1) ? errno
								      : 0;
			unmapped += !err;
		}
	printf("unmapped %zu middles of %zu ranges without memory\n", unmapped,
	       nranges);
	ck_assert_uint_ge(unmapped, nranges);
	unit_arena_assert();
	if (!err)
		return;
	/* When even the reserve is used up, the kernel is not called. */
	ck_assert_int_eq(err, ENOMEM);
	ck_assert_int_eq(unit_sys.munmap, calls);
	unit_sys.no_memory = false;
	ck_assert_int_eq(lof_munmap(unit_at(0), unit_len(NPAGES)), 0);
	unit_arena_assert();
}
END_TEST

START_TEST(unlocking_all_lives_on_the_reserve)
{
	size_t nranges = lock_all_there_is_memory_for();

	for (size_t i = 0; i < nranges; i++)
		ck_assert_int_eq(lof_munlock(unit_at(i * SPAN + 3), 1), 0);
	ck_assert_int_eq(lof_munlock2(unit_at(0), unit_len(SPAN),
				      MLOCK_ONFAULT), 0);
	unit_arena_assert();
	ck_assert_int_eq(lof_munlockall(), 0);
	ck_assert_uint_eq(lof_books_get()->tree.count, 0);
	unit_arena_assert();
	/* What was freed serves to lock again. */
	for (size_t i = 0; i < nranges; i++)
		ck_assert_int_eq(lock_span(i), 0);
	unit_arena_assert();
}
END_TEST

START_TEST(unmapping_with_no_reserve_works_or_fails_before_the_kernel)
{
	int err;

	lock_all_there_is_memory_for();
	starve(0);
	unit_sys.munmap = 0;
	err = lof_munmap(unit_at(0), unit_len(NPAGES)) ? errno : 0;
	unit_arena_assert();
	if (!err)
		return;
	ck_assert_int_eq(err, ENOMEM);
	ck_assert_int_eq(unit_sys.munmap, 0);
	unit_sys.no_memory = false;
	ck_assert_int_eq(lof_munmap(unit_at(0), unit_len(NPAGES)), 0);
	unit_arena_assert();
}
END_TEST

START_TEST(move_of_many_ranges_without_memory_fails_before_the_kernel)
{
	void *to = unit_at(NPAGES / 2);

	for (size_t i = 0; i < NPAGES / 2; i += 2)
		ck_assert_int_eq(lof_mlock2(unit_at(i), 1, MLOCK_ONFAULT), 0);
	starve(40);
	unit_sys.no_memory = true;
	UNIT_ASSERT_FAILS(lof_mremap(unit_at(0), unit_len(NPAGES / 2),
				    unit_len(NPAGES / 2),
				    MREMAP_MAYMOVE | MREMAP_FIXED, to),
			  MAP_FAILED, ENOMEM);
	ck_assert_int_eq(unit_sys.mremap, 0);
	unit_arena_assert();
	/* A move of a few still works. */
	ck_assert_ptr_eq(lof_mremap(unit_at(0), unit_len(1), unit_len(1),
				    MREMAP_MAYMOVE | MREMAP_FIXED, to), to);
	unit_arena_assert();
}
END_TEST

/* With no node to note it with, what is locked is unknown, never wrong. */
START_TEST(read_back_without_memory_forgets)
{
	static struct truth_region kernel[NPAGES], ledger[NPAGES];
	uintptr_t start = (uintptr_t)unit_at(0);
	uintptr_t end = start + unit_len(NPAGES);
	int nkernel, nledger;

	for (size_t i = 0; i < NPAGES; i += 4)
		ck_assert_int_eq(lof_mlock2(unit_at(i), 1, MLOCK_ONFAULT), 0);
	for (size_t i = 0; i < NPAGES; i += 4)
		unit_lock_unseen(i, i + 2, 0);
	starve(3);
	unit_sys.no_memory = true;
	lof_ledger_read_back(unit_pages(0, NPAGES));
	nkernel = truth_collect(start, end, kernel, NPAGES);
	nledger = unit_arena_tracked(ledger, NPAGES);
	ck_assert_int_eq(nkernel, NPAGES / 4);
	for (int i = 0, j = 0; i < nledger; i++) {
		while (j < nkernel && kernel[j].end <= ledger[i].start)
			j++;
		ck_assert(j < nkernel && kernel[j].start <= ledger[i].start &&
			  ledger[i].end <= kernel[j].end &&
			  ledger[i].kind == kernel[j].kind);
	}
	unit_sys.no_memory = false;
	lof_ledger_read_back(unit_pages(0, NPAGES));
	unit_arena_assert();
}
END_TEST

TCase *unit_ledger_memory(void)
{
	const int npoverty = (int)(sizeof(poverty) / sizeof(poverty[0]));
	TCase *tc = tcase_create("memory");

	tcase_add_checked_fixture(tc, begin, NULL);
	tcase_set_timeout(tc, UNIT_TIMEOUT);
	tcase_add_loop_test(tc,
		call_that_locks_without_memory_fails_before_the_kernel,
		0, npoverty * NLOCKING);
	tcase_add_test(tc,
		mmap_under_future_without_memory_fails_before_the_kernel);
	tcase_add_test(tc, calls_that_unlock_need_no_books);
	tcase_add_test(tc, unmapping_the_middles_lives_on_the_reserve);
	tcase_add_test(tc, unlocking_all_lives_on_the_reserve);
	tcase_add_test(tc,
		unmapping_with_no_reserve_works_or_fails_before_the_kernel);
	tcase_add_test(tc,
		move_of_many_ranges_without_memory_fails_before_the_kernel);
	tcase_add_test(tc, read_back_without_memory_forgets);
	return tc;
}
