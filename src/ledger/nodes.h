/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Memory for nodes of the trees. For the files of this folder only. */
#ifndef LOF_LEDGER_NODES_H
#define LOF_LEDGER_NODES_H

#include "ledger/left.h"

/*
 * With the lock held: get memory for n nodes; gives the lock up for it. 0;
 * -ENOMEM; -EBUSY: the lock could not be taken again.
 */
int lof_nodes_get(enum lof_note note, size_t n);

/* Take the lock, with nodes for a change if they are to be had. */
bool lof_lock_with_nodes(struct lof_change *change, struct lof_guard *guard);

#endif
