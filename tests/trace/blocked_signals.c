/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The states that have to do with signals and with seccomp. */
#include "config.h"

#include "blocked.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t nsignals;
static pid_t parent;

static void count(int sig)
{
	(void)sig;
	nsignals++;
}

static void send_usr1(void)
{
	kill(parent, SIGUSR1);
}

static void expect_usr1(void)
{
	parent = getpid();
	on_signal(SIGUSR1, count, SA_RESTART);
}

const char *run_sigsuspend(void)
{
	sigset_t mask, during;

	expect_usr1();
	sigemptyset(&mask);
	sigaddset(&mask, SIGUSR1);
	sigprocmask(SIG_BLOCK, &mask, NULL);
	sigemptyset(&during);
	later(send_usr1);
	is_ready();
	sigsuspend(&during);
	sigprocmask(SIG_BLOCK, NULL, &mask);
	return nsignals != 1 ? "no signal" :
	       !sigismember(&mask, SIGUSR1) ? "the mask is another" : NULL;
}

const char *run_pause(void)
{
	expect_usr1();
	later(send_usr1);
	is_ready();
	pause();
	return nsignals == 1 ? NULL : "no signal";
}

static void wait_set(sigset_t *set)
{
	parent = getpid();
	sigemptyset(set);
	sigaddset(set, SIGUSR1);
	sigprocmask(SIG_BLOCK, set, NULL);
}

const char *run_sigwaitinfo(void)
{
	sigset_t set;

	wait_set(&set);
	later(send_usr1);
	is_ready();
	return sigwaitinfo(&set, NULL) == SIGUSR1 ? NULL : "no signal";
}

const char *run_sigtimedwait(void)
{
	struct timespec time = { duration_ms / 1000,
				 duration_ms % 1000 * 1000000L };
	sigset_t set;

	wait_set(&set);
	is_ready();
	return sigtimedwait(&set, NULL, &time) == -1 && errno == EAGAIN ?
		NULL : "no EAGAIN";
}

static void start_alarms(int flags)
{
	const struct itimerval every = { { 0, 1000 }, { 0, 1000 } };

	on_signal(SIGALRM, count, flags);
	setitimer(ITIMER_REAL, &every, NULL);
}

static void write_byte(void)
{
}

/* read() must not end before the writer does. */
const char *run_alarms_restarted(void)
{
	int fd[2];
	char byte;

	if (pipe(fd))
		return "pipe";
	later(write_byte);
	close(fd[1]);
	start_alarms(SA_RESTART);
	is_ready();
	if (read(fd[0], &byte, 1) != 0)
		return "EINTR";
	return nsignals > duration_ms / 20 ? NULL : "signals are lost";
}

/* Each EINTR has a signal. */
const char *run_alarms(void)
{
	struct timespec start, now, most = { 1, 0 };
	int last = 0;

	clock_gettime(CLOCK_MONOTONIC, &start);
	start_alarms(0);
	is_ready();
	do {
		if (nanosleep(&most, NULL) == 0)
			return "no EINTR";
		if (nsignals == last)
			return "EINTR without a signal";
		last = nsignals;
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while ((now.tv_sec - start.tv_sec) * 1000 +
		 (now.tv_nsec - start.tv_nsec) / 1000000 < duration_ms);
	return nsignals > duration_ms / 20 ? NULL : "signals are lost";
}

static void handle_busily(int sig)
{
	struct timespec start, now;

	clock_gettime(CLOCK_MONOTONIC, &start);
	count(sig);
	do
		clock_gettime(CLOCK_MONOTONIC, &now);
	while ((now.tv_sec - start.tv_sec) * 1000 +
	       (now.tv_nsec - start.tv_nsec) / 1000000 < duration_ms);
}

static void handle_asleep(int sig)
{
	struct timespec time = { duration_ms / 1000,
				 duration_ms % 1000 * 1000000L };

	count(sig);
	if (nanosleep(&time, NULL))
		_exit(95);
}

static const char *run_in_handler(void (*handler)(int))
{
	stack_t stack = { .ss_sp = malloc(65536), .ss_size = 65536 };

	sigaltstack(&stack, NULL);
	on_signal(SIGUSR2, handler, SA_ONSTACK);
	is_ready();
	raise(SIGUSR2);
	return nsignals == 1 ? NULL : "the handler ran more than once";
}

const char *run_in_handler_busy(void)
{
	return run_in_handler(handle_busily);
}

const char *run_in_handler_asleep(void)
{
	return run_in_handler(handle_asleep);
}

const char *run_sigtrap_ignored(void)
{
	struct sigaction action;

	on_signal(SIGTRAP, SIG_IGN, 0);
	is_ready();
	doze(duration_ms);
	sigaction(SIGTRAP, NULL, &action);
	return action.sa_handler == SIG_IGN ? NULL :
		"SIGTRAP is not ignored any more";
}

const char *run_all_blocked(void)
{
	struct sigaction action;
	sigset_t all, now;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	on_signal(SIGTRAP, count, 0);
	is_ready();
	doze(duration_ms);
	sigprocmask(SIG_BLOCK, NULL, &now);
	sigaction(SIGTRAP, NULL, &action);
	return action.sa_handler != count ? "SIGTRAP has another handler" :
	       !sigismember(&now, SIGTRAP) || !sigismember(&now, SIGUSR1) ?
	       "the mask is another" : NULL;
}

/* Ready before it stops: a stop in the first attachment is welcome, too. */
const char *run_stopped(void)
{
	is_ready();
	raise(SIGSTOP);
	return NULL;
}

static const char *run_filter(unsigned int action)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mlockall, 1, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_munlockall, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, action),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog filter = { sizeof(code) / sizeof(*code), code };

	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter))
		return "prctl";
	is_ready();
	doze(duration_ms);
	return NULL;
}

const char *run_filter_kill(void)
{
	return run_filter(SECCOMP_RET_KILL_PROCESS);
}

const char *run_filter_errno(void)
{
	return run_filter(SECCOMP_RET_ERRNO | EPERM);
}

/* Only read, write and exit are left. */
const char *run_filter_strict(void)
{
	int fd[2];
	char byte;

	if (pipe(fd))
		return "pipe";
	later(write_byte);
	close(fd[1]);
	is_ready();
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT, 0, 0, 0))
		return "prctl";
	syscall(SYS_exit, read(fd[0], &byte, 1) != 0);
	return "exit";
}
