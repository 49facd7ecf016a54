/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The thread of LOF_SYNC_MS: every LOF_SYNC_MS milliseconds it corrects the
 * ledger, as lof_walk() does, and calls lof_catch_up(). A program that never
 * sets LOF_SYNC_MS has no such thread. The thread blocks all signals.
 */
#include "config.h"

#include "api/sync_thread.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>

#include "base/options.h"
#include "kernel/smaps.h"
#include "kernel/sys.h"
#include "lockonfault.h"

static _Atomic bool runs;
static _Atomic uint32_t settings;	/* futex: times LOF_SYNC_MS was set */

/*
 * LOF_SYNC_MS was 0: shall the thread end? No, if LOF_SYNC_MS was set again
 * meanwhile, and lof_sync_thread_set() started no other thread.
 */
static bool is_over(void)
{
	atomic_store(&runs, false);
	return !lof_option_value(LOF_SYNC_MS) || atomic_exchange(&runs, true);
}

static int pass_over(const struct lof_region *region, void *arg)
{
	(void)region;
	(void)arg;
	return 0;
}

/*
 * One of these numbers changes when memory is touched, mapped, or locked
 * without the library.
 */
struct traces {
	uint64_t faults, mapped, charged;
};

/*
 * If no number changed since the last time, there is nothing to do. The work
 * itself changes only the charge: so read the charge again at the end.
 */
static void catch_up(struct traces *before)
{
	struct traces now;

	if (!lof_sys_faults(&now.faults) && !lof_smaps_total(&now.mapped) &&
	    !lof_smaps_charge(0, &now.charged) &&
	    now.faults == before->faults && now.mapped == before->mapped &&
	    now.charged == before->charged)
		return;
	lof_walk(pass_over, NULL);
	lof_catch_up();
	lof_smaps_charge(0, &now.charged);
	*before = now;
}

static void *tick(void *unused)
{
	struct traces before = { .faults = 0 };

	(void)unused;
	lof_sys_leave_files();
	for (;;) {
		uint32_t setting = atomic_load(&settings);
		int ms = (int)lof_option_value(LOF_SYNC_MS);

		if (!ms && is_over())
			return NULL;
		if (ms && lof_sys_futex_wait(&settings, setting, ms) ==
			  -ETIMEDOUT)
			catch_up(&before);
	}
}

static int start(void)
{
	sigset_t all, before;
	pthread_attr_t attr;
	pthread_t thread;
	int err;

	err = pthread_attr_init(&attr);
	if (err)
		return err;
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	err = pthread_create(&thread, &attr, tick, NULL);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attr);
	return err;
}

static int start_or_give_up(void)
{
	if (!start())
		return 0;
	lof_option_set(LOF_SYNC_MS, 0);
	atomic_store(&runs, false);
	return -EAGAIN;
}

int lof_sync_thread_set(void)
{
	atomic_fetch_add(&settings, 1);
	lof_sys_futex_wake(&settings);
	if (!lof_option_value(LOF_SYNC_MS) || atomic_exchange(&runs, true))
		return 0;
	return start_or_give_up();
}

/* libc makes malloc usable before this handler: pthread_create() needs it. */
void lof_sync_thread_after_fork_in_child(void)
{
	if (!atomic_load(&runs))
		return;
	if (lof_option_value(LOF_SYNC_MS))
		start_or_give_up();
	else
		atomic_store(&runs, false);
}
