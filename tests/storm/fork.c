/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A part of storm: fork in several ways while threads make calls. */
#include "config.h"

#include "storm/storm.h"

#include <errno.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

volatile bool is_handlers_child;

static _Atomic int nchildren;

/* Check the ledger, make calls, and check again. One child in four forks. */
static _Noreturn void be_child(struct stream *stream, bool relocked)
{
	storm_watch();
	storm_check_child(relocked);
	for (int i = 0; i < 20; i++)
		storm_call(stream);
	storm_check();
	if (chance(stream, 25)) {
		pid_t pid = fork();
		int status;

		if (pid == 0) {
			storm_check();
			_exit(0);
		}
		if (waitpid(pid, &status, 0) != pid || status)
			storm_die("a grandchild failed\n");
	}
	_exit(0);
}

/* Fork by a raw system call, which runs no pthread_atfork() handler. */
static pid_t raw_fork(void)
{
	return (pid_t)syscall(SYS_clone, SIGCHLD, 0L, 0L, 0L, 0L);
}

static volatile pid_t forked;

static void on_signal(int signal)
{
	(void)signal;
	forked = fork();
}

static pid_t fork_by(int how)
{
	if (how == BY_CLONE)
		return raw_fork();
	if (how == BY_FORK)
		return fork();
	signal(SIGUSR2, on_signal);
	raise(SIGUSR2);
	return forked;
}

void storm_fork(struct stream *stream, bool relock, int how)
{
	pid_t pid = fork_by(how);
	int status;

	if (pid < 0)
		storm_die("fork failed\n");
	if (pid == 0)
		be_child(stream, relock && how != BY_CLONE);
	if (waitpid(pid, &status, 0) != pid || status)
		storm_die("a child failed: status %x\n", status);
	draw(stream, 2);
}

/* Not within another fork(): libc would wait for its own lock for ever. */
void storm_fork_in_handler(void)
{
	static _Thread_local volatile bool forking;
	pid_t pid;

	if (forking)
		return;
	forking = true;
	pid = fork();
	forking = false;
	if (pid == 0)
		is_handlers_child = true;
	else if (pid > 0)
		atomic_fetch_add(&nchildren, 1);
}

void storm_reap(void)
{
	int status;

	for (; atomic_load(&nchildren) > 0; atomic_fetch_sub(&nchildren, 1))
		if (wait(&status) < 0 || status)
			storm_die("a child of a handler failed: status %x\n",
				  status);
}
