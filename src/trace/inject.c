/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The helper exists because a thread that does not stop stays traced as long as
 * its tracer lives. Then this helper ends, and another tries the next thread.
 */
#include "config.h"

#include "trace/inject.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "trace/thread_choice.h"
#include "trace/tracee.h"

#define TIMEOUT_MS	200	/* to wait for the stop of a thread */
#define MOST_SKIPPED	8	/* threads */
#define MOST_ATTEMPTS	30
#define MOST_EMPTY	5	/* attempts without a thread */
#define RETRY_NS	1000000	/* between attempts */
/*
 * Between stops. A thread that waits for the lock of the memory needs so long to
 * wake up; otherwise the next call takes the lock before it, until the kernel
 * hands the lock over, after 4 ms and more.
 */
#define GAP_NS		200000

/* Linux 6.4 */
#define GET_DISPATCH	((enum __ptrace_request)0x4211)
struct dispatch {
	uint64_t mode, selector, offset, len;
};

/* Shared with the helper. */
struct injection {
	pid_t pid;
	bool through_filters;
	pid_t skip[MOST_SKIPPED];	/* threads that must not be tried again */
	size_t nskip;
	int err;			/* of the helper */
	size_t next, ncalls;
	struct lof_injected calls[];
};

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static bool is_dispatched(pid_t tid)
{
	struct dispatch dispatch = { 0 };

	return ptrace(GET_DISPATCH, tid, (void *)sizeof(dispatch),
		      &dispatch) == 0 && dispatch.mode;
}

/* Make the calls of one stop in a stopped thread. */
static int make_calls(struct injection *injection, struct lof_tracee *tracee)
{
	struct lof_injected *calls = injection->calls;
	size_t i = injection->next;
	int err;

	if (is_dispatched(tracee->tid))
		return -EBUSY;
	do {
		err = lof_tracee_call(tracee, calls[i].call, calls[i].args,
				      &calls[i].result);
		calls[i].is_made = !err;
		i++;
	} while (!err && i < injection->ncalls && calls[i].joins);
	if (!err)
		injection->next = i;
	return err;
}

/*
 * The calls count as made even if the thread was killed afterwards. If no
 * instruction was found, the thread has its registers and its mask still, but
 * it must be detached.
 */
static int stop_thread(struct injection *injection, pid_t tid)
{
	struct lof_injected *first = &injection->calls[injection->next];
	struct lof_tracee tracee;
	uint64_t start = now_ns();
	int ended, err = lof_tracee_interrupt(&tracee, tid, TIMEOUT_MS);

	if (err == -ENOEXEC)
		lof_tracee_detach(tid, 0);
	if (err)
		return err;
	err = make_calls(injection, &tracee);
	ended = lof_tracee_end(&tracee);
	lof_tracee_detach(tid, lof_tracee_signal(&tracee));
	first->stop_ns = now_ns() - start;
	if (ended == -ESRCH)
		lof_tracee_reap(tid, TIMEOUT_MS);
	return err;
}

static int try_thread(struct injection *injection,
		      const struct lof_thread *thread)
{
	bool suspends = thread->is_confined && !injection->through_filters;
	int reaped, err = lof_tracee_seize(thread->tid, suspends ?
					   PTRACE_O_SUSPEND_SECCOMP : 0);

	if (err)
		return err;
	err = stop_thread(injection, thread->tid);
	if (err != -ESRCH)
		return err;
	reaped = lof_tracee_reap(thread->tid, TIMEOUT_MS);
	return reaped ? reaped : err;
}

static void pause_for(long ns)
{
	const struct timespec time = { 0, ns };

	nanosleep(&time, NULL);
}

static int choose_and_try(struct injection *injection,
			  struct lof_thread *thread)
{
	int err = lof_thread_choose(thread, injection->pid, injection->skip,
				    injection->nskip);

	if (err)
		return err;
	err = try_thread(injection, thread);
	if (err != -EPERM)
		return err;
	/* Also a thread that is just ending gives EPERM. */
	pause_for(RETRY_NS);
	return try_thread(injection, thread);
}

/*
 * Make one stop, in one thread or another. While a process executes a program,
 * it has no thread that can be traced for a moment.
 */
static int make_stop(struct injection *injection)
{
	struct lof_thread thread;
	int err, last = -ESRCH, nempty = 0;

	for (int i = 0; i < MOST_ATTEMPTS; i++) {
		err = choose_and_try(injection, &thread);
		if (err == -ESRCH) {
			if (++nempty == MOST_EMPTY)
				return last;
			pause_for(RETRY_NS);
			continue;
		}
		if (err != -EPERM && err != -ETIMEDOUT)
			return err;
		last = err;
		if (injection->nskip == MOST_SKIPPED)
			return err;
		injection->skip[injection->nskip++] = thread.tid;
		if (err == -ETIMEDOUT)
			return err;
	}
	return last;
}

/*
 * On a loaded machine the stop would last until this process is scheduled. It
 * sleeps nearly all the time. Without CAP_SYS_NICE this has no effect.
 */
static void raise_priority(void)
{
	const struct sched_param lowest = { .sched_priority = 1 };

	sched_setscheduler(0, SCHED_RR, &lowest);
}

/* The command may have been interrupted: then its helper stops nothing more. */
static void __attribute__((noreturn)) help(struct injection *injection,
					   pid_t parent)
{
	sigset_t all;
	int err = 0;

	/* Only SIGCHLD tells of the stops; other signals must not end it. */
	signal(SIGCHLD, SIG_DFL);
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	raise_priority();
	while (!err && injection->next < injection->ncalls &&
	       getppid() == parent) {
		err = make_stop(injection);
		if (injection->next < injection->ncalls)
			pause_for(GAP_NS);
	}
	injection->err = err;
	_exit(0);
}

static int run_helper(struct injection *injection)
{
	pid_t child, got, self = getpid();
	int status;

	injection->err = -ECHILD;
	child = fork();
	if (child < 0)
		return -errno;
	if (child == 0)
		help(injection, self);
	do
		got = waitpid(child, &status, 0);
	while (got < 0 && errno == EINTR);
	return injection->err;
}

/* A thread that does not stop is in skip[] then. */
static int run_helpers(struct injection *injection)
{
	size_t nskip;
	int err;

	do {
		nskip = injection->nskip;
		err = run_helper(injection);
	} while (err == -ETIMEDOUT && injection->nskip > nskip);
	return err;
}

int lof_inject(pid_t pid, bool through_filters, struct lof_injected *calls,
	       size_t ncalls)
{
	size_t size = ncalls * sizeof(*calls), i;
	size_t len = sizeof(struct injection) + size;
	struct injection *shared;
	int err;

	if (!lof_tracee_is_supported())
		return -ENOTSUP;
	shared = mmap(NULL, len, PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		return -errno;
	shared->pid = pid;
	shared->through_filters = through_filters;
	shared->ncalls = ncalls;
	for (i = 0; i < ncalls; i++) {
		shared->calls[i] = calls[i];
		shared->calls[i].is_made = false;
	}
	err = run_helpers(shared);
	memcpy(calls, shared->calls, size);
	munmap(shared, len);
	return err;
}
