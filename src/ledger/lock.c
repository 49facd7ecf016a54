/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The ledger's lock. No thread waits for an owner that makes no progress: a
 * call that does not get the lock in microseconds leaves its effect (left.c)
 * and returns. A thread may leave the ledger's code by longjmp while it owns
 * the lock, or a child of vfork may be killed there: then the same thread takes
 * the lock again. If the owner's thread ended, a reader takes the lock.
 */
#include "config.h"

#include "ledger/lock.h"

#include <signal.h>
#include <stdatomic.h>
#include <string.h>

#include "kernel/sys.h"

#ifndef SPINS
#define SPINS		400	/* some microseconds */
#endif
#ifndef PATIENCE_MS
#define PATIENCE_MS	100
#endif
#define STACK_MAX	((uintptr_t)8 << 20)

LOF_PER_THREAD struct lof_self lof_self;

static void pause_briefly(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("yield");
#endif
}

/*
 * The frame that took the lock is gone if the guard's token has changed or the
 * guard is not mapped any more. The kernel reads the token, since a read of
 * unmapped memory here would fault.
 */
static bool is_gone(struct lof_guard *taken)
{
	int err = lof_sys_futex_wait(&taken->token, lof_guard_token(taken), 0);

	return err == -EAGAIN || err == -EFAULT;
}

/*
 * Did the owner's frame end? Its token may still be intact, if nothing was
 * written there since. The stack grows down: so a frame at a lower address than
 * `here`, on the same stack, was left. A signal handler on an alternate stack
 * cannot tell, and the answer is no.
 */
LOF_COLD
static bool is_left(struct lof_guard *taken, struct lof_guard *here)
{
	stack_t alternate = { .ss_flags = SS_DISABLE };

	if (here == taken || is_gone(taken))
		return true;
	return here > taken &&
	       (uintptr_t)here - (uintptr_t)taken < STACK_MAX &&
	       !lof_sys_sigaltstack(&alternate) &&
	       !(alternate.ss_flags & SS_ONSTACK);
}

/* Empty a tree that is half changed. Everything becomes suspect. */
static void drop_half_changed(void)
{
	struct lof_ledger *l = &lof_ledger;

	if (l->is_editing) {
		l->tree[l->editing] = (struct lof_tree){ .root = NULL };
		lof_pool_restart(&l->pool[l->editing]);
		l->is_editing = false;
		lof_count_attrs();
	}
	lof_doubt_all();
}

/*
 * This thread owns the lock: a signal handler interrupted the owner's frame, or
 * that frame was left. Only if it was left, take the lock over.
 */
static bool take_again(struct lof_guard *taken, struct lof_guard *guard)
{
	/* The caller's frame may be left, too: remember the owner now. */
	lof_self.owned = taken;
	if (!is_left(taken, guard))
		return false;
	atomic_store(&lof_ledger.owner, guard);
	lof_ledger_owns(guard);
	drop_half_changed();
	return true;
}

LOF_COLD
bool lof_lock_take_slowly(struct lof_guard *guard)
{
	struct lof_ledger *l = &lof_ledger;
	struct lof_guard *owner;
	uint32_t generation;

	for (int i = 0; i < SPINS; i++) {
		owner = NULL;
		if (atomic_compare_exchange_strong(&l->owner, &owner, guard)) {
			lof_ledger_owns(guard);
			return true;
		}
		if (owner == guard->outer || owner == lof_self.owned)
			return take_again(owner, guard);
		generation = atomic_load(&l->generation);
		if (atomic_load(&l->given_up) == generation)
			return false;
		pause_briefly();
	}
	atomic_store(&l->given_up, generation);
	return false;
}

/*
 * If the thread that owns the lock has ended, and its stack is gone, take the
 * lock. Only after a long wait: a thread that released the lock and took it
 * again looks the same.
 */
LOF_COLD
static bool take_from_the_dead(struct lof_guard *guard, uint32_t generation)
{
	struct lof_ledger *l = &lof_ledger;
	struct lof_guard *owner = lof_ledger_guard();

	if (!owner || !is_gone(owner) ||
	    atomic_load(&l->generation) != generation)
		return false;
	guard->outer = lof_self.guard;
	atomic_store(&guard->token, lof_guard_token(guard));
	lof_self.guard = guard;
	if (!atomic_compare_exchange_strong(&l->owner, &owner, guard)) {
		lof_self.guard = guard->outer;
		return false;
	}
	lof_ledger_owns(guard);
	drop_half_changed();
	return true;
}

bool lof_lock_take_patiently(struct lof_guard *guard)
{
	struct lof_ledger *l = &lof_ledger;
	_Atomic uint32_t never = 0;
	uint32_t generation = 0;

	for (int ms = 0; ms < PATIENCE_MS; ms++) {
		if (lof_lock_take(guard))
			return true;
		generation = atomic_load(&l->generation);
		if (lof_ledger_guard() == lof_self.owned)
			return false;
		if (atomic_load(&l->hopeless) == generation)
			break;
		lof_sys_futex_wait(&never, 0, 1);
	}
	atomic_store(&l->hopeless, generation);
	return take_from_the_dead(guard, generation);
}
