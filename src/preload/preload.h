/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files of the shim share. */
#ifndef LOF_PRELOAD_PRELOAD_H
#define LOF_PRELOAD_PRELOAD_H

#include <stdbool.h>

/* Is the shim wanted in this program, and can it tell yet? */
bool lof_preload_is_active(void);

/* What MCL_FUTURE by the library's own hand does not lock, goes to the log. */
void lof_preload_log_left_out(void);

#endif
