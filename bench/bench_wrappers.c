/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The cost of the wrappers compared with the raw system calls. Both run in
 * turn, in chunks; prints the medians of the chunks. Only the share that the
 * wrapper adds can be compared between machines. Nothing is asserted.
 *
 *	bench_wrappers [DATA-FILE]
 */
#include "config.h"

#include "lockonfault.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "median.h"

#define PAGE	((size_t)4096)
#define CHUNKS	201
#define CALLS	200	/* in a chunk */

/* The target of moves, where the kernel maps no memory by itself. */
#define FAR_AWAY	((char *)((uintptr_t)1 << 32))

static FILE *data;
static char *tracked;		/* every second page is locked on fault */
static size_t nranges;

struct place {
	char *untracked;
	unsigned int random;
};

typedef void (*operation)(struct place *place);

static void *raw_map(void *addr, int flags)
{
	return (void *)syscall(SYS_mmap, addr, PAGE, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0L);
}

static char *any_tracked(struct place *place)
{
	place->random = place->random * 1664525 + 1013904223;
	return tracked + 2 * PAGE * ((uint64_t)place->random * nranges >> 32);
}

static void raw_lock(struct place *place)
{
	char *page = any_tracked(place);

	syscall(SYS_munlock, page, PAGE);
	syscall(SYS_mlock2, page, PAGE, MLOCK_ONFAULT);
}

static void lof_lock(struct place *place)
{
	char *page = any_tracked(place);

	lof_munlock(page, PAGE);
	lof_mlock2(page, PAGE, MLOCK_ONFAULT);
}

static void raw_replace(struct place *place)
{
	char *page = any_tracked(place);

	syscall(SYS_munmap, page, PAGE);
	raw_map(page, MAP_FIXED);
	syscall(SYS_mlock2, page, PAGE, MLOCK_ONFAULT);
}

static void lof_replace(struct place *place)
{
	char *page = any_tracked(place);

	lof_munmap(page, PAGE);
	lof_mmap(page, PAGE, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	lof_mlock2(page, PAGE, MLOCK_ONFAULT);
}

/* Two moves: to FAR_AWAY and back. */
static void raw_move(struct place *place)
{
	char *page = any_tracked(place);

	syscall(SYS_mremap, page, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED,
		FAR_AWAY);
	syscall(SYS_mremap, FAR_AWAY, PAGE, PAGE,
		MREMAP_MAYMOVE | MREMAP_FIXED, page);
}

static void lof_move(struct place *place)
{
	char *page = any_tracked(place);

	lof_mremap(page, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, FAR_AWAY);
	lof_mremap(FAR_AWAY, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, page);
}

static void raw_untracked(struct place *place)
{
	syscall(SYS_munmap, place->untracked, PAGE);
	place->untracked = raw_map(NULL, 0);
}

static void lof_untracked(struct place *place)
{
	lof_munmap(place->untracked, PAGE);
	place->untracked = lof_mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
				    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static double chunk(operation op, struct place *place)
{
	double begin = now_ns();

	for (int i = 0; i < CALLS; i++)
		op(place);
	return (now_ns() - begin) / CALLS;
}

static void measure(const char *name, operation raw, operation lof,
		    int threads)
{
	static double raws[CHUNKS], lofs[CHUNKS], shares[CHUNKS];
	struct place place = { raw_map(NULL, 0), 1 };

	for (int i = 0; i < CHUNKS; i++) {
		raws[i] = chunk(raw, &place);
		lofs[i] = chunk(lof, &place);
		shares[i] = 100 * (lofs[i] / raws[i] - 1);
	}
	syscall(SYS_munmap, place.untracked, PAGE);
	printf("%8zu %7d  %-26s %7.0f %8.0f %6.0f %%  %4.0f to %.0f\n",
	       nranges, threads, name, median(raws, CHUNKS),
	       median(lofs, CHUNKS),
	       100 * (median(lofs, CHUNKS) / median(raws, CHUNKS) - 1),
	       quantile(shares, CHUNKS, 0.25), quantile(shares, CHUNKS, 0.75));
	fprintf(data, "%zu\t%d\t\"%s\"\t%.0f\t%.0f\n", nranges, threads,
		name, median(raws, CHUNKS), median(lofs, CHUNKS));
}

static _Atomic bool stop;

/* Another thread, which calls the wrappers on untracked memory. */
static void *disturb(void *arg)
{
	struct place place = { raw_map(NULL, 0), 7 };

	(void)arg;
	while (!stop)
		lof_untracked(&place);
	syscall(SYS_munmap, place.untracked, PAGE);
	return NULL;
}

static void measure_all(int threads)
{
	measure("munlock mlock2", raw_lock, lof_lock, threads);
	measure("munmap mmap-fixed mlock2", raw_replace, lof_replace, threads);
	measure("mremap", raw_move, lof_move, threads);
	measure("munmap mmap, untracked", raw_untracked, lof_untracked,
		threads);
}

static int bench(size_t n)
{
	pthread_t other;

	nranges = n;
	tracked = mmap(NULL, 2 * n * PAGE, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (tracked == MAP_FAILED)
		return -1;
	/* The multiplier scatters them: it reaches each place once. */
	for (size_t i = 0; i < n; i++)
		if (lof_mlock2(tracked + 2 * PAGE * (i * 7919 % n), PAGE,
			       MLOCK_ONFAULT))
			return -1;
	measure_all(1);
	stop = false;
	if (!pthread_create(&other, NULL, disturb, NULL)) {
		measure_all(2);
		stop = true;
		pthread_join(other, NULL);
	}
	return lof_munmap(tracked, 2 * n * PAGE);
}

int main(int argc, char **argv)
{
	static const size_t sizes[] = { 10, 1000, 100000, 1000000 };

	data = fopen(argc > 1 ? argv[1] : "/dev/null", "w");
	if (!data) {
		perror("bench_wrappers");
		return 1;
	}
	printf("medians of %d chunks, ns for the calls named; what is added, "
	       "and its quartiles\n", CHUNKS);
	printf("%8s %7s  %-26s %7s %8s %8s\n", "ranges", "threads", "calls",
	       "raw", "wrapped", "added");
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		if (bench(sizes[i])) {
			/* probably vm.max_map_count */
			printf("%8zu ranges: %s\n", sizes[i], strerror(errno));
			break;
		}
	}
	return fclose(data);
}
