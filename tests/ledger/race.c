/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Threads make random calls on the same 64 pages, and yield at the seams of the
 * protocol. With --signals, handlers make calls too, and fork children. After
 * each round the ledger is compared with the kernel, page by page. Prints the
 * number of wrong pages. --without PART leaves out a part of the protocol: then
 * pages must be wrong.
 *
 *	race [--signals] [--ops N] [--without PART]
 */
#include "config.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "kernel/probe.h"
#include "kernel/sys.h"
#include "ledger/resync.h"
#include "ledger/runs.h"
#include "ledger/state.h"
#include "lockonfault.h"

#define NTHREADS	4
#define NPAGES		64
#define ROUND		12	/* calls of each thread in a round */
#define RW		(PROT_READ | PROT_WRITE)
#define MAPPING		(MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE)

enum part race_left_out;

static const char *const part_names[NPARTS] = {
	"nothing", "log", "unplaced", "left", "blindness", "second-look",
	"moves", "inflight-again", "lock-again",
};

static char *window;
static size_t page;
static uint64_t seed;

static _Thread_local uint64_t chance;
static _Thread_local bool in_handler;

static size_t below(size_t n)
{
	chance ^= chance << 13;
	chance ^= chance >> 7;
	chance ^= chance << 17;
	return (size_t)(chance >> 11) % n;
}

static bool signals;

static void seam(void)
{
	if (!chance)
		return;
	if (below(4) == 0)
		sched_yield();
	if (signals && below(64) == 0)
		raise(SIGUSR1);
}

/*
 * Threads yield, and handlers run, around the library's system calls and around
 * its changes of a tree, which it makes with the ledger's lock held.
 */
#define SEAMS_AROUND(type, call, params, args) \
	type __real_##call params; \
	type __wrap_##call params; \
	type __wrap_##call params \
	{ \
		type ret; \
		seam(); \
		ret = __real_##call args; \
		seam(); \
		return ret; \
	}

SEAMS_AROUND(int, lof_sys_mmap,
	     (uintptr_t addr, size_t len, int prot, int flags, int fd,
	      int64_t off, uintptr_t *result),
	     (addr, len, prot, flags, fd, off, result))
SEAMS_AROUND(int, lof_sys_munmap, (uintptr_t addr, size_t len), (addr, len))
SEAMS_AROUND(int, lof_sys_mremap,
	     (uintptr_t addr, size_t old_len, size_t new_len, int flags,
	      uintptr_t new_addr, uintptr_t *result),
	     (addr, old_len, new_len, flags, new_addr, result))
SEAMS_AROUND(int, lof_sys_mlock, (struct lof_range range), (range))
SEAMS_AROUND(int, lof_sys_mlock2, (struct lof_range range, unsigned int flags),
	     (range, flags))
SEAMS_AROUND(int, lof_sys_munlock, (struct lof_range range), (range))
SEAMS_AROUND(long, lof_sys_read, (int fd, void *buf, size_t size),
	     (fd, buf, size))

#define SEAMS_UNDER_LOCK(call, params, args) \
	void __real_##call params; \
	void __wrap_##call params; \
	void __wrap_##call params \
	{ \
		seam(); \
		__real_##call args; \
		seam(); \
	}

SEAMS_UNDER_LOCK(lof_tree_set, (struct lof_tree *tree, struct lof_range range,
				unsigned int attr),
		 (tree, range, attr))
SEAMS_UNDER_LOCK(lof_tree_clear,
		 (struct lof_tree *tree, struct lof_range range),
		 (tree, range))

/* Unmap a mapping that the kernel put outside the window. */
static void keep_within(void *at, size_t len)
{
	if (at != MAP_FAILED &&
	    (uintptr_t)at - (uintptr_t)window >= NPAGES * page)
		lof_munmap(at, len);
}

static void map_somewhere(char *at, size_t len)
{
	int flags = MAPPING;

	switch (below(4)) {
	case 0:
		flags |= MAP_LOCKED;	/* at an address not known before */
		at = NULL;
		break;
	case 1:
		at = NULL;
		break;
	case 2:
		flags |= MAP_FIXED | MAP_LOCKED;
		break;
	default:
		flags |= MAP_FIXED;
	}
	keep_within(lof_mmap(at, len, RW, flags, -1, 0), len);
}

static void remap_somewhere(char *at, size_t len, char *to)
{
	size_t longer = len + page * below(3);

	if (below(3)) {
		lof_mremap(at, len, longer, MREMAP_MAYMOVE | MREMAP_FIXED, to);
		return;
	}
	keep_within(lof_mremap(at, len, longer, MREMAP_MAYMOVE), longer);
}

static void call_at_random(void)
{
	char *at = window + page * below(NPAGES);
	char *to = window + page * below(NPAGES);
	size_t room = (size_t)(window + NPAGES * page - at) / page;
	size_t len = page * (1 + below(room < 6 ? room : 6));

	if (to + len + 2 * page > window + NPAGES * page)
		to = window;
	switch (below(16)) {
	case 0: case 1: case 2:
		lof_munmap(at, len);
		break;
	case 3: case 4: case 5: case 6:
		map_somewhere(at, len);
		break;
	case 7: case 8:
		lof_mlock2(at, len, below(4) ? MLOCK_ONFAULT : 0);
		break;
	case 9: case 10: case 11:
		lof_munlock(at, len);
		break;
	case 12:
		keep_within(lof_mmap_onfault(NULL, len, RW, MAPPING, -1, 0),
			    len);
		break;
	case 13:
		if (below(20) == 0 && !in_handler)
			lof_mlockall(MCL_FUTURE |
				     (below(2) ? MCL_ONFAULT : 0));
		else if (below(10) == 0 && !in_handler)
			lof_munlockall();
		break;
	default:
		remap_somewhere(at, len, to);
	}
}

static _Atomic size_t looked_at, suspects;

/* Pages whose note is wrong, though not suspect. */
static size_t count_unsuspected(void)
{
	struct lof_entry run;
	size_t wrong = 0;

	for (size_t i = 0; i < NPAGES; i++) {
		uintptr_t at = (uintptr_t)window + i * page;
		struct lof_range one = { at, at + page };
		int ret = lof_ledger_around(at, &run);

		looked_at++;
		if (lof_all_is_suspect() || run.attr & LOF_ATTR_SUSPECT)
			suspects++;
		else
			wrong += ret || (run.attr != 0) != lof_is_locked(one);
	}
	return wrong;
}

/* The wrong pages now, and the wrong or suspect ones after a resync. */
static size_t count_wrong(void)
{
	const struct lof_range all = {
		(uintptr_t)window, (uintptr_t)window + NPAGES * page
	};
	size_t wrong = count_unsuspected(), before = suspects;

	if (lof_ledger_resync(all))
		return NPAGES;
	wrong += count_unsuspected();
	return wrong + (suspects - before);
}

static _Atomic size_t children, handled;
static _Atomic bool is_wrong_in_child;

/* A child forked in a handler begins with no locks, and makes calls itself. */
static void fork_here(void)
{
	long pid = syscall(SYS_clone, (long)SIGCHLD, 0L, 0L, 0L, 0L);
	int status = 0;

	if (pid == 0) {
		size_t wrong = count_wrong();

		for (int i = 0; i < 20 && !wrong; i++) {
			call_at_random();
			wrong = count_wrong();
		}
		_exit(wrong > 0);
	}
	if (pid < 0)
		return;
	children++;
	while (waitpid((pid_t)pid, &status, 0) < 0 && errno == EINTR)
		;
	if (status)
		is_wrong_in_child = true;
}

static void handle(int sig)
{
	int saved = errno;
	bool outer = in_handler;

	(void)sig;
	in_handler = true;
	handled++;
	call_at_random();
	if (below(200) == 0)
		fork_here();
	in_handler = outer;
	errno = saved;
}

static pthread_barrier_t start, end;
static _Atomic bool stop;
static _Atomic int at_work;

/* No handler runs between rounds, while the pages are compared. */
static void *work(void *arg)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	chance = seed + 7919 * (1 + (uintptr_t)arg);
	for (;;) {
		pthread_sigmask(SIG_BLOCK, &set, NULL);
		pthread_barrier_wait(&start);
		if (stop)
			return NULL;
		pthread_sigmask(SIG_UNBLOCK, &set, NULL);
		for (int i = 0; i < ROUND; i++)
			call_at_random();
		pthread_sigmask(SIG_BLOCK, &set, NULL);
		at_work--;
		pthread_barrier_wait(&end);
	}
}

/* A round begins with half of the window mapped, no locks, and no bit set. */
static void lay_out(void)
{
	lof_munlockall();
	lof_munmap(window, NPAGES * page);
	for (size_t i = 0; i < NPAGES; i += 8)
		if (mmap(window + i * page, 4 * page, RW, MAPPING | MAP_FIXED,
			 -1, 0) == MAP_FAILED)
			abort();
	if (lof_ledger_resync(lof_range_all(page)))
		abort();
}

/*
 * The kernel maps at the highest hole that is large enough. Leave no hole above
 * the window.
 */
static void fill_holes_above(void)
{
	char *at;

	do {
		at = mmap(NULL, page, PROT_NONE, MAPPING, -1, 0);
		if (at == MAP_FAILED)
			abort();
	} while (at > window);
}

static size_t run_round(pthread_t *thread)
{
	const struct timespec soon = { 0, 20000 };
	static size_t sent;

	lay_out();
	at_work = NTHREADS;
	pthread_barrier_wait(&start);
	/* One signal at a time: more would starve a slow machine. */
	for (; signals && at_work > 0; nanosleep(&soon, NULL))
		if (handled == sent)
			pthread_kill(thread[sent++ % NTHREADS], SIGUSR1);
	pthread_barrier_wait(&end);
	return count_wrong();
}

static void prepare(pthread_t *thread)
{
	struct sigaction action = { .sa_handler = handle,
				    .sa_flags = SA_RESTART };

	sigaction(SIGUSR1, &action, NULL);
	pthread_barrier_init(&start, NULL, NTHREADS + 1);
	pthread_barrier_init(&end, NULL, NTHREADS + 1);
	for (size_t i = 0; i < NTHREADS; i++)
		if (pthread_create(&thread[i], NULL, work, (void *)i))
			abort();
	window = mmap(NULL, NPAGES * page, RW, MAPPING, -1, 0);
	if (window == MAP_FAILED)
		abort();
	fill_holes_above();
}

static enum part part_of(const char *name)
{
	for (int i = 0; i < NPARTS; i++)
		if (!strcmp(name, part_names[i]))
			return (enum part)i;
	fprintf(stderr, "race: no such part: %s\n", name);
	exit(2);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "ops", required_argument, NULL, 'o' },
		{ "signals", no_argument, NULL, 's' },
		{ "without", required_argument, NULL, 'w' },
		{ NULL, 0, NULL, 0 },
	};
	size_t ops = 200000, rounds, wrong = 0, wrong_rounds = 0;
	const char *given = getenv("LOF_TEST_SEED");
	pthread_t thread[NTHREADS];
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1)
		switch (option) {
		case 'o':
			ops = strtoul(optarg, NULL, 0);
			break;
		case 's':
			signals = true;
			break;
		case 'w':
			race_left_out = part_of(optarg);
			break;
		default:
			return 2;
		}
	page = lof_sys_page_size();
	seed = given ? strtoull(given, NULL, 0) : (uint64_t)time(NULL);
	printf("LOF_TEST_SEED=%" PRIu64 "\n", seed);
	prepare(thread);
	for (rounds = 0; rounds * ROUND * NTHREADS < ops; rounds++) {
		size_t found = run_round(thread);

		wrong += found;
		wrong_rounds += found > 0;
		if (race_left_out && (wrong || is_wrong_in_child))
			break;
	}
	stop = true;
	pthread_barrier_wait(&start);
	for (int i = 0; i < NTHREADS; i++)
		pthread_join(thread[i], NULL);
	printf("without %s: %zu calls, %zu in handlers, %zu children%s; "
	       "%zu wrong pages in %zu rounds; %zu of %zu were suspect\n",
	       part_names[race_left_out], rounds * ROUND * NTHREADS, handled,
	       children, is_wrong_in_child ? ", wrong" : "", wrong,
	       wrong_rounds, suspects, looked_at);
	return wrong > 0 || is_wrong_in_child;
}
