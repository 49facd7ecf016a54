/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The memory of the ledger's state, and what a fork does to it:
 *
 *   fork(), raw clone    the child finds it emptied, as its locks are
 *   in a handler that    the child returns into a change of a tree: it gets the
 *   interrupted the      state as it is, finishes the change, and empties it
 *   lock's owner         with the unlock
 *   in a handler that    the child's call finds another epoch when it ends, and
 *   interrupted a call   marks its ranges suspect
 *   before Linux 4.14    a handler of fork() empties it
 */
#include "config.h"

#include "ledger/state.h"

#include <stdatomic.h>
#include <string.h>

#include "own_memory.h"
#include "sys.h"

struct lof_ledger lof_ledger;
struct lof_front *const lof_the_front = &lof_ledger.front;

/* Not emptied in a child. */
static _Atomic uint32_t epochs;
static _Atomic bool is_advised;

/* Nodes for the first ranges; what they hold in a child does not matter. */
static struct lof_node first_nodes[64];

static void advise(int advice)
{
	lof_sys_madvise((uintptr_t)&lof_ledger, sizeof(lof_ledger), advice);
}

static uint32_t begin_epoch(void)
{
	uint32_t epoch = 0, mine;

	if (!atomic_exchange(&is_advised, true))
		advise(MADV_WIPEONFORK);
	mine = atomic_fetch_add(&epochs, 1) + 1;
	if (atomic_compare_exchange_strong(&lof_ledger.epoch, &epoch, mine))
		return mine;
	return epoch;
}

uint32_t lof_ledger_epoch(void)
{
	uint32_t epoch = atomic_load(&lof_ledger.epoch);

	return epoch ? epoch : begin_epoch();
}

/* When the library is loaded, so that no call of the program has to. */
__attribute__((constructor))
static void state_init(void)
{
	lof_ledger_epoch();
}

bool lof_nodes_have(enum lof_note note, size_t n)
{
	struct lof_pool *pool = &lof_ledger.pool[note];

	if (note == LOF_NOTED_LOCKS && !pool->bytes)
		lof_pool_slab_add(pool, (struct lof_range){
			(uintptr_t)first_nodes,
			(uintptr_t)first_nodes + sizeof(first_nodes) });
	return lof_pool_fill(pool, &lof_ledger.tree[note], n);
}

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

static bool is_owner(void)
{
	struct lof_guard *owner = lof_ledger_guard();

	return owner && (owner == lof_self.owned || owner == lof_self.guard);
}

void lof_ledger_before_fork(void)
{
	if (is_owner())
		advise(MADV_KEEPONFORK);
}

void lof_ledger_after_fork(void)
{
	if (is_owner())
		advise(MADV_WIPEONFORK);
}

void lof_ledger_after_fork_in_child(void)
{
	lof_ledger_after_fork();
	if (is_owner())
		lof_ledger.is_inherited = true;
	/* Before Linux 4.14, or the program said MADV_KEEPONFORK of all. */
	else if (atomic_load(&lof_ledger.epoch))
		memset((void *)&lof_ledger, 0, sizeof(lof_ledger));
}

/* What the child's handler did meanwhile a reader finds. */
void lof_ledger_empty_inherited(void)
{
	memset((void *)&lof_ledger, 0, sizeof(lof_ledger));
	lof_doubt_all();
}

void lof_ledger_costs(struct lof_costs *costs)
{
	*costs = (struct lof_costs){ .bytes = sizeof(lof_ledger) };
	for (int i = 0; i < LOF_NNOTES; i++)
		costs->bytes += lof_ledger.pool[i].bytes;
	costs->read_back = atomic_load(&lof_ledger.read_back);
	costs->drift = atomic_load(&lof_ledger.drift);
}
