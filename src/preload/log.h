/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The shim's log, if LOCKONFAULT_LOG is set, and its messages, if
 * LOCKONFAULT_VERBOSE is 1: a line on standard error for each lock that is
 * refused or left out. The file is opened and closed for
 * each line: a program may close all descriptors, and then use the number of
 * the log's descriptor for its own file.
 */
#ifndef LOF_PRELOAD_LOG_H
#define LOF_PRELOAD_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "preload/message.h"

/* Log to path from now on, with the name of the program. NULL: no log. */
void lof_log_open(const char *path, const char *name, bool is_verbose);

/*
 * Log "PID NAME: CALL ADDR LEN ERRNO", and say why a lock was refused. The
 * program sees no effect.
 */
void lof_log(const char *call, uintptr_t addr, size_t len, int err);

/* LOCKONFAULT_VERBOSE, and no filter refuses the calls of a message. */
bool lof_log_is_verbose(void);

/* Begin a line for standard error: "PID NAME: ". */
void lof_log_begin(struct lof_message *message);

/* Log and say that a refused setrlimit() was answered with success. */
void lof_log_limit_faked(uint64_t asked);

/* Log and say the bytes that the last call left unlocked, if any (hooked.h). */
void lof_log_skipped(void);

/* Log and say the bytes that mlockall() does not lock, if any. */
void lof_log_left_out(void);

#endif
