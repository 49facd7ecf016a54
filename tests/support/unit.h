/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Shared by the suites of check_unit: their list, and random numbers. */
#ifndef UNIT_H
#define UNIT_H

#include <check.h>
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "support/tool.h"

Suite *suite_classic_bpf(void);
Suite *suite_permit(void);
Suite *suite_range(void);
Suite *suite_range_tree(void);
Suite *suite_select(void);
Suite *suite_own_memory(void);
Suite *suite_node_pool(void);
Suite *suite_smaps(void);
Suite *suite_sys_caps(void);
Suite *suite_ledger(void);
Suite *suite_flag(void);
Suite *suite_scan(void);
Suite *suite_shm(void);
Suite *suite_hooked(void);
Suite *suite_old_kernels(void);
Suite *suite_summary(void);
Suite *suite_heaps(void);
Suite *suite_relock(void);

#define UNIT_TIMEOUT	120	/* seconds, for a slow test */

/* The call must return result and set errno to err. libcheck changes errno. */
#define UNIT_ASSERT_FAILS(call, result, err) do {			\
	bool fails_ = (call) == (result);				\
	int errno_ = errno;						\
									\
	ck_assert_msg(fails_, "%s does not fail", #call);		\
	ck_assert_int_eq(errno_, err);					\
} while (0)

/* LOF_TEST_SEED, or a new seed for each run. The seed is printed. */
extern uint64_t unit_seed;

/* LOF_TEST_OPS, or usual. */
size_t unit_ops(size_t usual);

/* Call the function in another thread, and wait for it. */
void unit_by_another(void (*function)(void));

/* The next random number. *state may start with any value. */
uint64_t unit_random(uint64_t *state);

/* A random number from 0 to n - 1. */
size_t unit_below(uint64_t *state, size_t n);

#endif
