/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The cost of lof_walk, lof_query and lof_sync, compared with reading
 * /proc/self/smaps without parsing it. The ways take turns; prints medians.
 *
 *	bench_reading [DATA-FILE]
 */
#include "config.h"

#include "lockonfault.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "median.h"

#define PAGE	((size_t)4096)
#define ROUNDS	11

static char *memory;
static size_t nregions;

static int count(const struct lof_region *region, void *arg)
{
	(void)region;
	++*(size_t *)arg;
	return 0;
}

static int cat(void)
{
	static char buf[128 << 10];
	int fd = open("/proc/self/smaps", O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -1;
	do
		n = read(fd, buf, sizeof(buf));
	while (n > 0);
	close(fd);
	return n < 0 ? -1 : 0;
}

static int walk(void)
{
	nregions = 0;
	return lof_walk(count, &nregions);
}

static int query(void)
{
	struct lof_region region;

	return lof_query(memory, &region, sizeof(region));
}

static const struct way {
	const char *name;
	int (*call)(void);
} ways[] = {
	{ "cat smaps", cat }, { "lof_sync", lof_sync },
	{ "lof_walk", walk }, { "lof_query", query },
};

#define NWAYS	(sizeof(ways) / sizeof(ways[0]))

static int measure(size_t nareas, FILE *data)
{
	static double times[NWAYS][ROUNDS];
	double begin;

	for (size_t i = 0; i < ROUNDS; i++)
		for (size_t way = 0; way < NWAYS; way++) {
			begin = now_ns();
			if (ways[way].call())
				return -1;
			times[way][i] = (now_ns() - begin) / 1000;
		}
	for (size_t way = 0; way < NWAYS; way++) {
		double time = median(times[way], ROUNDS);

		printf("%8zu  %-10s %10.1f %8.3f\n", nareas, ways[way].name,
		       time, time / median(times[0], ROUNDS));
		fprintf(data, "%zu\t\"%s\"\t%.1f\n", nareas, ways[way].name,
			time);
	}
	return 0;
}

/* Lock every second page, so that each page is a VMA. */
static int bench(size_t nareas, FILE *data)
{
	int err = 0;

	memory = mmap(NULL, nareas * PAGE, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED)
		return -1;
	for (size_t i = 0; i < nareas && !err; i += 2)
		err = lof_mlock2(memory + i * PAGE, PAGE, MLOCK_ONFAULT);
	if (!err)
		err = measure(nareas, data);
	lof_munmap(memory, nareas * PAGE);
	return err;
}

int main(int argc, char **argv)
{
	static const size_t sizes[] = { 10, 1000, 60000 };
	FILE *data = fopen(argc > 1 ? argv[1] : "/dev/null", "w");

	if (!data) {
		perror("bench_reading");
		return 1;
	}
	printf("medians of %d rounds, microseconds, and beside cat\n%8s\n",
	       ROUNDS, "areas");
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		if (bench(sizes[i], data)) {
			/* probably vm.max_map_count */
			printf("%8zu  %s\n", sizes[i], strerror(errno));
			break;
		}
	return fclose(data);
}
