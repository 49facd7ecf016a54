/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Lock a range in spite of the kernel's quirks: memory of special kinds, and
 * locks that fail half-way. These functions do not write to the ledger.
 */
#ifndef LOF_LOCK_QUIRKS_H
#define LOF_LOCK_QUIRKS_H

#include "base/range.h"
#include "kernel/smaps.h"
#include "ledger/change.h"

/* Is memory of this VMA never swapped, whether it is locked or not? */
bool lof_is_never_swapped(const struct lof_vma *vma);

/*
 * Lock a range in this kind.
 *
 * 0             locked
 * 1             locked without the memory that is never swapped; or no page is
 *               locked, though the kernel returned success
 * -EOPNOTSUPP   the kernel returned success, but the range has memory that
 *               cannot be locked and may be dropped
 * negative      the errno of the lock; nothing changed, except before a hole
 *
 * The function probes whether a page is locked if is_new is set and the shim is
 * not loaded, or if the process has memory that cannot be locked. Otherwise it
 * believes the kernel's success.
 *
 * *did is the outcome for the ledger. LOF_DONE: the whole range is locked in
 * this kind if the function returned 0, or is as before if it failed.
 */
int lof_lock_with_quirks(struct lof_range range, unsigned int kind, bool is_new,
		    enum lof_outcome *did);

#endif
