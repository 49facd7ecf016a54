/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Fault injection. In each call of the library, each system call fails in turn:
 * the first time, the second time and so on, with each errno of its man page.
 * Afterwards the ledger agrees with the kernel, and the same call succeeds. A
 * failed call has no effect, except the partial effects in operations[].
 */
#include "config.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "api/faults.h"
#include "kernel/caps.h"
#include "kernel/smaps.h"
#include "kernel/sys.h"
#include "ledger/resync.h"
#include "ledger/runs.h"
#include "lock/onfault_by_mlock.h"
#include "lockonfault.h"
#include "support/skip.h"
#include "support/truth.h"

#define RW	(PROT_READ | PROT_WRITE)
#define ANON	(MAP_PRIVATE | MAP_ANONYMOUS)
#define ONTO	(MREMAP_MAYMOVE | MREMAP_FIXED)
#define START	((uintptr_t)0x40000000)
#define NPAGES	40
#define LAID	"OOOOFFFF....OOOO----FFFF........--------"

static size_t page;

static char *at(size_t n)
{
	return (char *)START + n * page;
}

static size_t pages(size_t n)
{
	return n * page;
}

/* The memory before each operation. Pages 12 to 15 are held. */
static int lay_out(void)
{
	return mmap(at(0), pages(32), RW, ANON | MAP_FIXED, -1, 0) != at(0) ||
	       munmap(at(16), pages(4)) ||
	       lof_mlock2(at(0), pages(4), MLOCK_ONFAULT) ||
	       lof_mlock2(at(4), pages(4), 0) ||
	       lof_hold(at(12), pages(4), MLOCK_ONFAULT) ||
	       lof_mlock2(at(20), pages(4), 0);
}

/* An operation returns 0, or -1 with errno. It succeeds without a fault. */
#define OPERATION(name, ...)						\
	static int name(void)						\
	{								\
		return __VA_ARGS__;					\
	}
#define MAPPED(...) ((__VA_ARGS__) == MAP_FAILED ? -1 : 0)

static int ignore(const struct lof_region *region, void *arg)
{
	(void)region;
	(void)arg;
	return 0;
}

static int query(void)
{
	struct lof_region region;

	return lof_query(at(5), &region, sizeof(region));
}

static int stats(void)
{
	struct lof_stats told;

	return lof_stats(&told, sizeof(told));
}

/* Six of the eight pages are resident; the budget allows five. */
static int lock_budget(int policy)
{
	*(volatile char *)at(9) = *(volatile char *)at(11) = 1;
	return lof_lock_budget(at(4), pages(8), pages(5), policy);
}

static int follow(void)
{
	lof_set(LOF_FUTURE, LOF_FUTURE_EMULATE);
	return lof_mlockall(MCL_FUTURE | MCL_ONFAULT);
}

static int budget_by_pagemap(void)
{
	lof_cap_override(LOF_CAP_PAGEMAP_SCAN, 0);
	return lock_budget(LOF_BUDGET_FIRST);
}

static int budget_by_mincore(void)
{
	lof_cap_override(LOF_CAP_PAGEMAP, 0);
	return budget_by_pagemap();
}

OPERATION(budget_first, lock_budget(LOF_BUDGET_FIRST))
OPERATION(budget_again, lock_budget(LOF_BUDGET_FIRST) || lof_sync() ? -1 : 0)
OPERATION(follow_future, follow() || MAPPED(lof_mmap(at(2), pages(4), RW,
					ANON | MAP_FIXED, -1, 0)) ? -1 : 0)
OPERATION(catch_up, follow() || lof_catch_up() ? -1 : 0)
OPERATION(lock_onfault, lof_mlock2(at(2), pages(12), MLOCK_ONFAULT))
OPERATION(lock_full, lof_mlock2(at(2), pages(12), 0))
OPERATION(lock, lof_mlock(at(6), pages(4)))
OPERATION(unlock, lof_munlock(at(2), pages(12)))
OPERATION(unlock_onfault, lof_munlock2(at(2), pages(6), MLOCK_ONFAULT))
OPERATION(unlock_full, lof_munlock2(at(2), pages(6), MLOCK_LOCKED))
OPERATION(lock_all, lof_mlockall(MCL_CURRENT | MCL_ONFAULT))
OPERATION(lock_future, lof_mlockall(MCL_FUTURE))
OPERATION(unlock_all, lof_munlockall())
OPERATION(unlock_all_full, lof_munlockall2(MCL_CURRENT))
OPERATION(unlock_future, lof_mlockall(MCL_FUTURE | MCL_ONFAULT) ||
			 lof_munlockall2(MCL_FUTURE) ? -1 : 0)
OPERATION(map, MAPPED(lof_mmap(at(2), pages(4), RW, ANON | MAP_FIXED, -1, 0)))
OPERATION(map_locked, MAPPED(lof_mmap(at(2), pages(4), RW, ANON | MAP_FIXED |
				      MAP_LOCKED, -1, 0)))
OPERATION(map_onfault, MAPPED(lof_mmap_onfault(at(17), pages(2), RW, ANON |
					MAP_FIXED_NOREPLACE, -1, 0)))
OPERATION(map_onfault_fixed, MAPPED(lof_mmap_onfault(at(6), pages(8), RW,
					ANON | MAP_FIXED, -1, 0)))
OPERATION(map_onfault_over, MAPPED(lof_mmap_onfault(at(8), pages(4), RW,
					ANON | MAP_FIXED, -1, 0)))
OPERATION(map_onfault_hole, MAPPED(lof_mmap_onfault(at(17), pages(2), RW,
					ANON | MAP_FIXED, -1, 0)))
OPERATION(unmap, lof_munmap(at(2), pages(12)))
OPERATION(grow, MAPPED(lof_mremap(at(12), pages(4), pages(6), 0)))
OPERATION(shrink, MAPPED(lof_mremap(at(4), pages(4), pages(2), 0)))
OPERATION(move, MAPPED(lof_mremap(at(2), pages(4), pages(4), ONTO, at(10))))
OPERATION(move_and_grow, MAPPED(lof_mremap(at(4), pages(4), pages(6), ONTO,
					   at(24))))
OPERATION(move_dontunmap, MAPPED(lof_mremap(at(2), pages(4), pages(4),
				ONTO | MREMAP_DONTUNMAP, at(24))))
OPERATION(grow_unpopulated, MAPPED(lof_mremap(at(20), pages(4), pages(6),
				MREMAP_MAYMOVE | LOF_MREMAP_NOPOPULATE)))
OPERATION(protect, lof_mprotect(at(2), pages(4), PROT_READ))
OPERATION(discard, lof_discard(at(2), pages(4)))
OPERATION(discard_by_madvise, lof_set(LOF_DISCARD, LOF_DISCARD_TRANSLATE) ||
			      lof_madvise(at(2), pages(4), MADV_DONTNEED))
OPERATION(guard_by_madvise, lof_set(LOF_DISCARD, LOF_DISCARD_TRANSLATE) ||
			    lof_madvise(at(2), pages(4), MADV_GUARD_INSTALL))
OPERATION(populate, lof_populate(at(0), pages(4), PROT_WRITE))
OPERATION(hold, lof_hold(at(2), pages(12), MLOCK_ONFAULT))
OPERATION(hold_full, lof_hold(at(2), pages(12), 0))
OPERATION(drop, lof_drop(at(12), pages(2)))
OPERATION(sync_all, lof_sync())
OPERATION(walk, lof_walk(ignore, NULL))

/* A system call whose failure may leave a partial effect. */
#define NONE	(1u << FAULTY_NCALLS)
#define BY(call) (1u << FAULTY_##call)

static const struct operation {
	const char *name;
	int (*run)(void);
	unsigned int partial;	/* a mask of BY() */
} operations[] = {
#define ROW(name, partial) { #name, name, partial }
	ROW(lock_onfault, BY(munlock)),
	ROW(lock_full, BY(munlock)),
	ROW(lock, BY(munlock)),
	ROW(unlock, NONE),
	ROW(unlock_onfault, NONE),
	ROW(unlock_full, NONE),
	ROW(lock_all, BY(munlock) | BY(munlockall) | BY(mlock2)),
	ROW(lock_future, NONE),
	ROW(unlock_all, NONE),
	ROW(unlock_all_full, BY(munlock) | BY(read)),
	ROW(unlock_future, ~0u),	/* two calls: the first succeeds */
	ROW(map, NONE),
	ROW(map_locked, NONE),
	ROW(map_onfault, BY(munmap)),
	/* The old mapping is gone before the lock fails. */
	ROW(map_onfault_fixed, BY(munmap) | BY(mlock2)),
	ROW(map_onfault_over, BY(munmap) | BY(mlock2)),
	ROW(map_onfault_hole, BY(munmap)),
	ROW(unmap, NONE),
	ROW(grow, NONE),
	ROW(shrink, NONE),
	ROW(move, NONE),
	ROW(move_and_grow, NONE),
	ROW(move_dontunmap, BY(mlock) | BY(mlock2)),
	ROW(grow_unpopulated, BY(mlock) | BY(mlock2)),
	ROW(protect, NONE),
	ROW(discard, BY(mlock) | BY(mlock2)),
	ROW(discard_by_madvise, BY(mlock) | BY(mlock2)),
	ROW(guard_by_madvise, BY(mlock) | BY(mlock2)),
	ROW(populate, NONE),
	ROW(hold, BY(munlock)),
	ROW(hold_full, BY(munlock)),
	ROW(drop, NONE),
	ROW(query, NONE),
	ROW(sync_all, NONE),
	ROW(walk, NONE),
	ROW(stats, NONE),
	ROW(budget_first, NONE),
	ROW(budget_by_pagemap, NONE),
	ROW(budget_by_mincore, NONE),
	ROW(budget_again, ~0u),		/* two calls, too */
	ROW(follow_future, ~0u),
	ROW(catch_up, ~0u),
};

#define NOPERATIONS	(sizeof(operations) / sizeof(operations[0]))

/* Errnos of the man pages. */
static const int errnos[FAULTY_NCALLS][12] = {
	[FAULTY_mlock] = { EAGAIN, EINVAL, ENOMEM, EPERM },
	[FAULTY_mlock2] = { EAGAIN, EINVAL, ENOMEM, EPERM, ENOSYS },
	[FAULTY_munlock] = { EAGAIN, EINVAL, ENOMEM, EPERM },
	[FAULTY_mlockall] = { EAGAIN, EINVAL, ENOMEM, EPERM },
	[FAULTY_munlockall] = { EPERM },
	[FAULTY_mmap] = { EACCES, EAGAIN, EBADF, EEXIST, EINVAL, ENFILE,
			  ENODEV, ENOMEM, EOVERFLOW, EPERM, ETXTBSY },
	[FAULTY_munmap] = { EINVAL, ENOMEM },
	[FAULTY_mremap] = { EAGAIN, EFAULT, EINVAL, ENOMEM },
	[FAULTY_mprotect] = { EACCES, EINVAL, ENOMEM },
	[FAULTY_madvise] = { EACCES, EAGAIN, EBADF, EINVAL, EIO, ENOMEM,
			     EPERM },
	[FAULTY_msync] = { EBUSY, EINVAL, ENOMEM },
	[FAULTY_mincore] = { EAGAIN, EFAULT, EINVAL, ENOMEM },
	[FAULTY_open] = { EACCES, EMFILE, ENFILE, ENOENT, ENOMEM, EINTR },
	[FAULTY_read] = { EINTR, EIO, EAGAIN },
	[FAULTY_seek_read] = { EINTR, EIO },
	[FAULTY_pagemap_scan] = { EFAULT, EINTR, EINVAL },
};

/*
 * Does the fault give the library a false answer about locks, or none? Then the
 * ledger may be wrong until lof_sync().
 */
static bool is_misled(void)
{
	return fault.call == FAULTY_msync || fault.call == FAULTY_mincore ||
	       (fault.call == FAULTY_open && (fault.err == -EACCES ||
					      fault.err == -ENOENT));
}

struct told {
	struct truth_region region[NPAGES];
	int n;
};

static int add_run(const struct lof_entry *run, void *arg)
{
	struct told *told = arg;

	if (run->attr)
		told->region[told->n++] = (struct truth_region){
			run->range.start, run->range.end,
			(int)LOF_ATTR_KIND(run->attr)
		};
	return 0;
}

static uint64_t drift(void)
{
	struct lof_costs costs;

	lof_ledger_costs(&costs);
	return costs.drift;
}

/* The ledger is right after a resync of its suspect ranges, without drift. */
static int ledger_is_right(void)
{
	const struct lof_range all = { START, START + pages(NPAGES) };
	uint64_t before = drift();
	struct told told = { .n = 0 };

	if (lof_ledger_resync(all) ||
	    lof_ledger_each_run(LOF_NOTED_LOCKS, all, add_run, &told) ||
	    lof_ledger_reread(all) || drift() != before)
		return 0;
	return truth_is_told(START, START + pages(NPAGES), told.region,
			     told.n);
}

enum { HIT = 0, MISSED = 42, WRONG = 43 };

static int complain(const struct operation *operation, const char *message)
{
	char kinds[NPAGES + 1];

	truth_kinds(at(0), NPAGES, kinds);
	fprintf(stderr, "%s, %s %d fails with %d: %s\n  %s\n",
		operation->name, faulty_names[fault.call], fault.nth,
		-fault.err, message, kinds);
	return WRONG;
}

/* The memory that a failed munmap left counts against the limit. */
static bool may_not_fit(const struct operation *operation)
{
	uint64_t limit;

	return fault.call == FAULTY_munmap && operation->run == lock_all &&
	       errno == ENOMEM && lof_onfault_by_mlock_is_limited(&limit);
}

/* Runs in a child that has not used the library yet. */
static int run_with_fault(const struct operation *operation, struct fault with)
{
	char before[NPAGES + 1], after[NPAGES + 1];
	int ret, nth;

	if (lay_out())
		return complain(operation, "no layout");
	truth_kinds(at(0), NPAGES, before);
	if (strcmp(before, LAID))
		return complain(operation, "another layout");
	fault = with;
	ret = operation->run();
	nth = fault.nth;
	fault.nth = 0;
	if (fault.seen < nth)
		return ret ? complain(operation, "fails by itself") : MISSED;
	fault.nth = nth;
	fault.seen = nth;	/* no more faults */
	if (is_misled())
		lof_sync();
	if (!ledger_is_right())
		return complain(operation, "the ledger is wrong");
	truth_kinds(at(0), NPAGES, after);
	if (ret && strcmp(before, after) && !is_misled() &&
	    !(operation->partial & 1u << fault.call))
		return complain(operation, "a failure changed something");
	lof_munlockall();
	if (lof_drop(at(12), pages(4)) && lof_munmap(at(12), pages(4)))
		return complain(operation, "nothing can be dropped");
	if (lay_out() || (operation->run() && !may_not_fit(operation)))
		return complain(operation, "it does not work afterwards");
	if (!ledger_is_right())
		return complain(operation, "the ledger is wrong afterwards");
	return HIT;
}

static int in_child(const struct operation *operation, struct fault with)
{
	int status;
	pid_t pid = fork();

	if (pid == 0)
		_exit(run_with_fault(operation, with));
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : WRONG;
}

START_TEST(ledger_is_right_after_each_fault)
{
	const struct operation *operation = &operations[_i];
	int wrong = 0, hits = 0, result;

	for (int call = 0; call < FAULTY_NCALLS; call++)
		for (int i = 0; errnos[call][i]; i++) {
			struct fault with = {
				(enum faulty_call)call, -errnos[call][i], 0, 0,
				false
			};

			do {
				with.nth++;
				result = in_child(operation, with);
				hits += result == HIT;
				wrong += result != HIT && result != MISSED;
			} while (result != MISSED && with.nth < 100);
		}
	printf("%s: %d faults\n", operation->name, hits);
	ck_assert_int_eq(wrong, 0);
}
END_TEST

/* Count a system call of an operation, which runs in a child. */
static int calls_of(int (*run)(void), enum faulty_call call)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		if (lay_out())
			_exit(99);
		fault = (struct fault){ .call = call };
		_exit(run() ? 99 : fault.seen);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFEXITED(status) && WEXITSTATUS(status) != 99);
	return WEXITSTATUS(status);
}

/* The number of mmap calls: for a hole, over tracked and untracked memory. */
static const struct {
	int (*run)(void);
	int mmaps;
} places[] = {
	{ map_onfault_hole, 1 },
	{ map_onfault_fixed, 2 },
	{ map_onfault_over, 3 },
};

START_TEST(mmap_onfault_makes_few_system_calls)
{
	if (!lof_cap_is_there(LOF_CAP_MLOCK2))
		skip("without mlock2 it takes more");
	/* If the system has hugetlb pages, the library probes for them. */
	lof_cap_override(LOF_CAP_HUGETLB, 0);
	ck_assert_int_eq(calls_of(places[_i].run, FAULTY_mmap),
			 places[_i].mmaps);
	ck_assert_int_eq(calls_of(places[_i].run, FAULTY_mlock2), 1);
	ck_assert_int_eq(calls_of(places[_i].run, FAULTY_munmap), 0);
	ck_assert_int_eq(calls_of(places[_i].run, FAULTY_mremap), 0);
	ck_assert_int_eq(calls_of(places[_i].run, FAULTY_open), 0);
}
END_TEST

/* Before Linux 4.17 the kernel does not know MAP_FIXED_NOREPLACE. */
START_TEST(mmap_onfault_works_without_fixed_noreplace)
{
	uint64_t before, after;

	ck_assert_int_eq(lay_out(), 0);
	fault.hints = true;
	ck_assert_int_eq(places[_i].run(), 0);
	ck_assert(ledger_is_right());
	ck_assert_int_eq(lof_smaps_total(&before), 0);
	ck_assert_int_eq(places[_i].run(), 0);
	ck_assert_int_eq(lof_smaps_total(&after), 0);
	ck_assert_uint_eq(before, after);
	ck_assert(ledger_is_right());
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("faults");
	TCase *tcase = tcase_create("one at a time");

	page = (size_t)sysconf(_SC_PAGESIZE);
	/* Probe all capabilities before the faults. */
	for (int cap = 0; cap < LOF_NCAPS; cap++)
		lof_cap_is_there((enum lof_cap)cap);
	tcase_set_timeout(tcase, 300);
	tcase_add_loop_test(tcase, ledger_is_right_after_each_fault, 0,
			    (int)NOPERATIONS);
	tcase_add_loop_test(tcase, mmap_onfault_makes_few_system_calls, 0, 3);
	tcase_add_loop_test(tcase, mmap_onfault_works_without_fixed_noreplace,
			    0, 3);
	suite_add_tcase(suite, tcase);
	return run_suites(srunner_create(suite));
}
