/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The cost of finding the touched pages of a budget: CPU time of a
 * lof_catch_up() that finds no new page, by PAGEMAP_SCAN, by pagemap and by
 * mincore, compared with reading smaps. lof_cap_override() hides the better
 * ways. Also prints the memory of 1 GiB that a budget of 8 MiB locks.
 */
#include "config.h"

#include "lockonfault.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "kernel/caps.h"
#include "median.h"

#define PAGE	((size_t)4096)
#define GIB	((size_t)1 << 30)
#define BUDGET	((size_t)8 << 20)
#define ROUNDS	21

enum { BY_IOCTL, BY_PAGEMAP, BY_MINCORE, SMAPS, NWAYS };

static void read_smaps(void)
{
	static char buf[1 << 16];
	int fd = open("/proc/self/smaps", O_RDONLY | O_CLOEXEC);

	while (read(fd, buf, sizeof(buf)) > 0)
		;
	close(fd);
}

static void look(int way)
{
	if (way == SMAPS) {
		read_smaps();
		return;
	}
	lof_cap_override(LOF_CAP_PAGEMAP_SCAN, way == BY_IOCTL ? -1 : 0);
	lof_cap_override(LOF_CAP_PAGEMAP, way == BY_MINCORE ? 0 : -1);
	if (lof_catch_up())
		fail("lof_catch_up");
}

/* Map 1 GiB, and touch a random percentage of its pages. */
static char *make(unsigned int percent)
{
	char *addr = mmap(NULL, GIB, PROT_READ | PROT_WRITE, MAP_PRIVATE |
			  MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	uint64_t state = 1;

	if (addr == MAP_FAILED)
		fail("mmap");
	madvise(addr, GIB, MADV_NOHUGEPAGE);
	for (size_t at = 0; at < GIB; at += PAGE) {
		state = state * 6364136223846793005u + 1442695040888963407u;
		if ((state >> 33) % 100 < percent)
			addr[at] = 1;
	}
	return addr;
}

static void measure(unsigned int percent)
{
	static double ms[NWAYS][ROUNDS];
	char *addr = make(percent);
	struct lof_stats stats;

	if (lof_lock_budget(addr, GIB, BUDGET, LOF_BUDGET_FIRST))
		fail("lof_lock_budget");
	for (int round = 0; round < ROUNDS; round++)
		for (int way = 0; way < NWAYS; way++) {
			double begin = cpu_ms();

			look(way);
			ms[way][round] = cpu_ms() - begin;
		}
	if (lof_stats(&stats, sizeof(stats)))
		fail("lof_stats");
	printf("%5u %%", percent);
	for (int way = 0; way < NWAYS; way++)
		printf("  %10.2f", median(ms[way], ROUNDS));
	printf("  %10.2f  %10.2f\n", (double)stats.swept / (1 << 20),
	       (double)stats.overrun / (1 << 20));
	lof_munmap(addr, GIB);
	lof_catch_up();
}

int main(void)
{
	puts("1 GiB under a budget of 8 MiB, nothing new: ms of CPU for a look; "
	     "MiB");
	puts("touched PAGEMAP_SCAN    pagemap     mincore       smaps"
	     "      locked        over");
	if (!lof_cap_is_there(LOF_CAP_PAGEMAP_SCAN))
		puts("this kernel has no PAGEMAP_SCAN");
	measure(0);
	measure(1);
	measure(10);
	measure(100);
	return 0;
}
