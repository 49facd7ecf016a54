/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Processes that share memory, cancelled threads, and a module that is
 * unloaded. The program storm tests fork.
 */
#define _GNU_SOURCE
#include "config.h"

#include <dlfcn.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/kernel.h"

#include "support/truth.h"

static int lock_in_clone(void *arg)
{
	return lof_mlock2(arg, pages(2), MLOCK_ONFAULT) ||
	       lof_munlock(at(0), page);
}

/* Processes that share memory share the ledger. */
START_TEST(clone_of_the_memory_shares_the_ledger)
{
	static char stack[256 << 10];
	int status;
	pid_t pid;

	arena_lay(0, "OOFF....");
	pid = clone(lock_in_clone, stack + sizeof(stack), CLONE_VM | SIGCHLD,
		    at(4));
	ck_assert_int_gt(pid, 0);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	KINDS(at(0), ".OFFOO..");
	assert_books(at(0), 8);
}
END_TEST

static void *lock_with_a_cancel_pending(void *arg)
{
	/* No assertion: libcheck's assertions are cancellation points. */
	pthread_cancel(pthread_self());
	lof_mlock2(at(0), pages(2), MLOCK_ONFAULT);
	lof_mremap(at(0), pages(2), pages(2), MREMAP_MAYMOVE | MREMAP_FIXED,
		   at(4));
	lof_sync();
	*(bool *)arg = true;
	pthread_testcancel();
	return arg;
}

START_TEST(no_call_is_a_cancellation_point)
{
	bool came_through = false;
	pthread_t thread;
	void *ret;

	arena_lay(0, "........");
	ck_assert_int_eq(pthread_create(&thread, NULL,
					lock_with_a_cancel_pending,
					&came_through), 0);
	ck_assert_int_eq(pthread_join(thread, &ret), 0);
	ck_assert_ptr_eq(ret, PTHREAD_CANCELED);
	ck_assert(came_through);
	KINDS(at(4), "OO..");
	assert_books(at(4), 4);
}
END_TEST

static void *lock_and_unlock(void *arg)
{
	for (;;) {
		lof_mlock2(at(0), pages(4), MLOCK_ONFAULT);
		lof_munlock(at(1), pages(2));
		pthread_testcancel();
	}
	return arg;
}

START_TEST(cancelled_threads_leave_the_ledger_right)
{
	pthread_t thread;

	arena_lay(0, "........");
	for (int i = 0; i < 200; i++) {
		ck_assert_int_eq(pthread_create(&thread, NULL, lock_and_unlock,
						NULL), 0);
		lof_mlock2(at(2), pages(4), 0);
		ck_assert_int_eq(pthread_cancel(thread), 0);
		ck_assert_int_eq(pthread_join(thread, NULL), 0);
		assert_books(at(0), 8);
	}
}
END_TEST

/* A program loads and unloads a module that is linked with the library. */
START_TEST(module_may_come_and_go)
{
	char line[64] = "";
	FILE *program;

	if (access("module_loader", X_OK))
		skip("module_loader is not built in this directory");
	program = popen("./module_loader", "r");
	ck_assert_ptr_ne(program, NULL);
	ck_assert_ptr_ne(fgets(line, sizeof(line), program), NULL);
	ck_assert_int_eq(pclose(program), 0);
	/* Without mlock2, smaps shows an on-fault lock as a full lock. */
	for (char *c = line; tool_is(TOOL_NO_MLOCK2) && *c; c++)
		if (*c == 'F')
			*c = 'O';
	ck_assert_str_eq(line, "..OO.... OOOO....\n");
}
END_TEST

Suite *processes_suite(void)
{
	Suite *suite = suite_create("processes");
	TCase *tcase = arena_case(suite, "processes and threads");

	tcase_add_test(tcase, clone_of_the_memory_shares_the_ledger);
	tcase_add_test(tcase, no_call_is_a_cancellation_point);
	tcase_add_test(tcase, cancelled_threads_leave_the_ledger_right);
	tcase_add_test(tcase, module_may_come_and_go);
	return suite;
}
