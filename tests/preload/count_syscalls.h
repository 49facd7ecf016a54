/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The interface between the two files of count_syscalls. */
#ifndef LOF_TESTS_COUNT_SYSCALLS_H
#define LOF_TESTS_COUNT_SYSCALLS_H

#include <stddef.h>

#define NROUNDS	6	/* of a call that is not measured as "first" */

/* count_calls.c, the helper: it makes a mark before and after a call. */
const char *call_name(size_t call);
extern const size_t call_count;
extern const char *const when_names[];
extern const size_t when_count;

enum { MARK_BEGIN = 0x6265, MARK_END = 0x656e };	/* argument of getppid */

int make_calls(size_t call, size_t when);

#endif
