/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Run a log in a child, and check after each operation. The parent never calls
 * the library, so each child begins with a fresh one.
 */
#include "config.h"

#include "random/calls.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "random/random.h"

#define UNTOUCHED	7777	/* a value that no call gives errno */
#define PATIENCE_S	120	/* for NPATIENT operations */
#define NPATIENT	1024
#define NCHARGES	32	/* operations between two checks of VmLck */

struct report *report;
bool in_child;

void report_make(void)
{
	report = mmap(NULL, sizeof(*report), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (report == MAP_FAILED) {
		perror("mmap");
		exit(99);
	}
}

void complain(const char *format, ...)
{
	size_t used = strlen(report->text);
	va_list args;

	report->failed = true;
	va_start(args, format);
	vsnprintf(report->text + used, sizeof(report->text) - used, format,
		  args);
	va_end(args);
}

/*
 * Grow the stack now: the library would not see it grow later. Not inlined, or
 * all later frames would lie deeper.
 */
__attribute__((noinline))
static void use_stack(void)
{
	volatile char stack[256 << 10];

	for (size_t i = 0; i < sizeof(stack); i += 1024)
		stack[i] = 1;
}

static bool is_ok(size_t i)
{
	return !report->failed && oracle_agrees() &&
	       (i % NCHARGES || oracle_charge_agrees());
}

static bool step(const struct log *log, size_t i)
{
	const struct op *op = &log->op[i];
	int ret;

	report->at = i;
	if (i % NPATIENT == 0)
		alarm(PATIENCE_S);
	errno = UNTOUCHED;
	ret = apply(op);
	if (ret == 0)
		report->good[op->kind]++;
	else if (ret < 0)
		report->bad[op->kind]++;
	return is_ok(i);
}

static bool run_from(const struct log *log, size_t first);

/* The child does the operations up to the next END. */
static size_t end_of_child(const struct log *log, size_t i)
{
	while (i < log->n && log->op[i].kind != OP_END)
		i++;
	return i;
}

static void be_child(const struct log *log, size_t i, size_t end)
{
	struct log part = { end, log->op };

	in_child = true;
	oracle_open();
	holds_reset();
	_exit(is_ok(0) && run_from(&part, i + 1) &&
	      oracle_charge_agrees() ? 0 : 1);
}

static bool fork_at(const struct log *log, size_t i, size_t end)
{
	int status = 0;
	pid_t pid;

	memory_keep_in_child();
	pid = fork();
	if (pid == 0)
		be_child(log, i, end);
	if (pid < 0)
		return true;
	waitpid(pid, &status, 0);
	if (!status)
		report->at = i;
	else if (!report->failed)
		complain("the child of fork ended with status %x\n",
			 (unsigned int)status);
	return !report->failed && is_ok(0);
}

static bool run_from(const struct log *log, size_t first)
{
	for (size_t i = first; i < log->n; i++) {
		if (log->op[i].kind == OP_FORK && !in_child) {
			size_t end = end_of_child(log, i);

			report->good[OP_FORK]++;
			if (!fork_at(log, i, end))
				return false;
			i = end;
		} else if (!step(log, i)) {
			return false;
		}
	}
	return true;
}

static bool nothing_is_left(void)
{
	/*
	 * Let munlockall() unlock held memory too: under a lower limit it could
	 * not lock that again. The holds end with their memory.
	 */
	lof_set(LOF_HOLDS, LOF_HOLDS_YIELD);
	if (CALL(munlockall)() == 0) {
		memory_drop();
		return oracle_nothing_is_locked();
	}
	complain("munlockall failed: errno %d\n", errno);
	return false;
}

static void be_runner(const struct log *log)
{
	oracle_repairs = false;
	use_stack();
	touch_prepare();
	oracle_open();
	memory_make();
	holds_reset();
	_exit(run_from(log, 0) && nothing_is_left() ? 0 : 1);
}

bool run(const struct log *log)
{
	int status = 0;
	pid_t pid;

	report->failed = false;
	report->at = 0;
	memset(report->text, 0, sizeof(report->text));
	fflush(NULL);
	pid = fork();
	if (pid == 0)
		be_runner(log);
	if (pid < 0 || waitpid(pid, &status, 0) != pid) {
		perror("fork");
		exit(99);
	}
	if (WIFSIGNALED(status))
		complain("signal %d\n", WTERMSIG(status));
	return status == 0;
}
