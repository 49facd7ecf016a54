/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Lock a range with what the kernel does not do as it should: memory that has a
 * nature of its own, and locks that fail half-way. No books are written here.
 */
#ifndef LOF_LOCK_QUIRKS_H
#define LOF_LOCK_QUIRKS_H

#include "base/range.h"
#include "kernel/smaps.h"
#include "ledger/change.h"

/* Is memory of this area never swapped, whether it is locked or not? */
bool lof_is_never_swapped(const struct lof_vma *vma);

/*
 * Lock a range as kind says. 0; 1: as far as it is not kept by nature, or
 * nothing in it can be locked and the kernel calls that success; a negative
 * errno, and nothing is changed but before a hole. -EOPNOTSUPP: the memory is
 * such that it cannot be locked, and is swapped, or dropped. Success of the
 * kernel is believed where something near is locked already; with is_new, or
 * where the process has memory that cannot be locked, it is looked at.
 *
 * *did: for the ledger. LOF_DONE: all of the range is locked so if it returned
 * 0, or as it was before.
 */
int lof_lock_with_quirks(struct lof_range range, unsigned int kind, bool is_new,
		    enum lof_outcome *did);

#endif
