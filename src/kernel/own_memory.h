/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The one place where the library maps memory of its own: far from where the
 * kernel puts the program's mappings. A hole between those may be the program's,
 * who made it and maps into it by MAP_FIXED; or a mapping grows into it.
 */
#ifndef LOF_KERNEL_OWN_MEMORY_H
#define LOF_KERNEL_OWN_MEMORY_H

#include "base/range.h"

/*
 * Memory of so many bytes, in whole pages, zero at first, for good; 2 MiB and
 * more lie on the bounds of huge pages. Under MCL_FUTURE of the kernel it is not
 * locked. 0; -ENOMEM: there is none, or no place for it.
 */
int lof_own_map(size_t bytes, struct lof_range *memory);

/* The same to be given back; so it may fail under MCL_FUTURE and its limit. */
int lof_own_borrow(size_t bytes, struct lof_range *memory);

/*
 * What is new, as the kernel makes it, to ask about: under MCL_FUTURE it is
 * locked, and -EAGAIN says that the limit does not allow it. Behind it is a hole.
 */
int lof_own_scratch(size_t bytes, int prot, struct lof_range *memory);

/* What was borrowed, or scratch. */
void lof_own_return(struct lof_range memory);

#endif
