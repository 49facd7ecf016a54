/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* For readers: ask the kernel about suspect ranges. */
#ifndef LOF_LEDGER_RESYNC_H
#define LOF_LEDGER_RESYNC_H

#include "kernel/smaps.h"
#include "ledger/notes.h"

/* The attribute of a VMA as the kernel has it; 0: not locked. */
unsigned int lof_attr_of_vma(const struct lof_vma *vma);

/*
 * For readers. Ask the kernel about all suspect parts of range.
 *
 * 0         the kernel's answer is noted. If another call in flight may change
 *           a range, the range is noted, too, and stays suspect
 * -EBUSY    the lock could not be taken (runs.h)
 * other     a negative errno: /proc/self/smaps cannot be read. The answers of
 *           msync are noted; the rest stays suspect
 */
int lof_ledger_resync(struct lof_range range);

/* lof_ledger_resync() of all of range, suspect or not. */
int lof_ledger_reread(struct lof_range range);

/*
 * The same without smaps, by maps and msync: note only memory that is not locked
 * any more. 1: other memory is locked that the ledger does not have, or it is
 * not certain in which kind.
 */
int lof_ledger_find_unlocked(struct lof_range range);

#endif
