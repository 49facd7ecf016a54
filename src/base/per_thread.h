/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A thread-local variable whose first use allocates no memory. glibc: the TLS
 * model initial-exec. musl allows that model only to libraries that are loaded
 * with the program, not by dlopen; but musl allocates all thread-local memory
 * before the first use.
 */
#ifndef LOF_BASE_PER_THREAD_H
#define LOF_BASE_PER_THREAD_H

#include <features.h>	/* __GLIBC__ */

#ifdef __GLIBC__
#define LOF_PER_THREAD	_Thread_local __attribute__((tls_model("initial-exec")))
#else
#define LOF_PER_THREAD	_Thread_local
#endif

#endif
