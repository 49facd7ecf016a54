/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the wrappers cost beside the raw system calls: both in one run, turn and
 * turn about in chunks, and the median of the chunks. Times are of this machine
 * and this moment; the ratio is what travels. Nothing is asserted here.
 */
#include "config.h"

#include "lockonfault.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define PAGE	((size_t)4096)
#define CHUNKS	201
#define CALLS	500	/* in a chunk */

struct place {
	char *tracked;		/* every second page is locked on fault */
	size_t n;
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
	return place->tracked + 2 * PAGE * (place->random % place->n);
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
	struct timespec begin, end;

	clock_gettime(CLOCK_MONOTONIC, &begin);
	for (int i = 0; i < CALLS; i++)
		op(place);
	clock_gettime(CLOCK_MONOTONIC, &end);
	return ((double)(end.tv_sec - begin.tv_sec) * 1e9 +
		(double)(end.tv_nsec - begin.tv_nsec)) / CALLS;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void measure(const char *name, operation raw, operation lof,
		    struct place *place)
{
	double raws[CHUNKS], lofs[CHUNKS];

	for (int i = 0; i < CHUNKS; i++) {
		raws[i] = chunk(raw, place);
		lofs[i] = chunk(lof, place);
	}
	qsort(raws, CHUNKS, sizeof(double), compare);
	qsort(lofs, CHUNKS, sizeof(double), compare);
	printf("%8zu  %-24s %8.0f %8.0f %7.2f  %5.2f to %.2f\n", place->n, name,
	       raws[CHUNKS / 2], lofs[CHUNKS / 2],
	       lofs[CHUNKS / 2] / raws[CHUNKS / 2],
	       lofs[CHUNKS / 4] / raws[CHUNKS / 4],
	       lofs[CHUNKS * 3 / 4] / raws[CHUNKS * 3 / 4]);
}

static int bench(size_t n)
{
	struct place place = { .n = n, .random = 1 };

	place.tracked = mmap(NULL, 2 * n * PAGE, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	place.untracked = raw_map(NULL, 0);
	if (place.tracked == MAP_FAILED || place.untracked == MAP_FAILED)
		return -1;
	for (size_t i = 0; i < n; i++)
		if (lof_mlock2(place.tracked + 2 * i * PAGE, PAGE,
			       MLOCK_ONFAULT))
			return -1;
	measure("munlock mlock2", raw_lock, lof_lock, &place);
	measure("munmap mmap-fixed mlock2", raw_replace, lof_replace, &place);
	measure("munmap mmap, untracked", raw_untracked, lof_untracked,
		&place);
	lof_munmap(place.tracked, 2 * n * PAGE);
	lof_munmap(place.untracked, PAGE);
	return 0;
}

int main(void)
{
	static const size_t sizes[] = { 10, 1000, 20000 };

	printf("medians of %d chunks, nanoseconds for the calls named\n",
	       CHUNKS);
	printf("%8s  %-24s %8s %8s %7s  %s\n", "ranges", "calls", "raw",
	       "wrapped", "ratio", "quartiles");
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		if (bench(sizes[i])) {
			perror("bench_wrappers");
			return EXIT_FAILURE;
		}
	}
	return 0;
}
