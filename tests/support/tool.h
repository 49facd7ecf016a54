/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The tool that the tests run in: a sanitizer, valgrind, or a sandbox. Some tests cannot
 * be had under one: they are not added to their case, which says so and why.
 */
#ifndef TOOL_H
#define TOOL_H

#include <check.h>
#include <stdbool.h>

#include "support/skip.h"

#define TOOL_ADDRESS	1u	/* AddressSanitizer */
#define TOOL_THREAD	2u	/* ThreadSanitizer */
#define TOOL_VALGRIND	4u
#define TOOL_ANY	7u
#define TOOL_NO_MLOCK2	8u	/* a filter that forbids mlock2, or qemu */
#define TOOL_QEMU	16u	/* qemu-user, or who answers as it does */

/* Does this run in one of these? */
bool tool_is(unsigned int tools);

/* Add a test for each of the numbers from start to after, not including it. */
void tool_add_test(TCase *tcase, const TTest *test, int start, int after);

#undef tcase_add_test
#define tcase_add_test(tcase, test)	tool_add_test(tcase, test, 0, 1)
#undef tcase_add_loop_test
#define tcase_add_loop_test(tcase, test, start, after)			\
	tool_add_test(tcase, test, start, after)

/* Is RLIMIT_MEMLOCK a bound for this process, that has no CAP_IPC_LOCK? */
bool tool_is_limited(void);

#endif
