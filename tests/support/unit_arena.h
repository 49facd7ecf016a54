/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Pages for a test to lock, with an inaccessible page at both ends: so no other
 * VMA merges with them.
 */
#ifndef UNIT_ARENA_H
#define UNIT_ARENA_H

#include <check.h>

#include "base/range.h"
#include "support/truth.h"

/* Map n pages, at the same address as before. Also resets unit_sys. */
void unit_arena_begin(size_t n);

/* The address of a page of the arena. */
void *unit_at(size_t page);

/* The pages from start to after, without after. */
struct lof_range unit_pages(size_t start, size_t after);

/* The bytes of n pages. */
size_t unit_len(size_t n);

/* Lock pages unseen by the ledger, or fail the test. */
void unit_lock_unseen(size_t start, size_t after, unsigned int flags);

/* The noted regions of the arena, not corrected. Returns their number. */
int unit_arena_tracked(struct truth_region *out, int max);

/* Do ledger and kernel agree on the arena? If not, print both. */
bool unit_arena_is_right(void);

/* Assert that, and that no call is in flight. Call it when all have ended. */
void unit_arena_assert(void);

#endif
