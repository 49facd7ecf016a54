/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Is the shim active? And functions that its constructor calls. */
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

#endif
