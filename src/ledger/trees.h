/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Changes of the ledger's trees: effects of calls, and suspicion. The lock is
 * held for each function. For the files of this folder only.
 */
#ifndef LOF_LEDGER_TREES_H
#define LOF_LEDGER_TREES_H

#include "ledger/state.h"

/* Are n nodes there without a system call? */
bool lof_nodes_have(enum lof_note note, size_t n);

/* The number of nodes that the effect needs in one tree. */
size_t lof_nodes_for(enum lof_note note, const struct lof_change *change);

/* Apply the part of an effect that concerns holds and budgets. */
void lof_apply_to_attrs(const struct lof_change *change);

/* Apply the part that concerns locks. False: there were no nodes for it. */
bool lof_apply_to_locks(const struct lof_change *change);

/* Make range suspect. */
void lof_mark_suspect(struct lof_range range, unsigned int assumed);

/* Set the attribute of range, after the bits of the bitmap; or clear it (0). */
void lof_note_as(enum lof_note note, struct lof_range range, unsigned int attr);

/* The first run of range: pages with the same attribute, or a gap (attr 0). */
struct lof_entry lof_run_in(enum lof_note note, struct lof_range range);

/* Is anything noted in range, in any tree? */
bool lof_is_noted(struct lof_range range);

/*
 * A call found nothing noted in range, though bits are set. Each 16th time, and
 * only if no call is in flight, clear the bits of range if its blocks hold
 * nothing.
 */
void lof_clear_unused_bits(struct lof_range range);

#endif
