/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Threads, children and a signal handler that change the same pages at random.
 * While they run nothing can be said; when all is quiet the ledger is right.
 */
#include "config.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "support/kernel.h"

#include "support/truth.h"

#define RW		(PROT_READ | PROT_WRITE)
#define OVER		(MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED)
#define NTHREADS	4
#define NROUNDS		8
#define ROUND_MS	250

struct random {
	uint64_t state;
};

static _Atomic int stop;

static size_t draw(struct random *random, size_t below)
{
	random->state ^= random->state << 13;
	random->state ^= random->state >> 7;
	random->state ^= random->state << 17;
	return (size_t)(random->state >> 11) % below;
}

static uint64_t seed(void)
{
	const char *given = getenv("LOF_TEST_SEED");
	unsigned long long value = (unsigned long long)time(NULL) << 20;

	value ^= (unsigned long long)getpid();
	if (given)
		value = strtoull(given, NULL, 0);
	printf("LOF_TEST_SEED=%llu\n", value);
	fflush(stdout);
	return value | 1;
}

static int ignore(const struct lof_region *region, void *arg)
{
	(void)region;
	(void)arg;
	return 0;
}

/* Move or stretch; a part of it becomes a hole, which another call fills. */
static void remap_at_random(struct random *random, char *addr, size_t n)
{
	const int onto = MREMAP_MAYMOVE | MREMAP_FIXED;
	char *to = at(draw(random, ARENA_PAGES - n));

	switch (draw(random, 4)) {
	case 0:
		lof_mremap(addr, pages(n), pages(n), onto, to);
		break;
	case 1:
		lof_mremap(addr, pages(n), pages(n), onto | MREMAP_DONTUNMAP,
			   to);
		break;
	case 2:
		lof_mremap(addr, pages(n), pages(draw(random, n) + 1), 0);
		break;
	default:
		lof_mremap(addr, pages(n), pages(n + 1), 0);
		break;
	}
}

static void ask_at_random(struct random *random, char *addr)
{
	struct lof_region region;
	struct lof_stats stats;

	switch (draw(random, 3)) {
	case 0:
		lof_query(addr, &region, sizeof(region));
		break;
	case 1:
		lof_walk(ignore, NULL);
		break;
	default:
		lof_stats(&stats, sizeof(stats));
		break;
	}
}

static void call_at_random(struct random *random)
{
	size_t n = draw(random, 6) + 1;
	char *addr = at(draw(random, ARENA_PAGES - n));

	switch (draw(random, 10)) {
	case 0:
	case 1:
		lof_mlock2(addr, pages(n), MLOCK_ONFAULT);
		break;
	case 2:
		lof_mlock2(addr, pages(n), 0);
		break;
	case 3:
		lof_munlock(addr, pages(n));
		break;
	case 4:
		lof_munlock2(addr, pages(n), draw(random, 2) ? MLOCK_LOCKED
							     : MLOCK_ONFAULT);
		break;
	case 5:
		lof_mmap(addr, pages(n), RW, OVER, -1, 0);
		break;
	case 6:
		lof_mmap_onfault(addr, pages(n), RW, OVER, -1, 0);
		break;
	case 7:
		lof_munmap(addr, pages(n));
		break;
	case 8:
		remap_at_random(random, addr, n);
		break;
	default:
		ask_at_random(random, addr);
		break;
	}
}

static void *run(void *arg)
{
	struct random random = *(struct random *)arg;

	while (!atomic_load(&stop))
		call_at_random(&random);
	*(struct random *)arg = random;
	return NULL;
}

static void sleep_ms(long ms)
{
	struct timespec time = { ms / 1000, ms % 1000 * 1000000 };

	while (nanosleep(&time, &time) && errno == EINTR)
		;
}

/* Let the threads run while main does something else, then compare. */
static void rounds(void (*meanwhile)(void))
{
	struct random random[NTHREADS];
	pthread_t thread[NTHREADS];
	uint64_t first = seed();

	for (size_t i = 0; i < NTHREADS; i++)
		random[i].state = first * (2 * i + 1);
	for (int round = 0; round < NROUNDS; round++) {
		atomic_store(&stop, 0);
		for (size_t i = 0; i < NTHREADS; i++)
			ck_assert_int_eq(pthread_create(&thread[i], NULL, run,
							&random[i]), 0);
		meanwhile();
		atomic_store(&stop, 1);
		for (size_t i = 0; i < NTHREADS; i++)
			ck_assert_int_eq(pthread_join(thread[i], NULL), 0);
		truth_assert_equal((uintptr_t)at(0),
				   (uintptr_t)at(ARENA_PAGES));
	}
}

static void wait_for_them(void)
{
	sleep_ms(ROUND_MS);
}

START_TEST(threads_on_the_same_pages_leave_the_ledger_right)
{
	rounds(wait_for_them);
}
END_TEST

/* A child starts with nothing locked, whatever the threads were doing. */
static void be_child(void)
{
	size_t inherited = truth_vmlck();

	ck_assert_uint_eq(inherited, 0);
	truth_assert_equal((uintptr_t)at(0), (uintptr_t)at(ARENA_PAGES));
	ck_assert_ptr_eq(lof_mmap_onfault(at(3), pages(4), RW, OVER, -1, 0),
			 at(3));
	OK(lof_munlock(at(4), page));
	KINDS(at(3), "O.OO");
	_exit(0);
}

static void fork_children(void)
{
	for (int i = 0; i < 20; i++) {
		pid_t pid = fork();
		int status;

		if (pid == 0)
			be_child();
		ck_assert_int_eq(waitpid(pid, &status, 0), pid);
		ck_assert_int_eq(status, 0);
	}
}

START_TEST(children_of_busy_threads_start_with_an_empty_ledger)
{
	rounds(fork_children);
}
END_TEST

static struct random handler_random;
static _Atomic int handled, alarms_wanted;

/* One alarm, so that main comes on, however long its handler takes. */
static void alarm_soon(struct random *random)
{
	struct itimerval timer = {
		.it_value = { 0, (suseconds_t)draw(random, 800) + 20 },
	};

	setitimer(ITIMER_REAL, &timer, NULL);
}

static void on_alarm(int signal)
{
	int err = errno;

	(void)signal;
	call_at_random(&handler_random);
	atomic_fetch_add(&handled, 1);
	if (atomic_load(&alarms_wanted))
		alarm_soon(&handler_random);
	errno = err;
}

static _Atomic int is_child, nchildren;

/* As on_alarm, but now and then the handler forks, wherever it is. */
static void on_alarm_fork(int signal)
{
	int err = errno;

	if (!is_child && draw(&handler_random, 20) == 0) {
		if (fork() == 0)
			is_child = 1;
		else
			nchildren++;
		if (!is_child && atomic_load(&alarms_wanted))
			alarm_soon(&handler_random);
	} else {
		on_alarm(signal);
	}
	errno = err;
}

static long elapsed_ms(const struct timespec *start)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (now.tv_sec - start->tv_sec) * 1000 +
	       (now.tv_nsec - start->tv_nsec) / 1000000;
}

/*
 * Call at random for a round, and until it was interrupted; in a child, until the
 * call it was born in ends.
 */
static void be_interrupted(struct random *random)
{
	const struct itimerval none = { .it_value = { 0, 0 } };
	int before = atomic_load(&handled);
	struct timespec start;

	clock_gettime(CLOCK_MONOTONIC, &start);
	atomic_store(&alarms_wanted, 1);
	alarm_soon(random);
	do
		call_at_random(random);
	while (!is_child && (elapsed_ms(&start) < ROUND_MS ||
			     atomic_load(&handled) <= before));
	atomic_store(&alarms_wanted, 0);
	setitimer(ITIMER_REAL, &none, NULL);
	truth_assert_equal((uintptr_t)at(0), (uintptr_t)at(ARENA_PAGES));
}

static void handle_alarms(void (*handler)(int))
{
	struct sigaction action = { .sa_handler = handler,
				    .sa_flags = SA_RESTART };

	ck_assert_int_eq(sigaction(SIGALRM, &action, NULL), 0);
}

/* Libcheck keeps its own time in another process; this timer is ours. */
START_TEST(handler_that_locks_leaves_the_ledger_right)
{
	struct random random = { seed() };

	handler_random.state = random.state * 3;
	handle_alarms(on_alarm);
	for (int round = 0; round < NROUNDS; round++)
		be_interrupted(&random);
	ck_assert_int_ge(handled, NROUNDS);
}
END_TEST

/* The child returns into a call that its parent began. */
START_TEST(handler_that_forks_leaves_both_ledgers_right)
{
	struct random random = { seed() };

	handler_random.state = random.state * 3;
	handle_alarms(on_alarm_fork);
	for (int round = 0; round < NROUNDS; round++) {
		be_interrupted(&random);
		if (is_child)
			_exit(0);
		for (; nchildren > 0; nchildren--) {
			int status;

			ck_assert_int_gt(wait(&status), 0);
			ck_assert_int_eq(status, 0);
		}
	}
}
END_TEST

Suite *threads_suite(void)
{
	Suite *suite = suite_create("threads");
	TCase *tcase = arena_case(suite, "at random");

	tcase_add_test(tcase,
		       threads_on_the_same_pages_leave_the_ledger_right);
	tcase_add_test(tcase,
		       children_of_busy_threads_start_with_an_empty_ledger);
	tcase_add_test(tcase, handler_that_locks_leaves_the_ledger_right);
	tcase_add_test(tcase, handler_that_forks_leaves_both_ledgers_right);
	return suite;
}
