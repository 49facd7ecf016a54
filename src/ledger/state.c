/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The memory of the ledger's state. After a fork the child must find it empty,
 * since a child has no locks:
 *
 *   fork(), raw clone    the kernel empties the state
 *   in a handler that    the child returns into a change of a tree: so it gets
 *   interrupted the      the parent's state, finishes the change, and empties
 *   lock's owner         the state with the unlock
 *   in a handler that    the child's call finds another epoch when it ends, and
 *   interrupted a call   marks its ranges suspect
 *   before Linux 4.14    the library's handler of fork() empties the state
 */
#include "config.h"

#include "ledger/state.h"

#include <stdatomic.h>
#include <string.h>

#include "kernel/own_memory.h"
#include "kernel/sys.h"

struct lof_ledger lof_ledger;
struct lof_front *const lof_the_front = &lof_ledger.front;

/* These are not emptied in a child. */
static _Atomic uint32_t epochs;
static _Atomic bool is_advised;

void lof_ledger_advise(int advice)
{
	lof_sys_madvise((uintptr_t)&lof_ledger, sizeof(lof_ledger), advice);
}

static uint32_t begin_epoch(void)
{
	uint32_t epoch = 0, mine;

	if (!atomic_exchange(&is_advised, true))
		lof_ledger_advise(MADV_WIPEONFORK);
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

/* Begin the epoch when the library is loaded: then no call has to do it. */
__attribute__((constructor))
static void state_init(void)
{
	atomic_store(&lof_published.live, (uintptr_t)&lof_the_front->live);
	lof_ledger_epoch();
}

/* The child's signal handler may have locked memory: everything is suspect. */
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

void lof_count_attrs(void)
{
	atomic_store_explicit(&lof_ledger.nattrs,
			      lof_ledger.tree[LOF_NOTED_HOLDS].count +
			      lof_ledger.tree[LOF_NOTED_BUDGETS].count,
			      memory_order_relaxed);
}
