/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Unlock a range, or a part of it by what the ledger has. No books are written. */
#ifndef LOF_UNLOCK_H
#define LOF_UNLOCK_H

#include "range.h"
#include "smaps.h"

/* munlock. Each returns 0, or a negative errno of it. */
int lof_disarm(struct lof_range range);

/* What is tracked in range. */
int lof_unlock_tracked(struct lof_range range);

/* What is not tracked in range; errors are dropped. */
void lof_unlock_untracked(struct lof_range range);

/* All of it; but under LOF_HOLDS_WIN what is held stays locked. */
int lof_disarm_unheld(struct lof_range range);

/*
 * The same for what in range of an area is locked in one of these kinds, a
 * LOF_KIND_BIT() of each. Of what smaps does not tell, the ledger may know.
 */
#define LOF_KIND_BIT(kind)	(1u << (kind))

int lof_disarm_kinds(const struct lof_vma *vma, struct lof_range range,
		     unsigned int kinds);

/* Is anything counted by lof_hold()? */
bool lof_holds_any(void);

#endif
