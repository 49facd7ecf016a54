/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * LOCKONFAULT_SKIP and LOCKONFAULT_ONLY: the kinds of memory that stay unlocked.
 * A call locks as it does without them, and has its errors; then the memory of
 * these kinds is unlocked again. A lock on fault has populated nothing.
 */
#ifndef LOF_EMULATE_SKIP_H
#define LOF_EMULATE_SKIP_H

#include <stdint.h>

#include "base/range.h"
#include "base/select.h"

/* Private to lof_unlock_skipped(). */
void lof_unlock_skipped_now(struct lof_range range);

/* If /proc/self/maps cannot be read, all of range stays locked. */
static inline void lof_unlock_skipped(struct lof_range range)
{
	if (lof_select_is_on())
		lof_unlock_skipped_now(range);
}

/*
 * The bytes that were unlocked since the last call of this function. *err: why
 * maps could not be read meanwhile, or 0.
 */
uint64_t lof_skipped_take(int *err);

#endif
