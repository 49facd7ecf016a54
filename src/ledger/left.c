/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A call that does not get the lock leaves its ranges, and its changes of
 * mappings, without a lock. The next owner of the lock applies them.
 */
#include "config.h"

#include "ledger/left.h"

#include <stdatomic.h>

#include "ledger/inflight.h"
#include "ledger/trees.h"

enum { FREE, CLAIMED, FULL };

static struct lof_left_effect effect_of(const struct lof_change *change)
{
	return (struct lof_left_effect){
		.suspect = { change->range[0], change->range[1] },
		.unmapped = { change->unmapped[0], change->unmapped[1] },
		.moved = change->moved, .moved_to = change->moved_to,
	};
}

LOF_COLD
void lof_left_leave(const struct lof_change *change)
{
	if (LOF_LEFT_OUT(LEFT))
		return;
	for (int i = 0; i < LOF_NLEFT; i++) {
		struct lof_left *left = &lof_ledger.left[i];
		int state = FREE;

		if (!atomic_compare_exchange_strong(&left->state, &state,
						    CLAIMED))
			continue;
		left->effect = effect_of(change);
		atomic_store(&left->state, FULL);
		atomic_fetch_add(&lof_ledger.nleft, 1);
		return;
	}
	lof_doubt_all();
}

static void apply(const struct lof_left_effect *left)
{
	const struct lof_change change = {
		.unmapped = { left->unmapped[0], left->unmapped[1] },
		.moved = left->moved, .moved_to = left->moved_to,
	};

	lof_apply_to_attrs(&change);
	lof_mark_suspect(left->suspect[0], 0);
	lof_mark_suspect(left->suspect[1], 0);
	lof_log_add(left->suspect[0], left->suspect[1]);
}

LOF_COLD
void lof_left_apply(void)
{
	for (int i = 0; i < LOF_NLEFT; i++) {
		struct lof_left *left = &lof_ledger.left[i];
		struct lof_left_effect effect;

		if (atomic_load(&left->state) != FULL)
			continue;
		atomic_fetch_sub(&lof_ledger.nleft, 1);
		effect = left->effect;
		atomic_store(&left->state, FREE);
		apply(&effect);
	}
}
