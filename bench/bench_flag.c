/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Compare lock-on-fault without mlock2 with mlock2: the lock, and then the
 * touches. Each measurement has its own process; the ways take turns. Times are
 * CPU time, user and system, unless noted. lof_cap_override() hides mlock2.
 *
 *	bench_flag [--2015 FILE]
 *
 * With a file: the benchmark from the cover letter of VM_LOCKONFAULT, of July
 * 2015: 15,000,000 random accesses to 5 GB of the file.
 */
#include "config.h"

#include "lockonfault.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kernel/caps.h"
#include "median.h"

#define PAGE		((size_t)4096)
#define GIB		((size_t)1 << 30)
#define ROUNDS		11
#define THREADS		64

enum way { NO_LOCK, NATIVE, FLAG, FULL, EACH, NWAYS };
enum kind { PRIVATE, SHARED, MEMFD, FILE_READ, NKINDS };

struct result {
	double lock_us, total_ms;	/* wall; CPU */
	double wall_ms;
	long resident, areas;		/* pages and VMAs that the lock added */
};

/* The measured work of a child. */
struct job {
	enum kind kind;
	int fd;				/* -1: no file */
	size_t len, touches;
	bool at_random;
};

static long count_lines(const char *path)
{
	FILE *file = fopen(path, "re");
	long n = 0;
	int c;

	while (file && (c = getc(file)) != EOF)
		n += c == '\n';
	if (file)
		fclose(file);
	return n;
}

/*
 * The resident pages of a private anonymous mapping. For a file mincore would
 * count the pages in the page cache.
 */
static long present_pages(volatile char *addr, size_t len)
{
	static unsigned char there[16384];
	long n = 0;

	for (size_t at = 0; at < len; at += sizeof(there) * PAGE) {
		if (mincore((char *)addr + at, sizeof(there) * PAGE, there))
			fail("mincore");
		for (size_t i = 0; i < sizeof(there); i++)
			n += there[i] & 1;
	}
	return n;
}

static long resident_pages(void)
{
	FILE *file = fopen("/proc/self/statm", "re");
	long size, resident = 0;

	if (file) {
		if (fscanf(file, "%ld %ld", &size, &resident) != 2)
			resident = 0;
		fclose(file);
	}
	return resident;
}

static volatile char *map(const struct job *job)
{
	int prot = job->kind == FILE_READ ? PROT_READ : PROT_READ | PROT_WRITE;
	int flags = job->kind == PRIVATE || job->kind == FILE_READ ?
		    MAP_PRIVATE : MAP_SHARED;
	int fd = job->fd;
	void *addr;

	if (job->kind == MEMFD) {
		fd = memfd_create("bench", MFD_CLOEXEC);
		if (fd < 0 || ftruncate(fd, (off_t)job->len))
			fail("memfd");
	}
	if (fd < 0)
		flags |= MAP_ANONYMOUS;
	addr = mmap(NULL, job->len, prot, flags | MAP_NORESERVE, fd, 0);
	if (addr == MAP_FAILED)
		fail("mmap");
	return addr;
}

/* xorshift: the pages in random order, the same order for each way. */
static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static void touch(volatile char *addr, const struct job *job, enum way way)
{
	size_t npages = job->len / PAGE, at;
	uint64_t state = 88172645463325252u;

	for (size_t i = 0; i < job->touches; i++) {
		at = job->at_random ? next_random(&state) % npages
				    : i * (npages / job->touches);
		/* Fails when there are too many VMAs. */
		if (way == EACH)
			mlock((char *)addr + at * PAGE, PAGE);
		if (job->kind == FILE_READ)
			(void)addr[at * PAGE];
		else
			addr[at * PAGE] = 1;
	}
}

static int lock(volatile char *addr, size_t len, enum way way)
{
	switch (way) {
	case NATIVE: case FLAG:
		return lof_mlock2((char *)addr, len, MLOCK_ONFAULT);
	case FULL:
		return lof_mlock2((char *)addr, len, 0);
	default:
		return 0;
	}
}

static struct result in_child(const struct job *job, enum way way)
{
	struct result result = { .lock_us = 0 };
	volatile char *addr = map(job);
	double began, cpu;

	lof_cap_override(LOF_CAP_MLOCK2, way != FLAG);
	/* Let the library ask the kernel for its features before. */
	lock((volatile char *)map(&(struct job){ PRIVATE, -1, PAGE, 0, 0 }),
	     PAGE, way);
	result.areas = -count_lines("/proc/self/maps");
	cpu = cpu_ms();
	began = now_ns();
	if (lock(addr, job->len, way))
		fail("lock");
	result.lock_us = (now_ns() - began) / 1e3;
	if (!job->touches) {
		result.areas += count_lines("/proc/self/maps");
		result.resident = present_pages(addr, job->len);
	}
	touch(addr, job, way);
	result.wall_ms = (now_ns() - began) / 1e6;
	result.total_ms = cpu_ms() - cpu;
	return result;
}

/* Run a measurement in a child. */
static struct result run(struct result (*work)(const struct job *, enum way),
			 const struct job *job, enum way way)
{
	struct result result;
	int ends[2];
	pid_t pid;

	if (pipe(ends))
		fail("pipe");
	fflush(stdout);
	pid = fork();
	if (pid < 0)
		fail("fork");
	if (pid == 0) {
		result = work(job, way);
		_exit(write(ends[1], &result, sizeof(result)) !=
		      sizeof(result));
	}
	close(ends[1]);
	if (read(ends[0], &result, sizeof(result)) != sizeof(result))
		fail("child");
	close(ends[0]);
	waitpid(pid, NULL, 0);
	return result;
}

/* Medians of rounds. The ways take turns, in one order and then the other. */
static void measure(struct result (*work)(const struct job *, enum way),
		    const struct job *job, enum way first, enum way last,
		    struct result *results)
{
	static double lock_us[NWAYS][ROUNDS], total[NWAYS][ROUNDS];
	static double wall[NWAYS][ROUNDS];

	for (int i = 0; i < ROUNDS; i++)
		for (enum way turn = first; turn <= last; turn++) {
			enum way way = i % 2 ? first + last - turn : turn;

			results[way] = run(work, job, way);
			lock_us[way][i] = results[way].lock_us;
			total[way][i] = results[way].total_ms;
			wall[way][i] = results[way].wall_ms;
		}
	for (enum way way = first; way <= last; way++) {
		results[way].lock_us = median(lock_us[way], ROUNDS);
		results[way].total_ms = median(total[way], ROUNDS);
		results[way].wall_ms = median(wall[way], ROUNDS);
	}
}

static void bench_lock(void)
{
	const struct job job = { PRIVATE, -1, 5 * GIB, 0, false };
	struct result r[NWAYS];

	measure(in_child, &job, NATIVE, FLAG, r);
	printf("lock 5 GiB, fresh          native %6.1f us, flag %6.1f us "
	       "(%.1f times), %ld pages, %ld areas more\n", r[NATIVE].lock_us,
	       r[FLAG].lock_us, r[FLAG].lock_us / r[NATIVE].lock_us,
	       r[FLAG].resident, r[FLAG].areas);
}

static void bench_touch(int fd)
{
	static const char *const names[] = {
		"private", "shared", "memfd", "file, read"
	};
	static const size_t percents[] = { 1, 10, 100 };

	printf("\n1 GiB, lock and touch      flag / native, CPU\n%-12s",
	       "touched");
	for (int i = 0; i < 6; i++)
		printf(" %5zu %% %s", percents[i / 2], i % 2 ? "rnd" : "seq");
	for (enum kind kind = PRIVATE; kind < NKINDS; kind++) {
		if (kind == FILE_READ && fd < 0)
			continue;
		printf("\n%-12s", names[kind]);
		for (int i = 0; i < 6; i++) {
			struct job job = {
				kind, kind == FILE_READ ? fd : -1, GIB,
				GIB / PAGE * percents[i / 2] / 100, i % 2
			};
			struct result r[NWAYS];

			measure(in_child, &job, NATIVE, FLAG, r);
			printf(" %11.2f",
			       r[FLAG].total_ms / r[NATIVE].total_ms);
		}
	}
	printf("\n");
}

static pthread_barrier_t barrier;

static void *wait_for_end(void *arg)
{
	pthread_barrier_wait(&barrier);
	pause();
	return arg;
}

/* mlockall(MCL_CURRENT), with many stacks and a large untouched mapping. */
static struct result lock_all_in_child(const struct job *job, enum way way)
{
	struct result result = { .lock_us = 0 };
	double began, cpu;
	pthread_t thread;

	lof_cap_override(LOF_CAP_MLOCK2, way != FLAG);
	lof_cap_override(LOF_CAP_MLOCKALL_ONFAULT, way != FLAG);
	lof_cap_is_there(LOF_CAP_ONFAULT_BY_MLOCK);
	map(job);
	pthread_barrier_init(&barrier, NULL, THREADS + 1);
	for (int i = 0; i < THREADS; i++)
		if (pthread_create(&thread, NULL, wait_for_end, NULL))
			fail("pthread_create");
	pthread_barrier_wait(&barrier);
	result.resident = -resident_pages();
	cpu = cpu_ms();
	began = now_ns();
	if (lof_mlockall(way == FULL ? MCL_CURRENT
				     : MCL_CURRENT | MCL_ONFAULT))
		fail("mlockall");
	result.lock_us = (now_ns() - began) / 1e3;
	result.total_ms = cpu_ms() - cpu;
	result.resident += resident_pages();
	return result;
}

static void bench_lockall(void)
{
	const struct job job = { PRIVATE, -1, 2 * GIB, 0, false };
	struct result r[NWAYS];

	measure(lock_all_in_child, &job, NATIVE, FULL, r);
	printf("\nmlockall, 64 threads and 2 GiB      ms CPU   MiB more\n");
	for (enum way way = NATIVE; way <= FULL; way++)
		printf("%-33s %8.2f %10.2f\n",
		       way == NATIVE ? "native, on fault" :
		       way == FLAG ? "flag, on fault" : "in full",
		       r[way].total_ms, (double)r[way].resident / 256);
	printf("flag / native %.2f\n", r[FLAG].total_ms / r[NATIVE].total_ms);
}

/* The table of 2015: setup and processing, wall time. */
static void bench_2015(int fd)
{
	static const char *const names[] = {
		"no lock", "mlock2(MLOCK_ONFAULT)", "the same by mlock",
		"mlock of all", "mlock before each access",
	};
	const struct job job = { FILE_READ, fd, 5 * GIB, 15000000, true };
	struct result r[NWAYS];

	measure(in_child, &job, NO_LOCK, FULL, r);
	r[EACH] = run(in_child, &job, EACH);
	printf("\n5 GiB of a file, 15,000,000 accesses at random, ms\n"
	       "%-26s %9s %11s %9s %9s\n", "", "setup", "processing", "CPU",
	       "/ native");
	for (enum way way = NO_LOCK; way < NWAYS; way++)
		printf("%-26s %9.3f %11.2f %9.2f %9.2f\n", names[way],
		       r[way].lock_us / 1e3,
		       r[way].wall_ms - r[way].lock_us / 1e3, r[way].total_ms,
		       r[way].total_ms / r[NATIVE].total_ms);
}

int main(int argc, char **argv)
{
	bool old = argc > 2 && strcmp(argv[1], "--2015") == 0;
	int fd = argc > 2 ? open(argv[2], O_RDONLY | O_CLOEXEC) : -1;

	if (argc > 2 && fd < 0)
		fail(argv[2]);
	printf("medians of %d rounds\n", ROUNDS);
	bench_lock();
	bench_touch(fd);
	bench_lockall();
	if (old)
		bench_2015(fd);
	return 0;
}
