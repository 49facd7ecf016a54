/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The calls in flight, and the log of landings. No tree is used here. */
#include "config.h"

#include "ledger/inflight.h"

#include <stdatomic.h>

static int slots_used(void)
{
	return atomic_load_explicit(&lof_ledger.nused, memory_order_acquire);
}

static void note_used(int slot)
{
	int used = slots_used();

	while (used <= slot &&
	       !atomic_compare_exchange_weak(&lof_ledger.nused, &used,
					     slot + 1))
		;
}

static void sign(int i)
{
	atomic_store_explicit(&lof_ledger.slot[i].thread, (uintptr_t)&lof_self,
			      memory_order_relaxed);
	lof_self.slot = (uintptr_t)i;
}

static bool claim(int i, uintptr_t from, const struct lof_change *change)
{
	struct lof_slot *slot = &lof_ledger.slot[i];

	if (!atomic_compare_exchange_strong(&slot->change, &from,
					    (uintptr_t)change))
		return false;
	sign(i);
	return true;
}

/*
 * The slot's change lies as deep in this thread's stack as the new change, or
 * deeper: so this thread has left its call. If that is wrong, because one of
 * the two lies on another stack, the call in flight finds its slot taken when
 * it ends, and its ranges become suspect.
 */
static bool is_left_by_us(const struct lof_slot *slot, uintptr_t change,
			  const struct lof_change *ours)
{
	return atomic_load_explicit(&slot->thread, memory_order_relaxed) ==
	       (uintptr_t)&lof_self && change <= (uintptr_t)ours;
}

static struct lof_range range_of(const struct lof_slot *slot, int i)
{
	return (struct lof_range){
		atomic_load_explicit(&slot->start[i], memory_order_relaxed),
		atomic_load_explicit(&slot->end[i], memory_order_relaxed),
	};
}

/*
 * Take the slot of a call that was left. The effect of that call will not be
 * noted. If it is not announced its system call was not made.
 */
LOF_COLD
static bool take_over(int i, uintptr_t from, const struct lof_change *change,
		      struct lof_range abandoned[2])
{
	struct lof_slot *slot = &lof_ledger.slot[i];
	bool is_announced = atomic_load(&slot->is_announced);
	bool is_placed = atomic_load(&slot->is_placed);

	is_announced &= !atomic_load(&slot->is_reading);
	abandoned[0] = range_of(slot, 0);
	abandoned[1] = range_of(slot, 1);
	if (!claim(i, from, change))
		return false;
	if (is_announced && !is_placed)
		lof_doubt_all();
	if (!is_announced || !is_placed)
		abandoned[0] = abandoned[1] = LOF_NO_RANGE;
	return true;
}

bool lof_slot_take(struct lof_change *change, struct lof_range abandoned[2])
{
	bool is_abandoned = false;
	int first = (int)(lof_self.slot % LOF_NSLOTS), i = first;

	do {
		struct lof_slot *slot = &lof_ledger.slot[i];
		uintptr_t held = atomic_load_explicit(&slot->change,
						      memory_order_relaxed);

		if (!held && claim(i, 0, change))
			break;
		is_abandoned = held && is_left_by_us(slot, held, change) &&
			       take_over(i, held, change, abandoned);
		if (is_abandoned)
			break;
		i = (i + 1) % LOF_NSLOTS;
	} while (i != first);
	/* All slots are in use: take this one. Its call notices at its end. */
	if (atomic_load(&lof_ledger.slot[i].change) != (uintptr_t)change) {
		lof_doubt_all();
		atomic_store(&lof_ledger.slot[i].change, (uintptr_t)change);
		sign(i);
		lof_doubt_all();
	}
	atomic_store_explicit(&lof_ledger.slot[i].is_announced, false,
			      memory_order_relaxed);
	change->slot = i;
	if (i >= slots_used())
		note_used(i);
	return is_abandoned;
}

static bool is_placed(const struct lof_change *change)
{
	switch (change->may) {
	case LOF_MAY_LOCK:
		return !lof_range_is_empty(change->range[0]);
	case LOF_MAY_MOVE:
		return !lof_range_is_empty(change->range[1]);
	default:
		return true;
	}
}

void lof_slot_announce(const struct lof_change *change)
{
	struct lof_slot *slot = &lof_ledger.slot[change->slot];

	for (int i = 0; i < 2; i++) {
		atomic_store_explicit(&slot->start[i], change->range[i].start,
				      memory_order_relaxed);
		atomic_store_explicit(&slot->end[i], change->range[i].end,
				      memory_order_relaxed);
	}
	atomic_store_explicit(&slot->is_placed, is_placed(change),
			      memory_order_relaxed);
	atomic_store_explicit(&slot->is_reading, change->may == LOF_MAY_READ,
			      memory_order_relaxed);
	atomic_store_explicit(&slot->is_announced, true, memory_order_release);
}

bool lof_slot_is_ours(const struct lof_change *change)
{
	return atomic_load_explicit(&lof_ledger.slot[change->slot].change,
				    memory_order_relaxed) == (uintptr_t)change;
}

void lof_slot_release(struct lof_change *change)
{
	uintptr_t ours = (uintptr_t)change;

	atomic_compare_exchange_strong_explicit(
		&lof_ledger.slot[change->slot].change, &ours, 0,
		memory_order_release, memory_order_relaxed);
}

/* Is a call in flight in this slot, other than this one? */
static bool is_inflight(const struct lof_slot *slot,
			const struct lof_change *but)
{
	uintptr_t change = atomic_load_explicit(&slot->change,
						memory_order_acquire);

	return change && change != (uintptr_t)but &&
	       atomic_load_explicit(&slot->is_announced, memory_order_acquire);
}

bool lof_inflight_overlaps(const struct lof_change *but, struct lof_range range)
{
	for (int i = 0; i < slots_used(); i++) {
		const struct lof_slot *slot = &lof_ledger.slot[i];

		if (!is_inflight(slot, but))
			continue;
		if (!atomic_load_explicit(&slot->is_placed,
					  memory_order_relaxed) &&
		    !LOF_LEFT_OUT(UNPLACED))
			return true;
		if (lof_range_overlaps(range_of(slot, 0), range) ||
		    lof_range_overlaps(range_of(slot, 1), range))
			return true;
	}
	return false;
}

static void visit_part(struct lof_range a, struct lof_range b,
		       void (*visit)(struct lof_range part, void *arg),
		       void *arg)
{
	a = lof_range_both(a, b);
	if (!lof_range_is_empty(a))
		visit(a, arg);
}

void lof_inflight_each(struct lof_range range,
		       void (*visit)(struct lof_range part, void *arg),
		       void *arg)
{
	for (int i = 0; i < slots_used(); i++) {
		const struct lof_slot *slot = &lof_ledger.slot[i];

		if (!is_inflight(slot, NULL) ||
		    atomic_load_explicit(&slot->is_reading,
					 memory_order_relaxed))
			continue;
		visit_part(range_of(slot, 0), range, visit, arg);
		visit_part(range_of(slot, 1), range, visit, arg);
	}
}

bool lof_inflight_is_none(void)
{
	for (int i = 0; i < slots_used(); i++)
		if (atomic_load(&lof_ledger.slot[i].change))
			return false;
	return true;
}

void lof_log_add(struct lof_range a, struct lof_range b)
{
	uint64_t n = atomic_load_explicit(&lof_ledger.nlandings,
					  memory_order_relaxed);
	struct lof_landing *landing = &lof_ledger.landing[n % LOF_NLANDINGS];

	landing->range[0] = a;
	landing->range[1] = b;
	atomic_store_explicit(&lof_ledger.nlandings, n + 1,
			      memory_order_release);
}

bool lof_log_overlaps(uint64_t since, struct lof_range range)
{
	uint64_t now = atomic_load_explicit(&lof_ledger.nlandings,
					    memory_order_relaxed);

	if (LOF_LEFT_OUT(LOG))
		return false;
	if (now - since > LOF_NLANDINGS)
		return true;
	for (; since != now; since++) {
		const struct lof_range *landed =
			lof_ledger.landing[since % LOF_NLANDINGS].range;

		if (lof_range_overlaps(landed[0], range) ||
		    lof_range_overlaps(landed[1], range))
			return true;
	}
	return false;
}

void lof_log_each(uint64_t since, struct lof_range range,
		  void (*visit)(struct lof_range part, void *arg), void *arg)
{
	uint64_t now = atomic_load_explicit(&lof_ledger.nlandings,
					    memory_order_relaxed);

	if (now - since > LOF_NLANDINGS) {
		visit(range, arg);
		return;
	}
	for (; since != now; since++) {
		const struct lof_range *landed =
			lof_ledger.landing[since % LOF_NLANDINGS].range;

		visit_part(landed[0], range, visit, arg);
		visit_part(landed[1], range, visit, arg);
	}
}
