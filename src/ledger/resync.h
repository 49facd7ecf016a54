/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* For readers: ask the kernel about what is suspect. */
#ifndef LOF_LEDGER_RESYNC_H
#define LOF_LEDGER_RESYNC_H

#include "kernel/smaps.h"
#include "ledger/notes.h"

/* The attribute of a VMA as the kernel has it; 0: not locked. */
unsigned int lof_attr_of_vma(const struct lof_vma *vma);

/*
 * For readers. Ask the kernel about all that is suspect in range.
 *
 * 0         the ledger says what the kernel said; what another call has in
 *           flight is read, and stays suspect
 * -EBUSY    as above
 * other     a negative errno: /proc/self/smaps cannot be read. What msync tells
 *           is noted; the rest stays suspect
 */
int lof_ledger_resync(struct lof_range range);

/* The same about all of range, suspect or not. */
int lof_ledger_reread(struct lof_range range);

#endif
