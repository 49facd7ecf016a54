/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The locked and resident memory as the kernel shows it, read with plain stdio,
 * without the library and its bugs. Only without mlock2 the kinds of the locked
 * memory are read from the library. A file that cannot be read fails the test.
 */
#ifndef TRUTH_H
#define TRUTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Is this qemu-user? It accepts any advice of madvise; the kernel does not. */
bool truth_is_emulated(void);

/* Is there no mlock2? nomlock2 filters it, and some qemu-user lack it. */
bool truth_lacks_mlock2(void);

/* A region: adjacent pages with the same kind of lock, as many as there are. */
struct truth_region {
	uintptr_t start, end;
	int kind;		/* enum lof_kind */
};

/*
 * The locked regions of this process in [start, end), clipped, in address
 * order. Returns their number; out has the first max of them.
 */
int truth_collect(uintptr_t start, uintptr_t end, struct truth_region *out,
		  int max);

/* The same from the ledger, by lof_walk(). */
int truth_collect_walk(uintptr_t start, uintptr_t end,
		       struct truth_region *out, int max);

/*
 * Does the kernel have these locked regions of the ledger, and no others, in
 * [start, end)? If not, print both.
 */
bool truth_is_told(uintptr_t start, uintptr_t end,
		   const struct truth_region *ledger, int count);

/* The same for the regions of lof_walk(), which corrects suspect regions. */
bool truth_is_equal(uintptr_t start, uintptr_t end);

/* Assert truth_is_equal(). */
void truth_assert_equal(uintptr_t start, uintptr_t end);

/* An enum lof_kind; -1: nothing is mapped there. */
int truth_kind_at(const void *addr);

/*
 * Draw npages pages, a character for each: '-' not mapped, '.' not locked, 'F'
 * locked in full, 'O' on fault. kinds has room for one more than npages.
 */
void truth_kinds(const void *addr, size_t npages, char *kinds);

/* VmLck: the charge against RLIMIT_MEMLOCK, in bytes. */
size_t truth_vmlck(void);

/*
 * The resident bytes in [start, end): the Rss of the VMAs. For a VMA that is
 * partly outside, the pages present: these include the zero page, Rss does not.
 */
size_t truth_rss(uintptr_t start, uintptr_t end);

#endif
