/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * restless [-t MS] [-n TIMES]: processes that execute a program or end at any
 * moment of an attachment. Nothing may hang, be harmed or be left.
 *
 *   exec   the threads of a process execute it again, all the time
 *   kill   a process is killed, after a delay that hits each phase
 *   exit   its threads end, one after the other, and then all
 */
#include "config.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "trace/inject.h"

#define NTHREADS	4
#define LONGEST_MS	5000	/* more is a hang, also on a loaded machine */
#define EXIT_DONE	7

static int duration_ms = 500, times = 50;
static int64_t longest_ms;

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000) + now.tv_nsec / 1000000;
}

/* Make one call. Return 0 or its error. */
static int inject(pid_t pid, enum lof_traced call)
{
	struct lof_injected injected = {
		.call = call,
		.args[0] = MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT,
	};
	int64_t start = now_ms();
	int err = lof_inject(pid, false, &injected, 1);

	if (now_ms() - start > longest_ms)
		longest_ms = now_ms() - start;
	return err ? err : (int)injected.result;
}

/* --- exec */

static char *own_args[4];
static int64_t end_ms;

static void *execute_later(void *arg)
{
	uintptr_t seed = (uintptr_t)arg ^ (uintptr_t)now_ms() ^
			 (uintptr_t)getpid();

	usleep((useconds_t)(seed * 2654435761u >> 8) % 3000);
	if (now_ms() < end_ms)
		execv("/proc/self/exe", own_args);
	return NULL;
}

/* restless generation END_MS */
static int run_generation(char **argv)
{
	pthread_t threads[NTHREADS];

	for (int i = 0; i < 3; i++)
		own_args[i] = argv[i];
	end_ms = strtoll(argv[2], NULL, 10);
	for (uintptr_t i = 0; i < NTHREADS; i++)
		pthread_create(&threads[i], NULL, execute_later,
			       (void *)(i + 1));
	for (int i = 0; i < NTHREADS; i++)
		pthread_join(threads[i], NULL);
	return EXIT_DONE;
}

static bool test_exec(void)
{
	char end[24], name[] = "restless", generation[] = "generation";
	char *args[] = { name, generation, end, NULL };
	int status = 0, ncalls = 0, nfailed = 0;
	pid_t pid;

	snprintf(end, sizeof(end), "%lld", (long long)now_ms() + duration_ms);
	pid = fork();
	if (pid == 0) {
		execv("/proc/self/exe", args);
		_exit(1);
	}
	while (waitpid(pid, &status, WNOHANG) == 0) {
		nfailed += inject(pid, ncalls % 2 ? LOF_TRACED_MUNLOCKALL :
				  LOF_TRACED_MLOCKALL) != 0;
		ncalls++;
	}
	printf("exec: status 0x%x, %d calls, %d failed\n", (unsigned)status,
	       ncalls, nfailed);
	return WIFEXITED(status) && WEXITSTATUS(status) == EXIT_DONE &&
	       nfailed <= ncalls / 20 + 2;
}

/* --- kill and exit */

static void *end_later(void *arg)
{
	usleep((useconds_t)(uintptr_t)arg);
	return NULL;
}

static int run_threads(int delay_us)
{
	pthread_t threads[NTHREADS];

	for (int i = 0; i < NTHREADS; i++)
		pthread_create(&threads[i], NULL, end_later,
			       (void *)(uintptr_t)(delay_us * (i + 1) / 4));
	for (int i = 0; i < NTHREADS; i++)
		pthread_join(threads[i], NULL);
	return EXIT_DONE;
}

static void kill_later(pid_t pid, int delay_us)
{
	if (fork())
		return;
	usleep((useconds_t)delay_us);
	kill(pid, SIGKILL);
	_exit(0);
}

/* One process that ends after a delay. Is its end as it should be? */
static bool test_end(bool is_killed, int delay_us, int *nmade)
{
	pid_t pid = fork();
	int status, err;

	if (pid == 0)
		_exit(is_killed ? (pause(), 1) : run_threads(delay_us));
	if (is_killed)
		kill_later(pid, delay_us);
	do {
		err = inject(pid, LOF_TRACED_MLOCKALL);
		*nmade += !err;
	} while (!err);
	waitpid(pid, &status, 0);
	if (is_killed)
		wait(NULL);
	return is_killed ? WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL :
			   WIFEXITED(status) &&
			   WEXITSTATUS(status) == EXIT_DONE;
}

static bool test_ends(bool is_killed)
{
	int nwrong = 0, nmade = 0;

	for (int i = 0; i < times; i++)
		nwrong += !test_end(is_killed, i * 2000 / times, &nmade);
	printf("%s: %d times, %d calls made, %d wrong\n",
	       is_killed ? "kill" : "exit", times, nmade, nwrong);
	return nwrong == 0;
}

int main(int argc, char **argv)
{
	bool is_right;
	int c;

	if (argc == 3 && strcmp(argv[1], "generation") == 0)
		return run_generation(argv);
	while ((c = getopt(argc, argv, "n:t:")) >= 0)
		if (c == 't')
			duration_ms = atoi(optarg);
		else if (c == 'n')
			times = atoi(optarg);
		else
			return 2;
	is_right = test_exec();
	is_right = test_ends(true) && is_right;
	is_right = test_ends(false) && is_right;
	if (waitpid(-1, NULL, WNOHANG) != -1 || errno != ECHILD) {
		puts("a process is left");
		is_right = false;
	}
	printf("longest attachment: %d ms\n", (int)longest_ms);
	return is_right && longest_ms < LONGEST_MS ? 0 : 1;
}
