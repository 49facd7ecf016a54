/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The one thread of the library, which looks every LOF_SYNC_MS. */
#ifndef LOF_API_SYNC_THREAD_H
#define LOF_API_SYNC_THREAD_H

/*
 * LOF_SYNC_MS was set: begin, end, or go by it. 0; -EAGAIN: there is no thread
 * to be had, and it is 0 again. Not async-signal-safe.
 */
int lof_sync_thread_set(void);

/* A child of fork, where the thread is not, begins it anew. */
void lof_sync_thread_after_fork_in_child(void);

#endif
