/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A filter of seccomp announces a call. The thread waits in it until the
 * supervisor answers. Steps for each call:
 *
 *   1. seize the thread, and ask it to stop: it does not yet
 *   2. answer -ERESTARTNOINTR: the kernel will make the call again
 *   3. the thread stops on its way back to the program
 *   4. make the calls on fault in its name, set the result, let it go
 *
 * The thread is traced for these microseconds only. In step 4, "make it again"
 * is a valid end, too: then it comes back, and may be told to go on by itself.
 */
#include "config.h"

#include "trace/supervisor.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kernel/sys.h"
#include "preload/settings.h"
#include "trace/descriptor.h"
#include "trace/helper.h"
#include "trace/lock_filter.h"
#include "trace/rewrite.h"
#include "trace/thread_status.h"
#include "trace/tracee.h"

#ifndef PTRACE_O_SUSPEND_SECCOMP
#define PTRACE_O_SUSPEND_SECCOMP (1 << 21)
#endif

#define ERESTARTNOINTR	513	/* of the kernel, which does not export it */
#define STOP_MS		500
#define TICK_MS		5
#define LEFT_MAX	8

/* A tracee that has not stopped yet, or dies. */
struct left {
	pid_t tid, pid;
};

struct supervisor {
	const struct lof_supervision *how;
	int listener;
	unsigned int nfilters;	/* of a process without filters of its own */
	pid_t own;		/* the next call of this thread is its own */
	pid_t said;		/* say() has named this process */
	unsigned int nleft;
	struct left left[LEFT_MAX];
};

/* A call that a thread waits in. */
struct call {
	struct seccomp_notif announced;
	struct lof_locking_call locking;
	struct lof_thread_status status;
	pid_t tid;
};

static void answer(const struct supervisor *supervisor,
		   const struct call *call, int error, uint32_t flags)
{
	struct seccomp_notif_resp response = {
		.id = call->announced.id, .error = error, .flags = flags
	};

	/* It fails if the thread was killed. */
	ioctl(supervisor->listener, SECCOMP_IOCTL_NOTIF_SEND, &response);
}

static const char *name_of(const struct lof_locking_call *call)
{
	return call->call == LOF_TRACED_MLOCK ? "mlock" :
	       call->call == LOF_TRACED_MLOCKALL ? "mlockall" : "mmap";
}

/* Once for a process, or nearly. */
static void say(struct supervisor *supervisor, const struct call *call,
		const char *why)
{
	if (supervisor->said == call->status.pid)
		return;
	supervisor->said = call->status.pid;
	dprintf(STDERR_FILENO, "lockonfault: %d %s: %s is not made on fault: "
		"%s\n", (int)call->status.pid, call->status.name,
		name_of(&call->locking), why);
}

/* A line like those of the shim: PID NAME: CALL ADDRESS LENGTH ERRNO. */
static void write_log(const struct supervisor *supervisor,
		      const struct call *call, const char *kind, int error)
{
	const uint64_t *args = call->locking.args;
	bool is_all = call->locking.call == LOF_TRACED_MLOCKALL;
	int fd;

	if (!supervisor->how->log)
		return;
	fd = lof_sys_open_log(supervisor->how->log);
	if (fd < 0)
		return;
	dprintf(fd, "%d %s: %s%s 0x%llx %llu %d\n", (int)call->status.pid,
		call->status.name, kind, name_of(&call->locking),
		is_all ? 0 : (unsigned long long)args[0],
		(unsigned long long)args[is_all ? 0 : 1], error);
	close(fd);
}

/* The program makes the call itself, in full. */
static void leave_to_program(struct supervisor *supervisor,
			     const struct call *call, const char *why)
{
	if (why && supervisor->how->is_verbose)
		say(supervisor, call, why);
	if (why)
		write_log(supervisor, call, "in full: ", 0);
	answer(supervisor, call, 0, SECCOMP_USER_NOTIF_FLAG_CONTINUE);
}

static bool is_waiting(const struct supervisor *supervisor,
		       const struct call *call)
{
	return ioctl(supervisor->listener, SECCOMP_IOCTL_NOTIF_ID_VALID,
		     &call->announced.id) == 0;
}

/*
 * Let a tracee go, if it has stopped or ended. The parent of a dead one waits
 * for its tracer.
 */
static bool let_go(pid_t tid)
{
	int status;
	pid_t got = waitpid(tid, &status, __WALL | WNOHANG);

	if (got > 0 && WIFSTOPPED(status))
		lof_tracee_detach(tid, status >> 16 ? 0 : WSTOPSIG(status));
	return got != 0;
}

static void collect_left(struct supervisor *supervisor)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < supervisor->nleft; i++)
		if (!let_go(supervisor->left[i].tid))
			supervisor->left[n++] = supervisor->left[i];
	supervisor->nleft = n;
}

/*
 * Does a process have a thread that is left? While a dying thread is not
 * collected, execve() of another thread of its process waits for it, and a
 * tracer that seizes a third thread would wait for the execve(). So the calls
 * of that process are left to its threads, most of which die before they make
 * them.
 */
static bool is_dying(const struct supervisor *supervisor, pid_t pid)
{
	for (unsigned int i = 0; i < supervisor->nleft; i++)
		if (supervisor->left[i].pid == pid)
			return true;
	return false;
}

static void release(struct supervisor *supervisor, const struct call *call)
{
	if (ptrace(PTRACE_DETACH, call->tid, NULL, NULL) == 0)
		return;
	while (supervisor->nleft == LEFT_MAX) {
		poll(NULL, 0, TICK_MS);
		collect_left(supervisor);
	}
	supervisor->left[supervisor->nleft++] =
		(struct left){ call->tid, call->status.pid };
	collect_left(supervisor);
}

/* Make the call in the name of a stopped thread. */
static void replace(struct supervisor *supervisor, struct call *call,
		    struct lof_tracee *tracee)
{
	uint64_t ip = call->announced.data.instruction_pointer;
	long result = 0;
	int err;

	/* A signal handler came first: the call will be made again. */
	if (!lof_regs_restart(&tracee->saved, ip)) {
		lof_tracee_end(tracee);
		return;
	}
	err = lof_rewrite(tracee, &call->locking, &result);
	if (err == -EAGAIN)
		supervisor->own = call->tid;
	else if (err)
		return;
	else
		lof_regs_set_result(&tracee->saved, ip, result);
	lof_tracee_end(tracee);
	if (!err)
		write_log(supervisor, call, "", result < 0 && result >= -4095 ?
						(int)-result : 0);
}

static void stop_and_replace(struct supervisor *supervisor, struct call *call)
{
	struct lof_tracee tracee;
	int err;

	lof_tracee_ask(call->tid);
	answer(supervisor, call, -ERESTARTNOINTR, 0);
	err = lof_tracee_await(&tracee, call->tid, STOP_MS);
	if (!err)
		replace(supervisor, call, &tracee);
	else if (err == -ENOEXEC || err == -ENOTSUP)
		supervisor->own = call->tid;
	release(supervisor, call);
}

/*
 * A filter of the program might kill it for mlock2, which the program never
 * calls. With CAP_SYS_ADMIN filters can be suspended.
 */
static const char *seize(const struct supervisor *supervisor,
			 const struct call *call)
{
	bool is_filtered = call->status.nfilters != supervisor->nfilters;

	if (lof_tracee_seize(call->tid, is_filtered ? PTRACE_O_SUSPEND_SECCOMP
						    : 0) == 0)
		return NULL;
	if (is_filtered && lof_tracee_seize(call->tid, 0) == 0) {
		lof_tracee_detach(call->tid, 0);
		return "it has a filter of its own (seccomp)";
	}
	return "it is traced already, or must not be traced";
}

/* Get the next call. false: the thread was interrupted or killed. */
static bool receive(const struct supervisor *supervisor, struct call *call)
{
	struct seccomp_notif *announced = &call->announced;

	*call = (struct call){ .tid = 0 };
	if (ioctl(supervisor->listener, SECCOMP_IOCTL_NOTIF_RECV, announced))
		return false;
	call->tid = (pid_t)announced->pid;
	call->locking.strips_populate = supervisor->how->strips_populate;
	for (int i = 0; i < 6; i++)
		call->locking.args[i] = announced->data.args[i];
	return true;
}

static void serve(struct supervisor *supervisor)
{
	struct call call;
	const char *why;

	if (!receive(supervisor, &call))
		return;
	if (call.tid == supervisor->own) {
		supervisor->own = 0;
		leave_to_program(supervisor, &call, NULL);
		return;
	}
	if (!lof_traced_find(call.announced.data.arch, call.announced.data.nr,
			     &call.locking.call, &call.locking.is_32) ||
	    lof_thread_status_read(call.tid, &call.status)) {
		leave_to_program(supervisor, &call, NULL);
		return;
	}
	if (lof_setting_wants_eager(call.status.name) ||
	    is_dying(supervisor, call.status.pid) ||
	    !lof_rewrite_may(&call.locking, call.tid, &call.status)) {
		leave_to_program(supervisor, &call, NULL);
		return;
	}
	why = seize(supervisor, &call);
	if (!why && is_waiting(supervisor, &call))
		stop_and_replace(supervisor, &call);
	else if (!why)
		release(supervisor, &call);
	else if (is_waiting(supervisor, &call))
		leave_to_program(supervisor, &call, why);
}

/* Until no process is under the filter any more. */
static void serve_all(struct supervisor *supervisor)
{
	struct pollfd poll_of = { supervisor->listener, POLLIN, 0 };

	for (;;) {
		int n = poll(&poll_of, 1, supervisor->nleft > 0 ? TICK_MS : -1);

		collect_left(supervisor);
		if (n > 0 && poll_of.revents & POLLIN)
			serve(supervisor);
		else if (n > 0 && poll_of.revents)
			return;
	}
}

/*
 * Keep nothing that belongs to the program: no descriptor, since a reader would
 * wait for the end of a pipe; no directory; no place in its session, since a
 * signal may go to its group. Returns the new socket.
 */
static int leave_program(const struct supervisor *supervisor, int fd)
{
	const int socket = STDERR_FILENO + 1;

	if (fd != socket)
		dup2(fd, socket);
	syscall(SYS_close_range, socket + 1, ~0U, 0);
	close(STDIN_FILENO);
	close(STDOUT_FILENO);
	if (!supervisor->how->is_verbose)
		close(STDERR_FILENO);
	setsid();
	if (chdir("/"))
		_exit(1);
	return socket;
}

static void supervise(pid_t pid, int fd, const void *how)
{
	struct supervisor supervisor = { .how = how };
	struct lof_thread_status status;

	fd = leave_program(&supervisor, fd);
	supervisor.listener = lof_descriptor_receive(fd);
	if (supervisor.listener < 0 || lof_thread_status_read(pid, &status))
		_exit(1);
	supervisor.nfilters = status.nfilters;
	if (write(fd, "", 1) != 1)
		_exit(1);
	close(fd);
	serve_all(&supervisor);
	_exit(0);
}

/* Without the supervisor the calls fail with ENOSYS: so be sure of it. */
static int hand_over(int fd, int listener)
{
	int err = lof_descriptor_send(fd, listener);
	char ready;

	close(listener);
	if (!err && read(fd, &ready, 1) != 1)
		err = -ECHILD;
	return err;
}

bool lof_supervise_keeps_gains(void)
{
	struct lof_thread_status status;

	return !lof_thread_status_read(getpid(), &status) && status.is_admin;
}

int lof_supervise(const struct lof_supervision *how)
{
	int fd, err, listener;

	if (!lof_tracee_is_supported())
		return -ENOTSUP;
	err = lof_helper_start(supervise, how, &fd);
	if (err)
		return err;
	err = lof_lock_filter_install(how->strips_populate, &listener);
	if (!err)
		err = hand_over(fd, listener);
	close(fd);
	return err;
}
