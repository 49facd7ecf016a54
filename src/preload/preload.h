/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Is the shim active, and how? */
#ifndef LOF_PRELOAD_PRELOAD_H
#define LOF_PRELOAD_PRELOAD_H

#include <stdbool.h>

/* False also as long as libc has no environment. */
bool lof_preload_is_active(void);

/* LOCKONFAULT_HOLDS; only if the shim is active. */
bool lof_preload_counts_holds(void);

/* LOCKONFAULT_RLIMIT */
bool lof_preload_fakes_limit(void);

#endif
