/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The log of the shim: LOCKONFAULT_LOG. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "preload/helper.h"
#include "preload/run.h"
#include "support/tool.h"

/* Run a command and return its log. */
static const char *log_of(const char *command)
{
	static char text[4096];
	char path[PATH_MAX], setting[PATH_MAX + 32];
	size_t len;
	FILE *file;

	snprintf(path, sizeof(path), "%s/log", scratch);
	snprintf(setting, sizeof(setting), "LOCKONFAULT_LOG=%s", path);
	run(command, setting, NULL);
	file = fopen(path, "re");
	ck_assert_ptr_nonnull(file);
	len = fread(text, 1, sizeof(text) - 1, file);
	fclose(file);
	text[len] = '\0';
	ck_assert_int_eq(unlink(path), 0);
	return text;
}

/* A line of the log: "PID NAME: CALL ADDR LEN ERRNO". */
static const char *line(const char *call, size_t first, size_t npages, int err)
{
	static char text[256];
	const size_t size = (size_t)sysconf(_SC_PAGESIZE);

	snprintf(text, sizeof(text), "%d preload_helper: %s 0x%zx %zu %d\n",
		 ran.pid, call, HELPER_ARENA + first * size, npages * size,
		 err);
	return text;
}

/* The log continues with the expected line. Skip the line. */
static void assert_next(const char **log, const char *expected)
{
	ck_assert_msg(strncmp(*log, expected, strlen(expected)) == 0,
		      "expected %s, not %s", expected, *log);
	*log += strlen(expected);
}

static void assert_start(const char **log)
{
	char expected[128];

	snprintf(expected, sizeof(expected),
		 "%d preload_helper: start 0x0 1 0\n", ran.pid);
	assert_next(log, expected);
}

START_TEST(log_has_a_line_for_each_lock)
{
	const char *log = log_of("locks");

	ck_assert_str_eq(ran.out, LOCKS_ON_FAULT);
	assert_start(&log);
	assert_next(&log, line("mlock", 1, 3, 0));
	assert_next(&log, line("mlock2", 5, 2, 0));
	assert_next(&log, line("mlock2 MLOCK_ONFAULT", 6, 2, 0));
	assert_next(&log, line("munlock", 2, 4, 0));
	assert_next(&log, line("mlock2 MLOCK_ONFAULT", 0, 1, EINVAL));
	assert_next(&log, line("mlock", 0, HELPER_PAGES + 4, ENOMEM));
	ck_assert_str_eq(log, "");
}
END_TEST

START_TEST(log_has_a_line_for_each_locked_mapping)
{
	const char *log = log_of("maps");

	ck_assert_str_eq(ran.out, MAPS_ON_FAULT);
	assert_start(&log);
	assert_next(&log, line("mmap MAP_LOCKED", 1, 3, 0));
	assert_next(&log, line("mmap MAP_LOCKED", 5, 2, 0));
	log = strchr(log, '\n') + 1;
	ck_assert_ptr_nonnull(strstr(log, ": mmap MAP_LOCKED "));
	ck_assert_ptr_nonnull(strstr(log, " 9\n"));	/* EBADF */
	ck_assert_ptr_eq(strchr(log, '\n') + 1, strchr(log, '\0'));
}
END_TEST

/* The program becomes another user, which must be able to open the log. */
static void make_public_log(void)
{
	char path[PATH_MAX];
	int fd;

	snprintf(path, sizeof(path), "%s/log", scratch);
	fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(fchmod(fd, 0666) || chmod(scratch, 0711), 0);
	close(fd);
}

START_TEST(log_tells_the_memory_that_mlockall_left_out)
{
	const char *log;
	char expected[128];

	make_public_log();
	log = log_of("limit-current");
	assert_start(&log);
	snprintf(expected, sizeof(expected),
		 "%d preload_helper: mlockall 0x0 1 0\n", ran.pid);
	assert_next(&log, expected);
	snprintf(expected, sizeof(expected),
		 "%d preload_helper: left out 0x0 ", ran.pid);
	assert_next(&log, expected);
	ck_assert_uint_ge(strtoul(log, NULL, 10), 64 << 20);
}
END_TEST

START_TEST(log_needs_no_descriptor_of_the_program)
{
	const char *log = log_of("descriptors");

	ck_assert_str_eq(ran.out, "ok .OOO.... 0\n3 0 4\n");
	assert_start(&log);
	assert_next(&log, line("mlock", 1, 3, 0));
	ck_assert_str_eq(log, "");
}
END_TEST

START_TEST(log_that_cannot_be_written_harms_nothing)
{
	ck_assert_str_eq(run("locks", "LOCKONFAULT_LOG=/nowhere/log", NULL),
			 LOCKS_ON_FAULT);
	ck_assert_str_eq(run("locks", "LOCKONFAULT_LOG=", NULL),
			 LOCKS_ON_FAULT);
}
END_TEST

/* Without harm each line ends with 0. */
START_TEST(log_raises_no_signal_and_never_blocks)
{
	ck_assert_str_eq(run("harm-log", "LOCKONFAULT_LOG=/dev/fd/200", NULL),
			 "limit 0\nlimit, ignored 0\nlimit, blocked 0\n"
			 "limit, pending 0\nreader 0\nreader, blocked 0\n"
			 "full 0\nlongjmp 0\nstopped 0\n"
			 "log from the background 0\nterminal 0\n");
}
END_TEST

START_TEST(message_raises_no_signal_and_never_blocks)
{
	ck_assert_str_eq(run("harm-stderr", NULL),
			 "limit 0\nclosed 0\nreader 0\nsmall 0\nfull 0\n"
			 "file 0\nsocket 0\nstopped 0\n"
			 "message from the background 0\nterminal 0\n");
}
END_TEST

/* The reasons are on standard error, and nothing without the variable. */
START_TEST(verbose_shim_reports_refused_locks)
{
	char line[256];

	ck_assert_str_eq(run_told("locks", "LOCKONFAULT_VERBOSE=1", NULL),
			 LOCKS_ON_FAULT);
	snprintf(line, sizeof(line), "lockonfault: %d preload_helper: mlock2 "
		 "MLOCK_ONFAULT refused, %ld bytes: EINVAL, the arguments are "
		 "invalid\n", ran.pid, sysconf(_SC_PAGESIZE));
	ck_assert_msg(strncmp(ran.err, line, strlen(line)) == 0, "%s", ran.err);
	snprintf(line, sizeof(line), "lockonfault: %d preload_helper: mlock "
		 "refused, %ld bytes: ENOMEM, RLIMIT_MEMLOCK does not allow it, "
		 "or memory in the range is not mapped\n", ran.pid,
		 (HELPER_PAGES + 4) * sysconf(_SC_PAGESIZE));
	ck_assert_ptr_nonnull(strstr(ran.err, line));
	ck_assert_str_eq(strstr(ran.err, line) + strlen(line), "");
	ck_assert_str_eq(run("locks", "LOCKONFAULT_VERBOSE=0", NULL),
			 LOCKS_ON_FAULT);
}
END_TEST

START_TEST(verbose_shim_reports_the_bytes_left_out)
{
	run_told("limit-fits", "LOCKONFAULT_VERBOSE=1", NULL);
	ck_assert_ptr_nonnull(strstr(ran.err, " bytes are not locked: "
				     "they do not fit RLIMIT_MEMLOCK\n"));
	/* Once, not again at the end. */
	run_told("limit-current", "LOCKONFAULT_VERBOSE=1", NULL);
	ck_assert_ptr_nonnull(strstr(ran.err, " bytes are not locked: "
				     "they do not fit RLIMIT_MEMLOCK\n"));
	ck_assert_ptr_eq(strchr(ran.err, '\n') + 1, strchr(ran.err, '\0'));
	run_told("bound", "LOCKONFAULT_VERBOSE=1", "LOCKONFAULT_MAX=8K", NULL);
	ck_assert_ptr_nonnull(strstr(ran.err, " bytes are not locked: they "
				     "were touched, and exceed "
				     "LOCKONFAULT_MAX\n"));
}
END_TEST

/* No memory is left out for want of room. */
static const struct {
	const char *program, *output;
} room[] = {
	{ "limit-stack", "ok ok OOOOOOOO 0\n" },
	{ "limit-exempt", "ok ok ok ..OOOOOO 0\n" },
	{ "limit-future", "ok ok ........ 0\n" },
};

START_TEST(verbose_shim_reports_no_limit_that_has_room)
{
	ck_assert_str_eq(run_told(room[_i].program, "LOCKONFAULT_VERBOSE=1",
				  NULL), room[_i].output);
	ck_assert_str_eq(ran.err, "");
}
END_TEST

TCase *log_case(void)
{
	TCase *tcase = tcase_create("log");

	tcase_set_timeout(tcase, 30);
	tcase_add_test(tcase, log_has_a_line_for_each_lock);
	tcase_add_test(tcase, log_has_a_line_for_each_locked_mapping);
	tcase_add_test(tcase, log_tells_the_memory_that_mlockall_left_out);
	tcase_add_test(tcase, log_needs_no_descriptor_of_the_program);
	tcase_add_test(tcase, log_that_cannot_be_written_harms_nothing);
	tcase_add_test(tcase, log_raises_no_signal_and_never_blocks);
	tcase_add_test(tcase, message_raises_no_signal_and_never_blocks);
	tcase_add_test(tcase, verbose_shim_reports_refused_locks);
	tcase_add_test(tcase, verbose_shim_reports_the_bytes_left_out);
	tcase_add_loop_test(tcase, verbose_shim_reports_no_limit_that_has_room,
			    0, sizeof(room) / sizeof(room[0]));
	return tcase;
}
