/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A thread that does every LOF_SYNC_MS milliseconds what lof_sync() does, but
 * reads smaps only where something is amiss. There is none in a program that
 * never asked for it; it takes no signal.
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

/* It was set to 0 just now, and perhaps to something else since. */
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

/* What changes where memory is touched, mapped, or locked unseen. */
struct traces {
	uint64_t faults, mapped, charged;
};

/*
 * Nothing is to be done in a process that did nothing since the last time. To
 * catch up changes the charge alone.
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

/* fork() of libc has put its memory in order before it calls this. */
void lof_sync_thread_after_fork_in_child(void)
{
	if (!atomic_load(&runs))
		return;
	if (lof_option_value(LOF_SYNC_MS))
		start_or_give_up();
	else
		atomic_store(&runs, false);
}
