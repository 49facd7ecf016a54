/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Memory for tree nodes. A slab is as large as all slabs before it together,
 * from 64 KiB to 2 MiB. Its pages are touched only when a node in them is used.
 * A slab of 2 MiB is a huge page, if the system has huge pages: this is for
 * more than 80,000 ranges. No lock is taken here.
 */
#include "config.h"

#include "ledger/node_pool.h"

#include <string.h>

#define SLAB_MIN	((size_t)64 << 10)
#define SLAB_MAX	((size_t)2 << 20)

size_t lof_pool_slab_size(const struct lof_pool *pool)
{
	if (pool->bytes < SLAB_MIN)
		return SLAB_MIN;
	return pool->bytes < SLAB_MAX ? pool->bytes : SLAB_MAX;
}

/*
 * After LOF_NSLABS slabs the oldest is forgotten. Its nodes stay in use; only a
 * restart cannot use them again.
 */
void lof_pool_slab_add(struct lof_pool *pool, struct lof_range slab)
{
	if (pool->count == LOF_NSLABS) {
		memmove(pool->all, pool->all + 1,
			(LOF_NSLABS - 1) * sizeof(pool->all[0]));
		pool->count--;
		pool->used--;
	}
	pool->all[pool->count++] = slab;
	pool->bytes += lof_range_len(slab);
}

void lof_pool_restart(struct lof_pool *pool)
{
	pool->slab = (struct lof_range){ 0, 0 };
	pool->used = 0;
}

bool lof_pool_fill(struct lof_pool *pool, struct lof_tree *tree, size_t n)
{
	while (tree->nspare < n) {
		if (lof_range_len(pool->slab) >= sizeof(struct lof_node)) {
			lof_tree_give(tree,
				      (struct lof_node *)pool->slab.start);
			pool->slab.start += sizeof(struct lof_node);
		} else if (pool->used < pool->count) {
			pool->slab = pool->all[pool->used++];
		} else {
			return false;
		}
	}
	return true;
}
