/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The one thread of the library, which works every LOF_SYNC_MS milliseconds. */
#ifndef LOF_API_SYNC_THREAD_H
#define LOF_API_SYNC_THREAD_H

/*
 * LOF_SYNC_MS was set: start or end the thread, or give it the new time. Not
 * async-signal-safe.
 *
 * 0         done
 * -EAGAIN   no thread can be created; LOF_SYNC_MS is set to 0
 */
int lof_sync_thread_set(void);

/* Start the thread again in a child of fork: fork does not copy the thread. */
void lof_sync_thread_after_fork_in_child(void);

#endif
