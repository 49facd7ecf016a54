/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * storm: threads make random calls on the same memory, while signal handlers
 * make calls too, and while the process forks. Whenever no call is in flight,
 * and in each child, the ledger must agree with smaps.
 */
#include "config.h"

#include "storm/storm.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define NTHREADS_MAX		64
#define ROUND_NS		200000000
#define PAUSE_NS		20000
#define FORKS_A_ROUND		25
#define SIGNALS_A_ROUND		10000
#define HANDLERS_A_FORK		2000
#define STACK_LEN		((size_t)256 << 10)

size_t page;

struct options {
	uint64_t seed, threads, seconds, forks, signals;
	bool relock;
};

static const struct option known[] = {
	{ "seed", required_argument, NULL, 'e' },
	{ "threads", required_argument, NULL, 't' },
	{ "seconds", required_argument, NULL, 's' },
	{ "forks", required_argument, NULL, 'f' },
	{ "relock", no_argument, NULL, 'r' },
	{ "signals", required_argument, NULL, 'i' },
	{ NULL, 0, NULL, 0 },
};

static struct options parse(int argc, char **argv)
{
	const char *seed = getenv("LOF_TEST_SEED");
	struct options o = {
		.seed = seed && *seed ? (uint64_t)strtoull(seed, NULL, 0) :
			(uint64_t)time(NULL) << 16 ^ (uint64_t)getpid(),
		.threads = 4,
	};
	int c;

	while ((c = getopt_long(argc, argv, "", known, NULL)) != -1) {
		uint64_t n = optarg ? strtoull(optarg, NULL, 0) : 0;

		switch (c) {
		case 'e': o.seed = n; break;
		case 't': o.threads = n; break;
		case 's': o.seconds = n; break;
		case 'f': o.forks = n; break;
		case 'r': o.relock = true; break;
		case 'i': o.signals = n; break;
		default: o.threads = 0;
		}
	}
	if (optind < argc || !o.threads || o.threads > NTHREADS_MAX) {
		fputs("usage: storm [--seed N] [--threads N] [--seconds N]"
		      " [--forks N [--relock]] [--signals N]\n", stderr);
		exit(2);
	}
	return o;
}

/* A thread, and the streams of the thread and of its handlers. */
struct worker {
	pthread_t thread;
	pthread_attr_t attr;
	struct stream stream, handlers;
	uint64_t calls;
};

static struct worker workers[NTHREADS_MAX];
static _Thread_local struct worker *self;
static _Thread_local volatile bool calling;
static _Atomic bool stop;
static _Atomic uint64_t handled, interrupted;

static void on_signal(int signal)
{
	int saved = errno;

	(void)signal;
	if (!self || is_handlers_child)
		return;
	atomic_fetch_add(&interrupted, calling);
	if (draw(&self->handlers, HANDLERS_A_FORK) == 0)
		storm_fork_in_handler();
	else
		storm_call(&self->handlers);
	atomic_fetch_add(&handled, 1);
	errno = saved;
}

static void *work(void *arg)
{
	self = arg;
	while (!atomic_load(&stop)) {
		calling = true;
		storm_call(&self->stream);
		calling = false;
		self->calls++;
		if (is_handlers_child) {
			storm_watch();
			storm_check();
			_exit(0);
		}
	}
	return NULL;
}

static void sleep_ns(long ns)
{
	struct timespec time = { 0, ns };

	while (nanosleep(&time, &time) && errno == EINTR)
		;
}

/*
 * Two signals, so that a handler can interrupt the other handler. The pause
 * lets the interrupted calls make progress.
 */
static void send_signals(const struct options *o, uint64_t count)
{
	uint64_t until = atomic_load(&handled) + count;

	for (uint64_t i = 0; atomic_load(&handled) < until; i++) {
		pthread_kill(workers[i % o->threads].thread,
			     i / o->threads % 2 ? SIGUSR1 : SIGURG);
		if (i % o->threads == 0)
			sleep_ns(PAUSE_NS);
	}
}

static void meanwhile(const struct options *o, struct stream *stream,
		      uint64_t round)
{
	if (o->signals)
		send_signals(o, SIGNALS_A_ROUND);
	for (uint64_t i = 0; o->forks && i < FORKS_A_ROUND; i++)
		storm_fork(stream, o->relock,
			   (int)((round * FORKS_A_ROUND + i) % BY_NWAYS));
	if (!o->signals && !o->forks)
		sleep_ns(ROUND_NS);
}

/* Start all threads, stop them, and check. */
static void run_round(const struct options *o, struct stream *stream,
		      uint64_t round)
{
	atomic_store(&stop, false);
	for (uint64_t i = 0; i < o->threads; i++)
		if (pthread_create(&workers[i].thread, &workers[i].attr, work,
				   &workers[i]))
			storm_die("no thread\n");
	meanwhile(o, stream, round);
	atomic_store(&stop, true);
	for (uint64_t i = 0; i < o->threads; i++)
		pthread_join(workers[i].thread, NULL);
	storm_reap();
	storm_check();
}

/*
 * Map the stacks before the first call. A stack of 8 MiB that libc maps under
 * MCL_FUTURE would use up the usual RLIMIT_MEMLOCK.
 */
static void prepare_stack(pthread_attr_t *attr)
{
	void *stack = mmap(NULL, STACK_LEN, RW, ANON | MAP_STACK, -1, 0);

	if (stack == MAP_FAILED || pthread_attr_init(attr) ||
	    pthread_attr_setstack(attr, stack, STACK_LEN))
		storm_die("no stack\n");
}

static void prepare(const struct options *o, struct stream *stream)
{
	struct sigaction action = { .sa_handler = on_signal,
				    .sa_flags = SA_RESTART };

	*stream = stream_of(o->seed);
	for (uint64_t i = 0; i < o->threads; i++) {
		workers[i].stream = stream_of(o->seed + 2 * i + 1);
		workers[i].handlers = stream_of(o->seed + 2 * i + 2);
		prepare_stack(&workers[i].attr);
	}
	storm_open();
	storm_lay_own();
	if (o->relock)
		lof_set(LOF_FORK, LOF_FORK_RELOCK);
	/* A child checks memory that only main locks: threads lock all else. */
	calls_for_all = !o->forks;
	sigaction(SIGUSR1, &action, NULL);
	sigaction(SIGURG, &action, NULL);
	storm_watch();
}

static void finish(const struct options *o, uint64_t rounds)
{
	struct lof_stats stats;
	uint64_t calls = 0;

	CALL(munlockall)();
	storm_check();
	if (lof_stats(&stats, sizeof(stats)) || stats.charged)
		storm_die("at the end %" PRIu64 " bytes are charged\n",
			  stats.charged);
	for (uint64_t i = 0; i < o->threads; i++)
		calls += workers[i].calls;
	printf("%" PRIu64 " threads, %" PRIu64 " rounds, %" PRIu64 " calls, "
	       "%" PRIu64 " signals, %" PRIu64 " of them inside a call, "
	       "%" PRIu64 " forks\n", o->threads, rounds, calls,
	       atomic_load(&handled), atomic_load(&interrupted),
	       o->forks ? rounds * FORKS_A_ROUND : 0);
}

int main(int argc, char **argv)
{
	struct options o = parse(argc, argv);
	time_t end = time(NULL) + (time_t)o.seconds;
	struct stream stream;
	uint64_t round = 0;

	printf("LOF_TEST_SEED=%" PRIu64 "\n", o.seed);
	fflush(stdout);
	page = (size_t)sysconf(_SC_PAGESIZE);
	prepare(&o, &stream);
	while (time(NULL) < end || round * FORKS_A_ROUND < o.forks ||
	       atomic_load(&handled) < o.signals)
		run_round(&o, &stream, round++);
	finish(&o, round);
	return 0;
}
