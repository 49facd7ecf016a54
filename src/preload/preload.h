/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Is the shim active, and how? And functions that its constructor calls. */
#ifndef LOF_PRELOAD_PRELOAD_H
#define LOF_PRELOAD_PRELOAD_H

#include <stdbool.h>

/* False also as long as libc has no environment. */
bool lof_preload_is_active(void);

/*
 * children.c: take the shim out of the environment, so that the programs that
 * this program executes run without the shim.
 */
void lof_preload_leave_environment(void);

/* LOCKONFAULT_HOLDS; only if the shim is active. */
bool lof_preload_counts_holds(void);

/* LOCKONFAULT_RLIMIT */
bool lof_preload_fakes_limit(void);

#endif
