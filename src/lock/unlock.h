/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Unlock a range, or a part of it by what the ledger has. */
#ifndef LOF_LOCK_UNLOCK_H
#define LOF_LOCK_UNLOCK_H

#include "base/range.h"
#include "kernel/smaps.h"

/* munlock. Each returns 0, or a negative errno of it. */
int lof_unlock(struct lof_range range);

/* What the ledger notes as locked in range; or -EBUSY of the ledger. */
int lof_unlock_tracked(struct lof_range range);

/*
 * What the ledger notes nothing of; errors of munlock are dropped. 0; -EBUSY: the
 * ledger could not be read, and the rest was left as it is.
 */
__attribute__((warn_unused_result))
int lof_unlock_untracked(struct lof_range range);

/*
 * All of it; but under LOF_HOLDS_WIN what is held stays locked, and all of it if
 * the ledger could not be read (-EBUSY).
 */
int lof_unlock_unheld(struct lof_range range);

/*
 * The same for what in range of an area is locked in one of these kinds, a
 * LOF_KIND_BIT() of each. Of what smaps does not tell, the ledger may know.
 */
#define LOF_KIND_BIT(kind)	(1u << (kind))

int lof_unlock_kinds(const struct lof_vma *vma, struct lof_range range,
		     unsigned int kinds);

/* Is anything counted by lof_hold()? */
bool lof_holds_any(void);

#endif
