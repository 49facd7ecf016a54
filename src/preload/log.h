/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The shim's log, if LOCKONFAULT_LOG is set. The file is opened and closed for
 * each line: a program may close all descriptors, and then use the number of
 * the log's descriptor for its own file.
 */
#ifndef LOF_PRELOAD_LOG_H
#define LOF_PRELOAD_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Log to path from now on, with the name of the program. NULL: no log. */
void lof_log_open(const char *path, const char *name);

bool lof_log_is_open(void);

/* Log "PID NAME: CALL ADDR LEN ERRNO". The program sees no effect. */
void lof_log(const char *call, uintptr_t addr, size_t len, int err);

/* Log the bytes that the emulated MCL_FUTURE does not lock, if any. */
void lof_log_left_out(void);

#endif
