/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Memory for tree nodes: slabs of the library's own memory. To get a slab calls
 * the kernel and may fail. To take nodes out of a slab cannot fail.
 */
#ifndef LOF_LEDGER_NODE_POOL_H
#define LOF_LEDGER_NODE_POOL_H

#include "base/range_tree.h"

#define LOF_NSLABS	32	/* slabs that a pool remembers */

/* All zero is an empty pool. Slabs are never given back. */
struct lof_pool {
	struct lof_range slab;	/* the unused part of all[used - 1] */
	size_t bytes;		/* of all slabs */
	struct lof_range all[LOF_NSLABS];
	unsigned int count, used;
};

/* The size of the next slab, in bytes. */
size_t lof_pool_slab_size(const struct lof_pool *pool);

/* Add a slab. */
void lof_pool_slab_add(struct lof_pool *pool, struct lof_range slab);

/* All nodes are unused now: begin with the first slab again. */
void lof_pool_restart(struct lof_pool *pool);

/* Give nodes to tree until it has n spare nodes. False: a slab is needed. */
bool lof_pool_fill(struct lof_pool *pool, struct lof_tree *tree, size_t n);

#endif
