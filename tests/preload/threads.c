/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The thread of the library in the programs of thread.c. */
#include "config.h"

#include <string.h>
#include <unistd.h>

#include "preload/run.h"
#include "support/tool.h"

#define MAX	"LOCKONFAULT_MAX=1G"
#define SOON	"LOCKONFAULT_SYNC_MS=10"

START_TEST(thread_begins_with_the_first_lock_and_is_confined)
{
	const char *head = "1 ok locked\n2\nlockonfault\n";
	const char *line = run("thread-begins", MAX, SOON, NULL);

	ck_assert_msg(strncmp(line, head, strlen(head)) == 0, "%s", line);
	/* CAP_IPC_LOCK, if the program has it. */
	ck_assert(strstr(line, "CapPrm:\t0000000000004000\n"
			 "CapEff:\t0000000000004000\n") ||
		  strstr(line, "CapPrm:\t0000000000000000\n"
			 "CapEff:\t0000000000000000\n"));
	ck_assert_ptr_nonnull(strstr(line, "NoNewPrivs:\t1\n"));
	ck_assert_ptr_nonnull(strstr(line, "Seccomp:\t2\n"));
	/* All but SIGKILL and SIGSTOP. */
	ck_assert_ptr_nonnull(strstr(line, "SigBlk:\tfffffffffffbfeff\n"));
}
END_TEST

static const char *const commands[] = {
	"thread-setuid", "thread-single", "thread-last",
};

START_TEST(program_with_the_thread_sees_no_difference)
{
	char bare[sizeof(ran.out)];

	if (geteuid() != 0 && _i == 0)
		skip("only root can become another user");
	strcpy(bare, run(commands[_i], "LD_PRELOAD=", NULL));
	ck_assert_str_eq(run(commands[_i], MAX, SOON, NULL), bare);
}
END_TEST

START_TEST(child_of_fork_has_a_thread_of_its_own)
{
	ck_assert_str_eq(run("thread-fork", MAX, SOON, NULL),
			 "ok locked\nchild 1 ok locked\n2 0\nok locked\n");
}
END_TEST

/* Without the shim the mmap() fails, and pthread_create(), too. */
START_TEST(daemon_that_gives_up_root_goes_on)
{
	if (geteuid() != 0)
		skip("only root can become another user");
	ck_assert_str_eq(run("thread-daemon", NULL), "ok ok ok ok OOOOOOOO 0\n"
			 "ok ok ok ok OOOOOOOO 0\n");
}
END_TEST

START_TEST(threads_under_a_limit_begin_as_fast_as_the_first)
{
	ck_assert_str_eq(run("thread-many", NULL), "ok ok ");
}
END_TEST

TCase *thread_case(void)
{
	TCase *tcase = tcase_create("threads");

	tcase_set_timeout(tcase, 30);
	tcase_add_test(tcase,
		       thread_begins_with_the_first_lock_and_is_confined);
	tcase_add_loop_test(tcase, program_with_the_thread_sees_no_difference,
			    0, 3);
	tcase_add_test(tcase, daemon_that_gives_up_root_goes_on);
	tcase_add_test(tcase, child_of_fork_has_a_thread_of_its_own);
	tcase_add_test(tcase, threads_under_a_limit_begin_as_fast_as_the_first);
	return tcase;
}
