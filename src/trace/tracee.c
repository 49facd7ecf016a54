/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ptrace(2) of a thread. In a call, the tracee runs no instruction but a system
 * call instruction of its own memory, from the stop before the call to the stop
 * after it: a single step or a breakpoint would change its disposition of
 * SIGTRAP.
 */
#include "config.h"

#include "trace/tracee.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <time.h>

#include "trace/insn.h"
#include "trace/regs.h"
#include "trace/resume.h"

#define SYSCALL_STOP	(SIGTRAP | 0x80)	/* PTRACE_O_TRACESYSGOOD */
#define TICK_MS		5
#define MASK_SIZE	((void *)sizeof(uint64_t))	/* of the kernel */

bool lof_tracee_is_supported(void)
{
	return LOF_TRACE_IS_SUPPORTED;
}

static int error_of(long result)
{
	return result < 0 ? -errno : 0;
}

int lof_tracee_seize_until_exec(pid_t pid)
{
	return error_of(ptrace(PTRACE_SEIZE, pid, NULL,
			       PTRACE_O_TRACEEXEC | PTRACE_O_TRACESYSGOOD));
}

int lof_tracee_seize(pid_t tid, unsigned long options)
{
	return error_of(ptrace(PTRACE_SEIZE, tid, NULL,
			       options | PTRACE_O_TRACESYSGOOD));
}

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/*
 * Wait for a change of a child, but not for long: the kernel loses this signal
 * if another thread of the tracee executes a program in that moment.
 */
static void wait_for_tick(void)
{
	const struct timespec tick = { 0, TICK_MS * 1000000 };
	sigset_t child;

	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	sigtimedwait(&child, NULL, &tick);
}

/*
 * Look so often before this process sleeps, about 100 us: on another CPU, the
 * tracee stops before this process has gone to sleep and has woken up again.
 */
static int most_spins(void)
{
	cpu_set_t cpus;

	return sched_getaffinity(0, sizeof(cpus), &cpus) == 0 &&
	       CPU_COUNT(&cpus) == 1 ? 0 : 300;
}

/* Get the next stop. -ESRCH: the tracee has ended. deadline 0: there is none */
static int wait_for_stop(pid_t pid, int *status, int64_t deadline)
{
	int spins = most_spins();
	pid_t got;

	for (;;) {
		got = waitpid(pid, status, __WALL | WNOHANG);
		if (got > 0)
			return WIFSTOPPED(*status) ? 0 : -ESRCH;
		if (got < 0 && errno != EINTR)
			return -ESRCH;
		if (spins-- > 0)
			continue;
		if (deadline && now_ms() > deadline)
			return -ETIMEDOUT;
		wait_for_tick();
	}
}

static bool stops_process(int sig)
{
	return sig == SIGSTOP || sig == SIGTSTP || sig == SIGTTIN ||
	       sig == SIGTTOU;
}

/* The stop of a thread that is interrupted, or whose process is stopped. */
static bool is_event_stop(int status)
{
	return status >> 16 == PTRACE_EVENT_STOP;
}

static bool is_group_stop(int status)
{
	return is_event_stop(status) && stops_process(WSTOPSIG(status));
}

static int signal_of(int status)
{
	return status >> 16 || WSTOPSIG(status) == SYSCALL_STOP ?
	       0 : WSTOPSIG(status);
}

/*
 * Let the tracee go on from a stop that is not the one that is waited for. If
 * its process is stopped, it must not run, unless it is in the midst of a call
 * (PTRACE_SYSCALL): it will be stopped again when it is not traced any more.
 */
static int pass_on(pid_t pid, int status, enum __ptrace_request request)
{
	if (is_group_stop(status) && request == PTRACE_CONT)
		request = PTRACE_LISTEN;
	return error_of(ptrace(request, pid, NULL, (long)signal_of(status)));
}

/* Go on by `request` to a stop with this value of status >> 8. */
static int go_to(pid_t pid, enum __ptrace_request request, int wanted)
{
	int status, err;

	for (;;) {
		err = wait_for_stop(pid, &status, 0);
		if (err || status >> 8 == wanted)
			return err;
		err = pass_on(pid, status, request);
		if (err)
			return err;
	}
}

/* Go on to the entry of the next system call, or from there to its end. */
static int go_to_syscall_stop(pid_t pid)
{
	int err = error_of(ptrace(PTRACE_SYSCALL, pid, NULL, NULL));

	return err ? err : go_to(pid, PTRACE_SYSCALL, SYSCALL_STOP);
}

int lof_tracee_wait_for_exec(pid_t pid)
{
	int err = go_to(pid, PTRACE_CONT,
			SIGTRAP | PTRACE_EVENT_EXEC << 8);

	/* The event stops the tracee inside execve(). */
	return err ? err : go_to_syscall_stop(pid);
}

/* Make the prepared call; then regs are those after it. */
static int make_call(pid_t pid, struct lof_regs *regs)
{
	int err = lof_regs_set(pid, regs);

	if (!err)
		err = go_to_syscall_stop(pid);
	if (!err)
		err = go_to_syscall_stop(pid);
	return err ? err : lof_regs_get(pid, regs);
}

static int set_mask(pid_t tid, uint64_t mask)
{
	return error_of(ptrace(PTRACE_SETSIGMASK, tid, MASK_SIZE, &mask));
}

/* A handler must not run in the midst of a call. */
static int block_signals(struct lof_tracee *tracee)
{
	if (ptrace(PTRACE_GETSIGMASK, tracee->tid, MASK_SIZE, &tracee->mask))
		return -errno;
	return set_mask(tracee->tid, ~UINT64_C(0));
}

int lof_tracee_begin(struct lof_tracee *tracee, pid_t tid)
{
	int err;

	*tracee = (struct lof_tracee){ .tid = tid };
	err = lof_regs_get(tid, &tracee->saved);
	if (err)
		return err;
	tracee->insn = lof_insn_find(tid, &tracee->saved);
	return tracee->insn ? block_signals(tracee) : -ENOEXEC;
}

int lof_tracee_ask(pid_t tid)
{
	return error_of(ptrace(PTRACE_INTERRUPT, tid, NULL, NULL));
}

/* Wait until the thread has stopped. *status is that of its stop. */
static int wait_until_asked(pid_t tid, int *status, unsigned int timeout_ms)
{
	int64_t deadline = now_ms() + timeout_ms;
	int err = 0;

	while (!err) {
		err = wait_for_stop(tid, status, deadline);
		if (err || is_event_stop(*status))
			break;
		err = pass_on(tid, *status, PTRACE_CONT);
	}
	return err;
}

int lof_tracee_await(struct lof_tracee *tracee, pid_t tid,
		     unsigned int timeout_ms)
{
	int status, err = wait_until_asked(tid, &status, timeout_ms);

	if (err)
		return err;
	err = lof_tracee_begin(tracee, tid);
	tracee->status = status;
	return err;
}

/* A thread that was stopped just before may not be in its call again. */
static void read_blocked(pid_t tid, struct lof_blocked_call *blocked)
{
	const struct timespec tick = { 0, 1000000 };

	for (int i = 0; LOF_REGS_NEED_BLOCKED && i < 4; i++) {
		lof_blocked_call_read(tid, blocked);
		if (blocked->number >= 0)
			break;
		nanosleep(&tick, NULL);
	}
}

int lof_tracee_interrupt(struct lof_tracee *tracee, pid_t tid,
			 unsigned int timeout_ms)
{
	struct lof_blocked_call blocked = { .number = -1 };
	int err;

	read_blocked(tid, &blocked);
	err = lof_tracee_ask(tid);
	if (!err)
		err = lof_tracee_await(tracee, tid, timeout_ms);
	if (err && err != -ENOEXEC)
		return err;
	tracee->was_interrupted = true;
	tracee->blocked = blocked;
	if (err)
		return err;
	tracee->is_undone = lof_regs_is_undone(&tracee->saved, &blocked);
	lof_resume_fix(tid, &tracee->saved, tracee->mask, &blocked);
	return 0;
}

int lof_tracee_call(struct lof_tracee *tracee, enum lof_traced call,
		    const uint64_t args[6], long *result)
{
	struct lof_regs regs = tracee->saved;
	int err;

	lof_regs_call(&regs, tracee->insn, call, args);
	err = make_call(tracee->tid, &regs);
	*result = lof_regs_result(&regs);
	return err;
}

/*
 * Go to a stop inside the kernel's handling of signals: after it the kernel
 * looks at the restored registers, and restarts the system call.
 */
static int settle(struct lof_tracee *tracee)
{
	pid_t tid = tracee->tid;
	int err = error_of(ptrace(PTRACE_INTERRUPT, tid, NULL, NULL));

	do {
		if (!err)
			err = error_of(ptrace(PTRACE_CONT, tid, NULL, NULL));
		if (!err)
			err = wait_for_stop(tid, &tracee->status, 0);
	} while (!err && !is_event_stop(tracee->status) &&
		 !signal_of(tracee->status));
	return err;
}

static int reinstate(struct lof_tracee *tracee)
{
	struct lof_regs regs = tracee->saved;
	int err;

	lof_regs_replay(&regs, tracee->insn);
	err = make_call(tracee->tid, &regs);
	lof_regs_reinstate(&tracee->saved, &tracee->blocked);
	return err;
}

int lof_tracee_end(struct lof_tracee *tracee)
{
	int err = tracee->is_undone ? reinstate(tracee) : 0;

	if (!err)
		err = lof_regs_set(tracee->tid, &tracee->saved);
	if (!err)
		err = set_mask(tracee->tid, tracee->mask);
	return !err && tracee->was_interrupted ? settle(tracee) : err;
}

int lof_tracee_signal(const struct lof_tracee *tracee)
{
	return signal_of(tracee->status);
}

int lof_tracee_reap(pid_t tid, unsigned int timeout_ms)
{
	int64_t deadline = now_ms() + timeout_ms;
	int status, err;

	do {
		err = wait_for_stop(tid, &status, deadline);
		if (!err)
			lof_tracee_detach(tid, signal_of(status));
	} while (!err);
	return err == -ESRCH ? 0 : err;
}

void lof_tracee_detach(pid_t tid, int sig)
{
	ptrace(PTRACE_DETACH, tid, NULL, (long)sig);
}
