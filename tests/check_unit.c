/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Runs the unit tests of the library, one suite for each part. */
#include "config.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "support/unit.h"

uint64_t unit_seed;

static uint64_t number_from(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);

	return text && *text ? strtoull(text, NULL, 0) : otherwise;
}

size_t unit_ops(size_t usual)
{
	return (size_t)number_from("LOF_TEST_OPS", usual);
}

/* splitmix64 */
uint64_t unit_random(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

size_t unit_below(uint64_t *state, size_t n)
{
	return (size_t)(unit_random(state) % n);
}

static void *call(void *arg)
{
	(*(void (**)(void))arg)();
	return NULL;
}

/* Under MCL_FUTURE the stack of the thread must fit into the limit. */
void unit_by_another(void (*function)(void))
{
	pthread_attr_t attr;
	pthread_t thread;

	ck_assert_int_eq(pthread_attr_init(&attr), 0);
	ck_assert_int_eq(pthread_attr_setstacksize(&attr, 256 << 10), 0);
	ck_assert_int_eq(pthread_create(&thread, &attr, call, &function), 0);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	ck_assert_int_eq(pthread_attr_destroy(&attr), 0);
}

int main(void)
{
	SRunner *runner = srunner_create(suite_range());

	unit_seed = number_from("LOF_TEST_SEED", (uint64_t)time(NULL));
	printf("LOF_TEST_SEED=%" PRIu64 "\n", unit_seed);
	fflush(stdout);
	srunner_add_suite(runner, suite_classic_bpf());
	srunner_add_suite(runner, suite_permit());
	srunner_add_suite(runner, suite_range_tree());
	srunner_add_suite(runner, suite_select());
	srunner_add_suite(runner, suite_own_memory());
	srunner_add_suite(runner, suite_node_pool());
	srunner_add_suite(runner, suite_smaps());
	srunner_add_suite(runner, suite_summary());
	srunner_add_suite(runner, suite_heaps());
	srunner_add_suite(runner, suite_relock());
	srunner_add_suite(runner, suite_sys_caps());
	srunner_add_suite(runner, suite_ledger());
	srunner_add_suite(runner, suite_flag());
	srunner_add_suite(runner, suite_scan());
	srunner_add_suite(runner, suite_shm());
	srunner_add_suite(runner, suite_hooked());
	srunner_add_suite(runner, suite_old_kernels());
	return run_suites(runner);
}
