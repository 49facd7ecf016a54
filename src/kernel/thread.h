/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A thread that libc does not know. To start it calls no malloc, so that a hook
 * may start it. setuid() and its kin, which libc carries out in each thread
 * that it knows, do not fail because this thread has no privileges.
 */
#ifndef LOF_KERNEL_THREAD_H
#define LOF_KERNEL_THREAD_H

#include <stdatomic.h>
#include <stdint.h>

/*
 * Start the thread; it ends when run() returns. run() must not call libc, but
 * for functions of <string.h>; it may use errno and the variable `local`, which
 * is LOF_PER_THREAD. All signals are blocked in the thread. *tid is its ID, and
 * 0 when it has ended: a futex that the kernel wakes.
 *
 * Only one thread exists at a time: it uses memory that is mapped once.
 *
 * 0         started
 * -ENOSYS   not possible on this architecture, or with this libc
 * other     a negative errno of mmap or clone
 */
int lof_thread_start(void (*run)(void), const void *local,
		     _Atomic uint32_t *tid);

/* Wait until the thread is not a part of the process any more. */
void lof_thread_join(_Atomic uint32_t *tid);

/*
 * In the thread: take no part in the files and the directory of the program,
 * keep no capability but CAP_IPC_LOCK, and allow only the calls of this library.
 */
void lof_thread_confine(void);

#endif
