/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The public calls on a real kernel. Each test runs in its own process, because
 * many tests lock all memory or give up their privileges.
 */
#include "config.h"

#include <sys/resource.h>

#include "support/kernel.h"

/* Without capabilities the tests need some RLIMIT_MEMLOCK. */
static int limit_allows_tests(void)
{
	struct rlimit limit;

	return getrlimit(RLIMIT_MEMLOCK, &limit) == 0 &&
	       limit.rlim_cur >= 1 << 20;
}

int main(void)
{
	SRunner *runner;

	if (!limit_allows_tests()) {
		puts("skip: RLIMIT_MEMLOCK is below 1 MiB");
		return 77;
	}
	runner = srunner_create(lock_suite());
	srunner_add_suite(runner, munlock2_suite());
	srunner_add_suite(runner, lockall_suite());
	srunner_add_suite(runner, map_suite());
	srunner_add_suite(runner, madvise_suite());
	srunner_add_suite(runner, remap_suite());
	srunner_add_suite(runner, dontunmap_suite());
	srunner_add_suite(runner, query_suite());
	srunner_add_suite(runner, hold_suite());
	srunner_add_suite(runner, pages_suite());
	srunner_add_suite(runner, drift_suite());
	srunner_add_suite(runner, budget_suite());
	srunner_add_suite(runner, future_suite());
	srunner_add_suite(runner, policy_suite());
	srunner_add_suite(runner, processes_suite());
	srunner_add_suite(runner, limits_suite());
	srunner_add_suite(runner, limit_matrix_suite());
	srunner_add_suite(runner, rows_suite());
	srunner_add_suite(runner, sandbox_suite());
	srunner_add_suite(runner, races_suite());
	srunner_add_suite(runner, trim_suite());
	srunner_set_fork_status(runner, CK_FORK);
	return run_suites(runner);
}
