/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Memory for nodes of the trees. For the files of this folder only. */
#ifndef LOF_LEDGER_NODES_H
#define LOF_LEDGER_NODES_H

#include "ledger/left.h"

/*
 * With the lock held: get memory for n nodes. The lock is released while the
 * kernel is asked for memory.
 *
 * 0         n nodes are there, and the lock is held
 * -ENOMEM   there is no memory; the lock is held
 * -EBUSY    the lock could not be taken again; it is not held
 */
int lof_nodes_get(enum lof_note note, size_t n);

/* Take the lock, and get nodes for a change if there is memory. */
bool lof_lock_with_nodes(struct lof_change *change, struct lof_guard *guard);

#endif
