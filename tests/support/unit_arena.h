/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Pages for a test to lock, with pages at both ends that it leaves alone, so
 * that nothing of the process merges with them.
 */
#ifndef UNIT_ARENA_H
#define UNIT_ARENA_H

#include <check.h>

#include "base/range.h"
#include "support/truth.h"

/* Map n pages, anew where they were before. Also forgets what unit_sys did. */
void unit_arena_begin(size_t n);

/* A page of it by number. */
void *unit_at(size_t page);

/* The pages from start to after, not including it. */
struct lof_range unit_pages(size_t start, size_t after);

/* Bytes of n pages. */
size_t unit_len(size_t n);

/* Lock pages with no word to the ledger, or fail the test. */
void unit_lock_unseen(size_t start, size_t after, unsigned int flags);

/* What is tracked of the arena, uncorrected; returns how many regions. */
int unit_arena_tracked(struct truth_region *out, int max);

/* Do ledger and kernel agree about the arena? If not, print both. */
bool unit_arena_is_right(void);

/* The same, and no call is in flight. To be asked when all have ended. */
void unit_arena_assert(void);

#endif
