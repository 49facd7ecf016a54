/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the kernel says is locked and resident, read with plain stdio: nothing
 * of the library is used, so that its bugs are not shared; but where there is no
 * mlock2, of the kinds of what the kernel has locked. Whatever cannot be read
 * fails the test.
 */
#ifndef TRUTH_H
#define TRUTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Is this qemu-user? It takes any advice of madvise, where the kernel looks. */
bool truth_is_emulated(void);

/* Is there no mlock2, since nomlock2 runs this, or qemu-user lacks it? */
bool truth_lacks_mlock2(void);

/* A longest run of pages locked in the same way. */
struct truth_region {
	uintptr_t start, end;
	int kind;		/* enum lof_kind */
};

/*
 * The locked regions of this process in [start, end), clipped, in address
 * order. Returns how many there are; the first max of them are in out.
 */
int truth_collect(uintptr_t start, uintptr_t end, struct truth_region *out,
		  int max);

/* The same by lof_walk(): what the ledger takes for the truth. */
int truth_collect_walk(uintptr_t start, uintptr_t end,
		       struct truth_region *out, int max);

/*
 * Are the count locked regions of a ledger what the kernel has in [start, end)?
 * If not, print both.
 */
bool truth_is_told(uintptr_t start, uintptr_t end,
		   const struct truth_region *ledger, int count);

/* The same for what lof_walk() tells, which corrects some errors by itself. */
bool truth_is_equal(uintptr_t start, uintptr_t end);

/* The same, and fail if not. */
void truth_assert_equal(uintptr_t start, uintptr_t end);

/* An enum lof_kind; -1: nothing is mapped there. */
int truth_kind_at(const void *addr);

/*
 * Draw npages pages, a character for each: '-' not mapped, '.' not locked, 'F'
 * locked in full, 'O' on fault. kinds has room for one more than npages.
 */
void truth_kinds(const void *addr, size_t npages, char *kinds);

/* VmLck: what is charged against RLIMIT_MEMLOCK, in bytes. */
size_t truth_vmlck(void);

/*
 * Bytes resident in [start, end): Rss of the areas; of an area that sticks out
 * the pages that are present (the zero page is one there, in Rss it is not).
 */
size_t truth_rss(uintptr_t start, uintptr_t end);

#endif
