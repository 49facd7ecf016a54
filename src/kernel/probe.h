/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Probes of a range that change nothing. They do not use the ledger. */
#ifndef LOF_KERNEL_PROBE_H
#define LOF_KERNEL_PROBE_H

#include "base/range.h"

/*
 * Is any page of range locked?
 *
 * 1, 0      yes, no
 * negative  an errno: a filter refuses msync
 */
int lof_ask_locked(struct lof_range range);

/* The same; false also if a filter refuses msync. */
bool lof_is_locked(struct lof_range range);

/* The start of the first hole of range; its end, if there is no hole. */
uintptr_t lof_first_hole(struct lof_range range);

/* The end of the last hole of range; its start, if the first page is mapped. */
uintptr_t lof_hole_end(struct lof_range range);

/*
 * A file was mapped at addr. If addr is aligned to a huge page, assume hugetlb.
 */
void lof_file_is_mapped(uintptr_t addr);

/*
 * Are there hugetlb pages in range? True also if the probe would take too long.
 * If the system had no huge pages when the library was loaded, and none was
 * mapped since, the answer is false without a probe.
 */
bool lof_may_have_hugetlb(struct lof_range range);

/*
 * Would mmap at addr be allowed to lock len more bytes? Only for a range that
 * the caller will map over: a kernel that does not refuse the probe maps there.
 *
 * 0         the limit allows the lock
 * -EAGAIN   it would exceed RLIMIT_MEMLOCK
 * -EPERM    the process may not lock memory
 */
int lof_probe_lock(uintptr_t addr, size_t len);

/*
 * How does the kernel lock a new mapping? *scratch is set to the range of the
 * mapping that the probe made and unmapped.
 *
 * >= 0      an enum lof_kind
 * -EAGAIN   it is locked, and RLIMIT_MEMLOCK does not allow the probe
 * other     a negative errno of mmap
 */
int lof_probe_future(struct lof_range *scratch);

#endif
