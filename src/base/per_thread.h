/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A variable of each thread's own, to be had without memory of libc's. musl
 * allows it this way to what a program begins with only, not to what it loads
 * later; but has the memory for the usual way beforehand.
 */
#ifndef LOF_BASE_PER_THREAD_H
#define LOF_BASE_PER_THREAD_H

#ifdef __GLIBC__
#define LOF_PER_THREAD	_Thread_local __attribute__((tls_model("initial-exec")))
#else
#define LOF_PER_THREAD	_Thread_local
#endif

#endif
