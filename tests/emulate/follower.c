/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A program for test_future.sh that uses only libc. It calls mlockall() with
 * MCL_FUTURE, and then makes threads and a large allocation, which would fail
 * under a limit. The argument is a library to load. With the argument, and
 * under the shim, the program prints the bytes that are locked and the bytes
 * that are left out, by smaps and by lof_stats().
 */
#include "config.h"

#include <dlfcn.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lockonfault.h"

#define NTHREADS	64
#define MUCH		((size_t)1 << 30)

static pthread_barrier_t all_are_there, all_is_told;

static void *stay(void *unused)
{
	pthread_barrier_wait(&all_are_there);
	pthread_barrier_wait(&all_is_told);
	return unused;
}

/* Bytes of the VMAs by their flags, as lof_stats() counts them. */
struct sums {
	uint64_t locked, writable, other;
};

static void add(struct sums *sums, const char *flags, uint64_t len)
{
	const uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);

	/* No room would lock the page from which a stack grows. */
	if (strstr(flags, " gd") && !strstr(flags, " lo")) {
		sums->other += page;
		len -= page;
	}
	if (strstr(flags, " lo"))
		sums->locked += len;
	else if (strstr(flags, " io") || strstr(flags, " pf") ||
		 strstr(flags, " de"))
		return;
	else if (strstr(flags, " wr"))
		sums->writable += len;
	else
		sums->other += len;
}

static int read_sums(struct sums *sums)
{
	static char buf[1 << 16], line[512];
	FILE *smaps = fopen("/proc/self/smaps", "r");
	uint64_t start, end, len = 0;

	if (!smaps)
		return -1;
	setvbuf(smaps, buf, _IOFBF, sizeof(buf));
	memset(sums, 0, sizeof(*sums));
	while (fgets(line, sizeof(line), smaps))
		if (sscanf(line, "%" SCNx64 "-%" SCNx64 " ", &start, &end) == 2)
			len = end - start;
		else if (!strncmp(line, "VmFlags:", 8))
			add(sums, line, len);
	return fclose(smaps);
}

static int told(const char *name, uint64_t smaps, uint64_t library)
{
	printf("%s %" PRIu64 " %" PRIu64 "\n", name, smaps, library);
	return smaps != library;
}

static int compare(void)
{
	int (*ask)(struct lof_stats *, size_t), wrong = 0;
	void *symbol = dlsym(RTLD_DEFAULT, "lof_stats");
	struct lof_stats stats;
	struct sums sums;

	if (!symbol)
		return 0;
	memcpy(&ask, &symbol, sizeof(ask));
	/* Read twice, so that stdio maps its memory before lof_stats(). */
	if (read_sums(&sums) || printf("\n") < 0 ||
	    ask(&stats, sizeof(stats)) || read_sums(&sums))
		return 1;
	wrong |= told("locked", sums.locked, stats.charged);
	wrong |= told("left_out", sums.writable, stats.left_out);
	wrong |= told("passed_over", sums.other, stats.passed_over);
	return wrong;
}

static int failed(const char *call)
{
	perror(call);
	return 1;
}

int main(int argc, char **argv)
{
	pthread_t thread[NTHREADS];
	char *volatile much;	/* else a compiler removes malloc() */
	int wrong;

	pthread_barrier_init(&all_are_there, NULL, NTHREADS + 1);
	pthread_barrier_init(&all_is_told, NULL, NTHREADS + 1);
	if (mlockall(MCL_CURRENT | MCL_FUTURE))
		return failed("mlockall");
	for (int i = 0; i < NTHREADS; i++)
		if (pthread_create(&thread[i], NULL, stay, NULL))
			return failed("pthread_create");
	pthread_barrier_wait(&all_are_there);
	much = malloc(MUCH);
	if (!much)
		return failed("malloc");
	much[MUCH / 2] = 1;
	if (argc > 1 && !dlopen(argv[1], RTLD_NOW))
		return failed("dlopen");
	wrong = argc > 1 && compare();
	pthread_barrier_wait(&all_is_told);
	for (int i = 0; i < NTHREADS; i++)
		pthread_join(thread[i], NULL);
	free(much);
	return wrong ? 2 : 0;
}
