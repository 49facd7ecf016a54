/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The one thread of the library, which works every LOF_SYNC_MS milliseconds. */
#ifndef LOF_API_SYNC_THREAD_H
#define LOF_API_SYNC_THREAD_H

#include <stdbool.h>

#include "base/options.h"

/*
 * LOF_SYNC_MS was set: start or end the thread, or give it the new time.
 *
 * 0         done
 * -EAGAIN   no thread can be created; LOF_SYNC_MS is set to 0
 */
int lof_sync_thread_set(void);

/* Private to lof_sync_thread_use(): start the thread if it is not there. */
void lof_sync_thread_begin(void);

/*
 * Memory was locked. If LOF_SYNC_MS is set, start the thread: in a child of
 * fork, or if the shim has set the option, it is not there yet. If it cannot be
 * started, the next lock tries again.
 */
static inline void lof_sync_thread_use(void)
{
	if (lof_option_value(LOF_SYNC_MS))
		lof_sync_thread_begin();
}

/* End the thread, and start it again. pause returns whether it was there. */
bool lof_sync_thread_pause(void);
void lof_sync_thread_resume(bool was_there);

#endif
