/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The thread of LOF_SYNC_MS: every LOF_SYNC_MS milliseconds it corrects drift of
 * the ledger, and calls lof_catch_up(). It begins when there is memory to look
 * after, and it is not the last thread of a process.
 */
#include "config.h"

#include "api/sync_thread.h"

#include <errno.h>
#include <stdatomic.h>

#include "api/drift.h"
#include "base/options.h"
#include "base/published.h"
#include "kernel/permit.h"
#include "kernel/smaps.h"
#include "kernel/sys.h"
#include "kernel/thread.h"
#include "ledger/lock.h"
#include "ledger/state.h"
#include "lockonfault.h"

/*
 * The process in which the thread was started: a child of fork has an epoch of
 * its own, and no such thread. 0: there is no thread.
 */
static _Atomic uint64_t runs_in;
static _Atomic uint32_t thread;		/* its ID; 0 when it has ended */
static _Atomic uint32_t settings;	/* futex: times LOF_SYNC_MS was set */
static _Atomic int npauses;		/* it shall not run now */

#define STARTING	UINT32_MAX	/* no ID of a thread */
#define FAILURES_MAX	10

static uint64_t this_process(void)
{
	return (uint64_t)lof_ledger_epoch() + 1;
}

/*
 * One of these numbers changes when memory is touched, mapped, or locked
 * without the library.
 */
struct traces {
	struct lof_process_state process;
	uint64_t charged;
};

/*
 * If no number changed since the last time, there is nothing to do. The work
 * itself changes only the charge: so read the charge again at the end.
 */
static void catch_up(struct traces *before, const struct traces *now)
{
	if (now->process.faults == before->process.faults &&
	    now->process.mapped == before->process.mapped &&
	    now->charged == before->charged)
		return;
	lof_follow_drift();
	lof_catch_up();
	*before = *now;
	lof_smaps_charge(0, &before->charged);
}

static bool is_wanted(void)
{
	return lof_option_value(LOF_SYNC_MS) && !atomic_load(&npauses) &&
	       lof_permits(LOF_CALL_FUTEX);
}

/*
 * Shall the thread end? A process ends with the last thread that the program
 * knows. Go on, if the thread was wanted again meanwhile and no other thread
 * was started.
 */
static bool is_over(const struct lof_process_state *state)
{
	bool is_last = state->first_has_ended && state->threads <= 2;
	uint64_t none = 0;

	if (is_wanted() && !is_last)
		return false;
	atomic_store(&runs_in, 0);
	return is_last || !is_wanted() ||
	       !atomic_compare_exchange_strong(&runs_in, &none,
					       this_process());
}

/*
 * Without /proc the thread ends: it could not tell that it is the last. But not
 * at once: there may be no descriptor for a moment.
 */
static void tick(void)
{
	struct traces before = { .charged = 0 }, now = before;
	int ms, nfailed = 0;
	uint32_t setting;

	lof_thread_confine();
	do {
		setting = atomic_load(&settings);
		ms = (int)lof_option_value(LOF_SYNC_MS);
		if (is_wanted() &&
		    lof_sys_futex_wait(&settings, setting, ms) == -ETIMEDOUT &&
		    !lof_smaps_charge(0, &now.charged))
			catch_up(&before, &now);
		nfailed = lof_smaps_process(0, &now.process) ? nfailed + 1 : 0;
	} while (nfailed ? nfailed < FAILURES_MAX : !is_over(&now.process));
}

/* Is a thread of this process there, or about to be? */
static bool is_there(void)
{
	return atomic_load(&runs_in) == this_process() && atomic_load(&thread);
}

static int start(void)
{
	uint64_t before = atomic_load(&runs_in);
	int err;

	if (is_there())
		return 0;
	/* A thread that ends still uses its memory, which is the next one's. */
	lof_thread_join(&thread);
	if (!atomic_compare_exchange_strong(&runs_in, &before, this_process()))
		return 0;
	atomic_store(&thread, STARTING);
	err = lof_thread_start(tick, &lof_self, &thread);
	if (err) {
		atomic_store(&thread, 0);
		atomic_store(&runs_in, 0);
	}
	return err;
}

int lof_sync_thread_set(void)
{
	atomic_fetch_add(&settings, 1);
	lof_sys_futex_wake(&settings);
	if (!lof_option_value(LOF_SYNC_MS) || !start())
		return 0;
	lof_option_set(LOF_SYNC_MS, 0);
	return -EAGAIN;
}

void lof_sync_thread_begin(void)
{
	bool is_stalled;

	if (is_there())
		return;
	is_stalled = !is_wanted() || start();
	if (atomic_load_explicit(&lof_published.is_stalled,
				 memory_order_relaxed) != is_stalled)
		atomic_store(&lof_published.is_stalled, is_stalled);
}

bool lof_sync_thread_pause(void)
{
	bool was_there = is_there();

	atomic_fetch_add(&npauses, 1);
	if (was_there) {
		atomic_fetch_add(&settings, 1);
		lof_sys_futex_wake(&settings);
		lof_thread_join(&thread);
	}
	return was_there;
}

void lof_sync_thread_resume(bool was_there)
{
	atomic_fetch_sub(&npauses, 1);
	if (was_there)
		lof_sync_thread_begin();
}
