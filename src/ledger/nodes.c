/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Memory for nodes: the lock is released while the kernel maps memory. */
#include "config.h"

#include "ledger/nodes.h"

#include "kernel/own_memory.h"
#include "ledger/trees.h"

LOF_COLD
static int get_nodes(enum lof_note note, size_t n)
{
	struct lof_pool *pool = &lof_ledger.pool[note];
	struct lof_guard *guard = lof_ledger_guard();
	struct lof_range slab;
	int err = 0;

	while (!err && !lof_nodes_have(note, n)) {
		size_t size = lof_pool_slab_size(pool);

		lof_ledger_unlock();
		err = lof_own_map(size, &slab);
		if (!lof_ledger_lock(guard))
			return -EBUSY;
		if (!err)
			lof_pool_slab_add(pool, slab);
	}
	return err ? -ENOMEM : 0;
}

int lof_nodes_get(enum lof_note note, size_t n)
{
	return lof_nodes_have(note, n) ? 0 : get_nodes(note, n);
}

bool lof_lock_with_nodes(struct lof_change *change, struct lof_guard *guard)
{
	bool has_all = true;
	size_t need;

	if (!lof_ledger_lock(guard))
		return false;
	for (enum lof_note note = 0; note < LOF_NNOTES; note++) {
		if (note != LOF_NOTED_LOCKS && !lof_ledger.tree[note].count)
			continue;
		need = lof_nodes_for(note, change);
		if (lof_nodes_have(note, need))
			continue;
		/* The lock is released meanwhile, so the need may change. */
		has_all = false;
		if (lof_nodes_get(note, need) == -EBUSY)
			return false;
	}
	change->has_nodes = has_all;
	return true;
}
