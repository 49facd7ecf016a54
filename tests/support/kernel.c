/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The arena of check_kernel, and functions that read it. No tests. */
#include "config.h"

#include "support/kernel.h"

#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "support/truth.h"

#define NOBODY 65534

size_t page;
char *arena;
char kind_letter;
unsigned int kind_flags;

/* The kinds of npages pages from start, as lof_walk() gives them. */
struct drawing {
	uintptr_t start;
	size_t npages;
	char kinds[256];
};

static int draw(const struct lof_region *region, void *arg)
{
	struct drawing *drawing = arg;

	for (size_t i = 0; i < drawing->npages; i++) {
		uintptr_t here = drawing->start + pages(i);

		if (here >= region->start &&
		    here - region->start < region->len)
			drawing->kinds[i] = region->kind == LOF_ONFAULT ? 'O'
									: 'F';
	}
	return 0;
}

uint64_t books_drifted;

void assert_books(const void *addr, size_t npages)
{
	struct drawing ledger = { (uintptr_t)addr, npages, "" };
	struct lof_stats stats;
	char kernel[256];

	ck_assert_uint_lt(npages, sizeof(kernel));
	memset(ledger.kinds, '.', npages);
	ck_assert_int_eq(lof_walk(draw, &ledger), 0);
	ck_assert_int_eq(lof_stats(&stats, sizeof(stats)), 0);
	/* Under MCL_FUTURE valgrind's own memory is locked unseen. */
	if (!tool_is(TOOL_VALGRIND))
		ck_assert_uint_eq(stats.drift, books_drifted);
	truth_kinds(addr, npages, kernel);
	for (size_t i = 0; i < npages; i++)
		if (kernel[i] == '-')
			kernel[i] = '.';
	ck_assert_str_eq(ledger.kinds, kernel);
}

static int books_are_exact;

const char *kinds_at(const void *addr, size_t npages)
{
	static char kinds[256];
	uintptr_t start = (uintptr_t)addr;

	ck_assert_uint_lt(npages, sizeof(kinds));
	if (books_are_exact)
		assert_books(addr, npages);
	truth_assert_equal(start, start + pages(npages));
	truth_kinds(addr, npages, kinds);
	return kinds;
}

const char *kinds_meant(const char *kinds)
{
	static char meant[256];
	size_t i;

	for (i = 0; kinds[i] && i < sizeof(meant) - 1; i++)
		meant[i] = kinds[i] == 'K' ? kind_letter : kinds[i];
	meant[i] = '\0';
	return meant;
}

const char *arena_state(void)
{
	static char state[ARENA_PAGES + 100];

	snprintf(state, sizeof(state), "%.*s, %zu pages resident, %zu locked",
		 ARENA_PAGES,
		 kinds_at(arena, ARENA_PAGES), arena_rss(),
		 truth_vmlck() / page);
	return state;
}

void lock_unseen(const void *addr, size_t len)
{
	ck_assert_int_eq(syscall(SYS_mlock, addr, len), 0);
}

void unlock_unseen(const void *addr, size_t len)
{
	ck_assert_int_eq(syscall(SYS_munlock, addr, len), 0);
}

void lock_all_unseen(int flags)
{
	ck_assert_int_eq(syscall(SYS_mlockall, flags), 0);
}

void unlock_all_unseen(void)
{
	ck_assert_int_eq(syscall(SYS_munlockall), 0);
}

void arena_lay(size_t first, const char *kinds)
{
	const char *meant = kinds_meant(kinds);

	for (size_t i = 0; meant[i]; i++) {
		if (meant[i] == '-')
			ck_assert_int_eq(lof_munmap(at(first + i), page), 0);
		else if (meant[i] != '.')
			ck_assert_int_eq(lof_mlock2(at(first + i), page,
						    meant[i] == 'O'), 0);
	}
}

bool moves_several_vmas(void)
{
	char *from = mmap(NULL, pages(2), PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS,
			  -1, 0);
	char *to = mmap(NULL, pages(2), PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS,
			-1, 0);
	bool moves;

	ck_assert(from != MAP_FAILED && to != MAP_FAILED);
	ck_assert_int_eq(mprotect(from, page, PROT_NONE), 0);
	moves = mremap(from, pages(2), pages(2), MREMAP_MAYMOVE | MREMAP_FIXED,
		       to) == to;
	munmap(from, pages(2));
	munmap(to, pages(2));
	return moves;
}

void assert_target_of_failure(size_t first, const char *kinds)
{
	const char *found = kinds_at(at(first), strlen(kinds));

	if (strspn(found, "-") < strlen(found))
		ck_assert_str_eq(found, kinds);
	else
		ck_assert(!moves_several_vmas());
}

size_t arena_rss(void)
{
	return truth_rss((uintptr_t)arena, (uintptr_t)at(ARENA_PAGES)) / page;
}

void mark(void *addr, size_t npages, char first)
{
	for (size_t i = 0; i < npages; i++)
		((char *)addr)[pages(i)] = (char)(first + (char)i);
}

int is_marked(const void *addr, size_t npages, char first)
{
	for (size_t i = 0; i < npages; i++)
		if (((const char *)addr)[pages(i)] != (char)(first + (char)i))
			return 0;
	return 1;
}

void set_limit(size_t limit)
{
	struct rlimit new = { limit, limit };

	if (limit != NO_LIMIT)
		ck_assert_int_eq(setrlimit(RLIMIT_MEMLOCK, &new), 0);
}

void become_nobody(size_t limit)
{
	set_limit(limit);
	if (geteuid() == 0) {
		ck_assert_int_eq(setresgid(NOBODY, NOBODY, NOBODY), 0);
		ck_assert_int_eq(setresuid(NOBODY, NOBODY, NOBODY), 0);
	}
	/* Own /proc/self again. */
	ck_assert_int_eq(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0), 0);
}

/*
 * Far below the addresses that the kernel chooses: so no other mapping comes to
 * lie in a hole that a test makes.
 */
static void arena_make(void)
{
	void *addr = (void *)(uintptr_t)0x40000000;

	page = (size_t)sysconf(_SC_PAGESIZE);
	addr = mmap(addr, pages(ARENA_PAGES + 2), PROT_NONE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ck_assert_ptr_ne(addr, MAP_FAILED);
	arena = (char *)addr + page;
	ck_assert_int_eq(mprotect(arena, pages(ARENA_PAGES),
				  PROT_READ | PROT_WRITE), 0);
	kind_letter = 'O';
	kind_flags = MLOCK_ONFAULT;
}

static void arena_make_full(void)
{
	arena_make();
	kind_letter = 'F';
	kind_flags = 0;
}

static void arena_compare(void)
{
	if (books_are_exact)
		assert_books(arena, ARENA_PAGES);
	truth_assert_equal((uintptr_t)arena, (uintptr_t)at(ARENA_PAGES));
}

static void be_exact(void)
{
	books_are_exact = 1;
}

void demand_exact_books(TCase *tcase)
{
	tcase_add_checked_fixture(tcase, be_exact, NULL);
}

TCase *arena_case(Suite *suite, const char *name)
{
	TCase *tcase = tcase_create(name);

	tcase_add_checked_fixture(tcase, arena_make, arena_compare);
	suite_add_tcase(suite, tcase);
	return tcase;
}

struct both_kinds arena_cases(Suite *suite)
{
	struct both_kinds both = { {
		arena_case(suite, "on fault"),
		tcase_create("in full"),
	} };

	tcase_add_checked_fixture(both.tcase[1], arena_make_full,
				  arena_compare);
	suite_add_tcase(suite, both.tcase[1]);
	return both;
}

void add_for_each_kind(struct both_kinds both, const TTest *test)
{
	tcase_add_test(both.tcase[0], test);
	tcase_add_test(both.tcase[1], test);
}
