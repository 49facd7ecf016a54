/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The memory from which glibc's malloc allocates small blocks: the heap of brk,
 * and the heaps of the arenas of other threads. Large blocks are mappings of
 * their own, which free() unmaps.
 */
#ifndef LOF_KERNEL_HEAPS_H
#define LOF_KERNEL_HEAPS_H

#include "kernel/smaps.h"

/* Readable and writable memory of a heap, in one VMA. */
struct lof_heap {
	struct lof_range part;
	uintptr_t start;	/* of an arena's heap; 0: the heap of brk */
};

/*
 * Visit the parts of heaps that are in locked VMAs, in address order.
 *
 * 0        all parts were visited
 * other    a visit returned this value, which ended the visits; or a negative
 *          errno: /proc/self/smaps cannot be read
 *
 * If /proc/self/mem cannot be read, only the heap of brk is found.
 */
typedef int lof_heap_visit(const struct lof_vma *vma,
			   const struct lof_heap *heap, void *arg);

int lof_heaps_each(lof_heap_visit *visit, void *arg);

/*
 * Give back the memory behind the used end of an arena's heap, which is not
 * locked now. free() does this when it shortens the heap, but in vain on locked
 * memory; malloc_trim() does not do it again. If other threads keep the arena
 * busy, nothing is done.
 */
void lof_heap_discard_end(uintptr_t start);

#endif
