/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Unlock a range, or the part of it that the ledger selects. */
#ifndef LOF_LOCK_UNLOCK_H
#define LOF_LOCK_UNLOCK_H

#include "base/range.h"
#include "kernel/smaps.h"

/* munlock. Each function here returns 0 or the negative errno of munlock. */
int lof_unlock(struct lof_range range);

/* For the program's own munlock(): the next library sees it (kernel/next.h). */
int lof_unlock_as_asked(struct lof_range range);

/* Unlock the locks noted in range. -EBUSY: the ledger could not be read. */
int lof_unlock_tracked(struct lof_range range);

/*
 * Unlock the parts of range of which the ledger notes no lock.
 *
 * 0         done
 * -EBUSY    the ledger could not be read: the rest of range stays as it is
 * other     the negative errno of a munlock: another thread made a hole, or
 *           there are too many VMAs. The rest of this part stays as it is.
 */
__attribute__((warn_unused_result))
int lof_unlock_untracked(struct lof_range range);

/*
 * Unlock the range. Under LOF_HOLDS_WIN held memory stays locked. -EBUSY: the
 * ledger could not be read, and the rest of range stays locked.
 */
int lof_unlock_unheld(struct lof_range range);

/*
 * As lof_unlock_unheld(), for the part of the VMA in range, if it is locked in
 * one of these kinds (a LOF_KIND_BIT() of each). If smaps does not tell the
 * kind, the ledger is asked.
 */
#define LOF_KIND_BIT(kind)	(1u << (kind))

int lof_unlock_kinds(const struct lof_vma *vma, struct lof_range range,
		     unsigned int kinds);

/* Does lof_hold() count any hold in the process? */
bool lof_holds_any(void);

#endif
