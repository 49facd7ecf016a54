/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Shared by the suites of check_kernel: an arena between two inaccessible
 * pages, the kernel's state of it as a string, and the loss of privileges. Uses
 * the public header only. The library does not see plain libc calls.
 */
#ifndef LOF_TESTS_KERNEL_H
#define LOF_TESTS_KERNEL_H

#include <check.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "lockonfault.h"
#include "support/tool.h"

#ifndef MREMAP_DONTUNMAP
#define MREMAP_DONTUNMAP 4
#endif

#define ARENA_PAGES	48
#define UNTOUCHED	7777	/* a value that no call gives errno */
#define NO_LIMIT	SIZE_MAX

extern size_t page;
extern char *arena;

/*
 * Assert that the ledger agrees with smaps, and that it never was wrong without
 * being suspect: lof_stats() counts that as drift.
 */
void assert_books(const void *addr, size_t npages);
/* The drift to expect: changes that the test made unseen by the library. */
extern uint64_t books_drifted;

/* Let kinds_at() call assert_books(): for cases without unseen changes. */
void demand_exact_books(TCase *tcase);

/* The letter that 'K' stands for in KINDS, and its flags of lof_mlock2(). */
extern char kind_letter;
extern unsigned int kind_flags;

static inline char *at(size_t n)
{
	return arena + n * page;
}

static inline size_t pages(size_t n)
{
	return n * page;
}

/*
 * The state of npages pages in smaps, a character for each: '-' not mapped, '.'
 * not locked, 'F' locked in full, 'O' on fault. Checks that lof_walk() agrees.
 */
const char *kinds_at(const void *addr, size_t npages);

/* The string with every 'K' replaced by kind_letter. */
const char *kinds_meant(const char *kinds);

/* The whole arena: its kinds, Rss, and VmLck of the process. */
const char *arena_state(void);

/*
 * Lock in full, or unlock, unseen by the library. By syscall(): libc's
 * functions do nothing under a sanitizer.
 */
void lock_unseen(const void *addr, size_t len);
void unlock_unseen(const void *addr, size_t len);
void lock_all_unseen(int flags);
void unlock_all_unseen(void);

/* Unmap ('-') or lock pages of the arena from first on; leave others alone. */
void arena_lay(size_t first, const char *kinds);

/* Does mremap with MREMAP_FIXED move several VMAs? Linux 6.17 and later. */
bool moves_several_vmas(void);

/*
 * mremap with MREMAP_FIXED onto pages from first on failed. Before Linux 6.17
 * the kernel has unmapped them.
 */
void assert_target_of_failure(size_t first, const char *kinds);

/* The resident pages of the arena. */
size_t arena_rss(void);

/* Write a mark into each page; are the marks still there? */
void mark(void *addr, size_t npages, char first);
int is_marked(const void *addr, size_t npages, char first);

/* Become a user without capabilities, with this RLIMIT_MEMLOCK, for good. */
void become_nobody(size_t limit);
void set_limit(size_t limit);

/* A case whose tests have an arena. The ledger must agree after each test. */
TCase *arena_case(Suite *suite, const char *name);

/* Two such cases: 'K' is on fault in the first, in full in the second. */
struct both_kinds {
	TCase *tcase[2];
};

struct both_kinds arena_cases(Suite *suite);
void add_for_each_kind(struct both_kinds both, const TTest *test);

#define KINDS(addr, kinds)						\
	ck_assert_str_eq(kinds_at(addr, sizeof(kinds) - 1), kinds_meant(kinds))
#define RSS(npages) ck_assert_uint_eq(arena_rss(), npages)

/* Success leaves errno alone. */
#define OK(call) do {							\
	errno = UNTOUCHED;						\
	ck_assert_int_eq(call, 0);					\
	ck_assert_int_eq(errno, UNTOUCHED);				\
} while (0)
#define MAPPED(to, call) do {						\
	errno = UNTOUCHED;						\
	(to) = (call);							\
	ck_assert_msg((void *)(to) != MAP_FAILED, #call ": errno %d", errno); \
	ck_assert_int_eq(errno, UNTOUCHED);				\
} while (0)

#define FAILS(call, err) do {						\
	errno = UNTOUCHED;						\
	ck_assert_int_eq(call, -1);					\
	ck_assert_int_eq(errno, err);					\
} while (0)
#define NOT_MAPPED(call, err) do {					\
	errno = UNTOUCHED;						\
	ck_assert_ptr_eq(call, MAP_FAILED);				\
	ck_assert_int_eq(errno, err);					\
} while (0)

/* As above, and the kernel's state does not change. */
#define UNCHANGED(statement) do {					\
	char before[ARENA_PAGES + 100];					\
									\
	strcpy(before, arena_state());					\
	statement;							\
	ck_assert_str_eq(arena_state(), before);			\
} while (0)
#define REFUSED(call, err) UNCHANGED(FAILS(call, err))
#define MAP_REFUSED(call, err) UNCHANGED(NOT_MAPPED(call, err))

Suite *lock_suite(void);
Suite *munlock2_suite(void);
Suite *lockall_suite(void);
Suite *map_suite(void);
Suite *madvise_suite(void);
Suite *remap_suite(void);
Suite *dontunmap_suite(void);
Suite *budget_suite(void);
Suite *drift_suite(void);
Suite *future_suite(void);
Suite *query_suite(void);
Suite *hold_suite(void);
Suite *pages_suite(void);
Suite *policy_suite(void);
Suite *processes_suite(void);
Suite *limits_suite(void);
Suite *limit_matrix_suite(void);
Suite *rows_suite(void);
Suite *sandbox_suite(void);
Suite *races_suite(void);
Suite *trim_suite(void);

#endif
