/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Memory for tree nodes. A slab is as large as all before it, from 64 KiB
 * to 2 MiB, and its pages are touched only when a node in them is used. One of
 * 2 MiB is a huge page, if there are any: for more than 80,000 ranges.
 * No locking here.
 */
#include "config.h"

#include "node_pool.h"

#define SLAB_MIN	((size_t)64 << 10)
#define SLAB_MAX	((size_t)2 << 20)

size_t lof_pool_slab_size(const struct lof_pool *pool)
{
	if (pool->bytes < SLAB_MIN)
		return SLAB_MIN;
	return pool->bytes < SLAB_MAX ? pool->bytes : SLAB_MAX;
}

void lof_pool_slab_add(struct lof_pool *pool, struct lof_tree *tree,
		       struct lof_range slab)
{
	lof_pool_fill(pool, tree, (size_t)-1);
	pool->slab = slab;
	pool->bytes += lof_range_len(slab);
}

bool lof_pool_fill(struct lof_pool *pool, struct lof_tree *tree, size_t n)
{
	while (tree->nspare < n) {
		if (lof_range_len(pool->slab) < sizeof(struct lof_node))
			return false;
		lof_tree_give(tree, (struct lof_node *)pool->slab.start);
		pool->slab.start += sizeof(struct lof_node);
	}
	return true;
}
