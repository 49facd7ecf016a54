/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Programs beside the thread of the library, which LOCKONFAULT_MAX starts. Each
 * command prints the same without the shim, but for the lines of the thread.
 */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <grp.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "preload/helper.h"
#include "support/truth.h"

/* Count the threads; *other: one that is not this thread. */
static int threads(int *other)
{
	DIR *tasks = opendir("/proc/self/task");
	struct dirent *task;
	int n = 0, id, saved = errno;

	while (tasks && (task = readdir(tasks))) {
		id = atoi(task->d_name);
		n += id > 0;
		if (id > 0 && id != getpid())
			*other = id;
	}
	closedir(tasks);
	errno = saved;
	return n;
}

static void show_line(int thread, const char *file, const char *name)
{
	char path[64], line[256];
	FILE *status;

	snprintf(path, sizeof(path), "/proc/self/task/%d/%s", thread, file);
	status = fopen(path, "re");
	while (status && fgets(line, sizeof(line), status))
		if (strncmp(line, name, strlen(name)) == 0)
			fputs(line, stdout);
	if (status)
		fclose(status);
}

/* Lock and touch the pages [first, first + n); wait until they are locked. */
static void lock_and_wait(size_t first, size_t n)
{
	char kinds[HELPER_PAGES + 1];

	DONE(mlock(at(first), pages(n)));
	for (size_t i = 0; i < n; i++)
		helper_touch(first + i);
	for (int i = 0; i < 100; i++) {
		truth_kinds(at(first), n, kinds);
		if (!strchr(kinds, '.'))
			break;
		usleep(20000);
	}
	puts(strchr(kinds, '.') ? "not locked" : "locked");
}

/* The thread begins with the first lock, and has few privileges. */
void thread_begins(void)
{
	int other = 0;

	printf("%d ", threads(&other));
	lock_and_wait(0, 2);
	printf("%d\n", threads(&other));
	show_line(other, "comm", "");
	show_line(other, "status", "CapPrm");
	show_line(other, "status", "CapEff");
	show_line(other, "status", "NoNewPrivs");
	show_line(other, "status", "Seccomp:");
	show_line(other, "status", "SigBlk");
}

static void *nothing(void *arg)
{
	return arg;
}

/* libc carries these calls out in each thread that it knows. */
void thread_setuid(void)
{
	pthread_t thread;

	lock_and_wait(0, 2);
	DONE(pthread_create(&thread, NULL, nothing, NULL));
	DONE(setgroups(0, NULL));
	DONE(setresgid(65534, 65534, 65534));
	DONE(setresuid(65534, 65534, 65534));
	DONE(pthread_join(thread, NULL));
	printf("%d ", (int)geteuid());
	lock_and_wait(4, 2);
}

static int confine(unsigned int flags)
{
	struct sock_filter code = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	struct sock_fprog program = { 1, &code };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return -1;
	return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags,
			    &program);
}

/* These calls want one thread, or threads with the same filters. */
void thread_single(void)
{
	lock_and_wait(0, 2);
	DONE(confine(SECCOMP_FILTER_FLAG_TSYNC));
	lock_and_wait(2, 2);
	DONE(confine(SECCOMP_FILTER_FLAG_TSYNC));
	lock_and_wait(4, 2);
	DONE(unshare(CLONE_NEWUSER));
	lock_and_wait(6, 2);
	DONE((int)syscall(SYS_unshare, CLONE_SIGHAND));
	DONE(setns(-1, 0));
}

static void *print_late(void *arg)
{
	usleep(100000);
	puts("late");
	fflush(stdout);
	return arg;
}

/* The process ends with the last thread that the program knows. */
void thread_last(void)
{
	pthread_t thread;

	lock_and_wait(0, 2);
	if (pthread_create(&thread, NULL, print_late, NULL) ||
	    pthread_detach(thread))
		exit(24);
	fflush(stdout);
	pthread_exit(NULL);
}

void thread_fork(void)
{
	int other = 0, status = -1;
	pid_t pid;

	lock_and_wait(0, 2);
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		printf("child %d ", threads(&other));
		lock_and_wait(4, 2);
		printf("%d ", threads(&other));
		fflush(stdout);
		_exit(0);
	}
	if (waitpid(pid, &status, 0) != pid)
		exit(25);
	printf("%d\n", status);
	lock_and_wait(6, 2);
}

/* A daemon that locks all as root, and goes on under a limit as a user. */
void thread_daemon(void)
{
	const struct rlimit limit = { 8 << 20, 8 << 20 };
	pthread_t thread;

	DONE(setrlimit(RLIMIT_MEMLOCK, &limit));
	DONE(mlockall(MCL_CURRENT | MCL_FUTURE));
	DONE(setresuid(65534, 65534, 65534));
	DONE(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0));
	SHOW();
	DONE_MAP(mmap(NULL, 64 << 20, RW, ANON, -1, 0));
	DONE(pthread_create(&thread, NULL, nothing, NULL));
	DONE(pthread_join(thread, NULL));
	DONE_MAP(mmap(at(4), pages(4), RW, OVER, -1, 0));
	SHOW();
}

static unsigned long count_reads(void)
{
	unsigned long reads = 0;
	char line[64];
	FILE *io = fopen("/proc/self/io", "re");

	while (io && fgets(line, sizeof(line), io))
		sscanf(line, "syscr: %lu", &reads);
	if (io)
		fclose(io);
	return reads;
}

static void *wait_for_the_end(void *arg)
{
	pause();
	return arg;
}

/* Begin threads that stay, and return the reads that this took. */
static unsigned long begin_threads(void)
{
	unsigned long before = count_reads();
	pthread_t thread;

	for (int i = 0; i < 64; i++)
		if (pthread_create(&thread, NULL, wait_for_the_end, NULL))
			exit(26);
	return count_reads() - before;
}

/* A thread takes no longer to begin if there are more of them. */
void thread_many(void)
{
	unsigned long first;

	helper_become_nobody(8 << 20);
	DONE(mlockall(MCL_CURRENT | MCL_FUTURE));
	begin_threads();
	first = begin_threads();
	DONE(begin_threads() > first + 32);
	fflush(stdout);
	_exit(0);
}
