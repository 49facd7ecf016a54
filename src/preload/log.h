/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The shim's log, for who asked for one. The file is opened for each line and
 * closed again: a program may close all descriptors, and use ours for a file
 * of its own.
 */
#ifndef LOF_PRELOAD_LOG_H
#define LOF_PRELOAD_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Log to path from now on, in the name of a program. NULL: do not. */
void lof_log_open(const char *path, const char *name);

bool lof_log_is_open(void);

/* "PID NAME: CALL ADDR LEN ERRNO". Changes nothing the program can see. */
void lof_log(const char *call, uintptr_t addr, size_t len, int err);

#endif
