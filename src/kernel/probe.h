/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Questions to the kernel about a range that change nothing. No books. */
#ifndef LOF_KERNEL_PROBE_H
#define LOF_KERNEL_PROBE_H

#include "base/range.h"

/* Is any page of it locked? */
bool lof_is_locked(struct lof_range range);

/* Where its first hole is, or its end. */
uintptr_t lof_first_hole(struct lof_range range);

/* Where its last hole ends; its start, if the first page is mapped. */
uintptr_t lof_hole_end(struct lof_range range);

/* A file was mapped at addr. On the bounds of a huge page it may be hugetlb. */
void lof_file_is_mapped(uintptr_t addr);

/*
 * Are there huge pages of hugetlb in it? True also where that would take too
 * long to ask. Nothing is asked if the system had none when we were loaded, and
 * none was mapped since.
 */
bool lof_may_have_hugetlb(struct lof_range range);

/*
 * What mmap at addr would say of the lock if so many bytes more were locked: 0,
 * -EAGAIN, -EPERM. Only for a place that is to be mapped over: should a kernel
 * do what this one refuses, it is.
 */
int lof_probe_lock(uintptr_t addr, size_t len);

/*
 * How is a new mapping locked: an enum lof_kind. -EAGAIN: it is locked, and the
 * limit does not let us see how; or another negative errno. scratch: where one
 * was, for a moment.
 */
int lof_probe_future(struct lof_range *scratch);

#endif
