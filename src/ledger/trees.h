/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Changes of the ledger's trees, all with its lock held: effects of calls, and
 * suspicion. For the files of this folder only.
 */
#ifndef LOF_LEDGER_TREES_H
#define LOF_LEDGER_TREES_H

#include "ledger/state.h"

/* Are there n nodes without a system call? */
bool lof_nodes_have(enum lof_note note, size_t n);

/* Nodes that the effect takes of one tree. */
size_t lof_nodes_for(enum lof_note note, const struct lof_change *change);

/* Apply the part of an effect that concerns holds and budgets. */
void lof_apply_to_attrs(const struct lof_change *change);

/* Apply the part that concerns locks. False: there were no nodes for it. */
bool lof_apply_to_locks(const struct lof_change *change);

/* Make range suspect. */
void lof_mark_suspect(struct lof_range range, unsigned int assumed);

/* Set or clear (0) what is noted of range; the bits of the summary first. */
void lof_note_as(enum lof_note note, struct lof_range range, unsigned int attr);

/* The first run of range: the pages that are noted alike, or are not noted. */
struct lof_entry lof_run_in(enum lof_note note, struct lof_range range);

/*
 * A call found nothing noted in range, though bits are set: now and then, and if
 * no call is in flight, clear the bits of blocks that have nothing.
 */
void lof_clear_unused_bits(struct lof_range range);

#endif
