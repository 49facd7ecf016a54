/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * For truth.c in a program without libcheck: a failed assertion ends the
 * program.
 */
#ifndef TRUTH_ALONE_H
#define TRUTH_ALONE_H

#include <stdio.h>
#include <stdlib.h>

#define ck_assert_msg(condition, ...) do {				\
	if (!(condition)) {						\
		fprintf(stderr, __VA_ARGS__);				\
		exit(99);						\
	}								\
} while (0)
#define ck_assert(condition) ck_assert_msg(condition, "%s\n", #condition)
#define ck_assert_uint_le(a, b) ck_assert((a) <= (b))

#endif
