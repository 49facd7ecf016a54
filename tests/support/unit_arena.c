/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "support/unit.h"

#include "support/unit_arena.h"

#include <stdatomic.h>
#include <sys/mman.h>

#include "kernel/caps.h"
#include "kernel/sys.h"
#include "kernel/wrapped_sys.h"
#include "ledger/notes.h"
#include "ledger/resync.h"
#include "ledger/runs.h"
#include "ledger/state.h"
#include "lock/onfault.h"
#include "lockonfault.h"

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
 * Map pages far from all other mappings, so that no new mapping fills a hole
 * that a test leaves. The kernel maps at the highest hole that is large enough,
 * valgrind at the lowest.
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

	/* No huge pages are used, and unit_sys would count the question. */
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

	ck_assert_int_eq(flags ? lof_lock_onfault(range) : lof_sys_mlock(range), 0);
	unit_sys.mlock2 = 0;
	unit_sys.mlock = 0;
}

static struct lof_range all_pages(void)
{
	return unit_pages(0, npages);
}

struct told {
	struct truth_region *out;
	int n, max;
};

static int add_run(const struct lof_entry *run, void *arg)
{
	struct told *told = arg;

	if (!LOF_ATTR_KIND(run->attr))
		return 0;
	if (told->n < told->max)
		told->out[told->n] = (struct truth_region){
			run->range.start, run->range.end,
			(int)LOF_ATTR_KIND(run->attr),
		};
	told->n++;
	return 0;
}

int unit_arena_tracked(struct truth_region *out, int max)
{
	struct told told = { out, 0, max };

	ck_assert_int_eq(lof_ledger_each_run(LOF_NOTED_LOCKS, all_pages(),
					     add_run, &told), 0);
	return told.n;
}

bool unit_arena_is_right(void)
{
	static struct truth_region region[REGIONS_MAX];
	uint64_t drift = atomic_load(&lof_ledger.drift);
	int n;

	if (lof_ledger_resync(all_pages()))
		return false;
	n = unit_arena_tracked(region, REGIONS_MAX);
	/* A range that was not suspect must have been right. */
	return truth_is_told(arena, arena + unit_len(npages), region, n) &&
	       !lof_ledger_reread(all_pages()) &&
	       atomic_load(&lof_ledger.drift) == drift;
}

void unit_arena_assert(void)
{
	ck_assert_msg(unit_arena_is_right(), "ledger and kernel differ");
	ck_assert_uint_eq(atomic_load(&lof_ledger.front.blind), 0);
	ck_assert_ptr_null(atomic_load(&lof_ledger.owner));
	ck_assert_uint_eq(atomic_load(&lof_ledger.nleft), 0);
}
