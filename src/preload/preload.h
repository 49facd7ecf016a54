/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The declarations that the files of the shim share. */
#ifndef LOF_PRELOAD_PRELOAD_H
#define LOF_PRELOAD_PRELOAD_H

#include <stdbool.h>

/* Is the shim active? False also as long as libc has no environment. */
bool lof_preload_is_active(void);

/* Log the bytes that the emulated MCL_FUTURE does not lock. */
void lof_preload_log_left_out(void);

#endif
