/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the suites of check_kernel share: an arena with forbidden memory around
 * it, what the kernel says of it as a string, and how to lose privileges.
 * Only the public header is used; plain libc calls pass the library by.
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
#define UNTOUCHED	7777	/* an errno that nothing sets */
#define NO_LIMIT	SIZE_MAX

extern size_t page;
extern char *arena;

/*
 * The ledger agrees with smaps, and was never wrong but where it was suspect:
 * lof_stats() counts that as drift. demand_exact_books() makes kinds_at() do so,
 * for cases where nothing is locked unseen.
 */
void assert_books(const void *addr, size_t npages);
/* How often the kernel is known to have been changed unseen. */
extern uint64_t books_drifted;

void demand_exact_books(TCase *tcase);

/* What 'K' stands for in KINDS, and the flags of lof_mlock2() for it. */
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
 * What smaps says of len pages, a character for each: '-' not mapped, '.' not
 * locked, 'F' locked in full, 'O' on fault. Checks that lof_walk() agrees.
 */
const char *kinds_at(const void *addr, size_t npages);

/* The string with every 'K' replaced by kind_letter. */
const char *kinds_meant(const char *kinds);

/* The whole arena: its kinds, Rss, and VmLck of the process. */
const char *arena_state(void);

/*
 * Lock in full, and unlock, with no word to the library. Not by libc, whose
 * calls do nothing under a sanitizer.
 */
void lock_unseen(const void *addr, size_t len);
void unlock_unseen(const void *addr, size_t len);
void lock_all_unseen(int flags);
void unlock_all_unseen(void);

/* Make the arena look like that; what it does not name is left. */
void arena_lay(size_t first, const char *kinds);

/* Pages of the arena that are resident. */
size_t arena_rss(void);

/* Write a mark into each page, and say whether it is there. */
void mark(void *addr, size_t npages, char first);
int is_marked(const void *addr, size_t npages, char first);

/* Be a user without capabilities and with this limit, for good. */
void become_nobody(size_t limit);
void set_limit(size_t limit);

/* A case with an arena around each test, which must agree with the ledger. */
TCase *arena_case(Suite *suite, const char *name);

/* Two of them: in the first 'K' is on fault, in the second in full. */
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

/* The same, and the kernel's state is what it was. */
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

#endif
