/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * All memory of the library's own is mapped here, far from the places where the
 * kernel puts the program's mappings. A hole between the program's mappings
 * must stay free: the program may map into it by MAP_FIXED, or a mapping may
 * grow into it.
 */
#ifndef LOF_KERNEL_OWN_MEMORY_H
#define LOF_KERNEL_OWN_MEMORY_H

#include "base/range.h"

/*
 * Map memory for good: bytes, rounded up to whole pages, all zero. 2 MiB and
 * more are aligned to huge pages. The memory is not locked, not even under the
 * kernel's MCL_FUTURE.
 *
 * 0         *memory is mapped
 * -ENOMEM   there is no memory, or no place for it
 */
int lof_own_map(size_t bytes, struct lof_range *memory);

/*
 * lof_own_map() for memory that is returned later. It may also fail under
 * MCL_FUTURE, because of RLIMIT_MEMLOCK.
 */
int lof_own_borrow(size_t bytes, struct lof_range *memory);

/*
 * Map new memory for a probe, and leave it as the kernel maps it: under
 * MCL_FUTURE it is locked, and -EAGAIN means that the limit does not allow it.
 * A hole follows the memory.
 */
int lof_own_scratch(size_t bytes, int prot, struct lof_range *memory);

/* Unmap memory of lof_own_borrow() or lof_own_scratch(). */
void lof_own_return(struct lof_range memory);

#endif
