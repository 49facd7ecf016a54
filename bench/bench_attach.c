/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How long attach stops a process: a small one, in several states, and one with
 * 4 GiB resident in small pages. In the large one another thread maps and
 * unmaps a page all the time, which waits for the lock of the memory while the
 * call is made; its longest wait is shown, and that without attach.
 *
 *	bench_attach [GIB]
 */
#include "config.h"

#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "median.h"
#include "trace/inject.h"

#define PAGE	((size_t)4096)
#define STOPS	1000

static void wait_in_read(void)
{
	int fd[2];
	char byte;

	if (pipe(fd) || read(fd[0], &byte, 1))
		fail("read");
}

static void wait_in_epoll(void)
{
	struct epoll_event event;

	epoll_wait(epoll_create1(0), &event, 1, -1);
}

static void run_on(void)
{
	for (volatile uint64_t n = 0;; n++)
		;
}

static pid_t start(void (*be)(void))
{
	pid_t pid = fork();

	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		be();
		_exit(0);
	}
	usleep(100000);
	return pid;
}

static void stop_small(const char *name, void (*be)(void))
{
	static double us[STOPS];
	pid_t pid = start(be);

	for (int i = 0; i < STOPS; i++) {
		struct lof_injected injected = {
			.call = i % 2 ? LOF_TRACED_MUNLOCKALL :
				LOF_TRACED_MLOCKALL,
			.args[0] = MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT,
		};

		if (lof_inject(pid, false, &injected, 1) || injected.result)
			fail("inject");
		us[i] = (double)injected.stop_ns / 1000;
		usleep(1000);
	}
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	printf("%-24s %6.0f %6.0f %6.0f %6.0f\n", name,
	       quantile(us, STOPS, 0), median(us, STOPS),
	       quantile(us, STOPS, 0.99), quantile(us, STOPS, 1));
}

/* Shared with the large process. */
static struct { double longest_ns; size_t bytes; } *large;

static void *map_all_the_time(void *arg)
{
	for (;;) {
		double start_ns = now_ns(), ns;
		void *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
				  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		munmap(page, PAGE);
		ns = now_ns() - start_ns;
		if (ns > large->longest_ns)
			large->longest_ns = ns;
		usleep(50);
	}
	return arg;
}

static void be_large(void)
{
	char *memory = mmap(NULL, large->bytes, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	pthread_t thread;

	madvise(memory, large->bytes, MADV_NOHUGEPAGE);
	for (size_t at = 0; at < large->bytes; at += PAGE)
		memory[at] = 1;
	pthread_create(&thread, NULL, map_all_the_time, NULL);
	large->longest_ns = 0;
	wait_in_read();
}

/* Run the command, which prints its line; then the longest wait. */
static void attach(pid_t pid, const char *options)
{
	char command[80];

	snprintf(command, sizeof(command), "./lockonfault attach %s %d 2>&1",
		 options, (int)pid);
	large->longest_ns = 0;
	fflush(stdout);
	if (system(command))
		fail("attach");
	printf("   the other thread waited at most %.0f us\n",
	       large->longest_ns / 1000);
}

static void stop_large(size_t gib)
{
	pid_t pid;

	large = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	large->bytes = gib << 30;
	large->longest_ns = -1;
	pid = start(be_large);
	while (large->longest_ns < 0)
		usleep(10000);
	printf("\n%zu GiB resident in small pages\n", gib);
	large->longest_ns = 0;
	usleep(500000);
	printf("   without attach, the other thread waited at most %.0f us\n",
	       large->longest_ns / 1000);
	for (int i = 0; i < 3; i++) {
		attach(pid, "-v");
		attach(pid, "-uv");
	}
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

int main(int argc, char **argv)
{
	printf("%-24s %6s %6s %6s %6s\n", "stop of a small process, us", "min",
	       "median", "p99", "max");
	stop_small("   in read", wait_in_read);
	stop_small("   in epoll_wait", wait_in_epoll);
	stop_small("   running", run_on);
	stop_large(argc > 1 ? strtoul(argv[1], NULL, 10) : 4);
	return 0;
}
