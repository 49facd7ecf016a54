/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The tool that the tests run in: a sanitizer, valgrind, or a sandbox. Tests
 * that cannot run in it are not added to their case; the reason is printed.
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
#define TOOL_QEMU	16u	/* qemu-user, or a kernel that acts like it */

/* Does this process run in one of these tools? */
bool tool_is(unsigned int tools);

/* Add a test for each number from start to after, without after. */
void tool_add_test(TCase *tcase, const TTest *test, int start, int after);

#undef tcase_add_test
#define tcase_add_test(tcase, test)	tool_add_test(tcase, test, 0, 1)
#undef tcase_add_loop_test
#define tcase_add_loop_test(tcase, test, start, after)			\
	tool_add_test(tcase, test, start, after)

/* Does RLIMIT_MEMLOCK limit this process? Not with CAP_IPC_LOCK. */
bool tool_is_limited(void);

#endif
