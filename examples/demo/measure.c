/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Measures one way of locking, in a child process, so that memory and locks of
 * one way do not show in the figures of the next.
 */
#include "config.h"

#include "demo.h"

#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kernel/smaps.h"
#include "lockonfault.h"

/* The range is divided into parts; part i gets heat[i] shares of the writes. */
static const unsigned char heat[] = {
	2, 0, 1, 0, 0, 18, 6, 1, 0, 0,  1, 0, 3, 0, 0, 0,
	0, 9, 24, 4, 0, 1, 0, 0, 1, 0, 0, 2, 0, 12, 0, 1,
};

#define NPARTS	sizeof(heat)

/* Sums over the VMAs of a range. A flag is true if all VMAs have the flag. */
struct areas {
	uint64_t rss, pinned;
	bool locked, onfault;
};

uint64_t lof_demo_touched(uint64_t size)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	uint64_t npages = size / page * LOF_DEMO_PERCENT / 100;

	return page * (npages ? npages : 1);
}

uint64_t lof_demo_grown(uint64_t size)
{
	return size + size / 4;
}

/* Write to pages that are spread over the range like a heap's hot spots. */
static void touch(char *addr, size_t size)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), npages = size / page;
	size_t total = lof_demo_touched(size) / page;
	size_t heat_sum = 0, heat_so_far = 0, done = 0;

	for (size_t i = 0; i < NPARTS; i++)
		heat_sum += heat[i];
	for (size_t i = 0; i < NPARTS; i++) {
		size_t start = npages * i / NPARTS;
		size_t len = npages * (i + 1) / NPARTS - start;
		size_t n;

		heat_so_far += heat[i];
		n = total * heat_so_far / heat_sum - done;
		for (size_t k = 0; k < n; k++)
			((volatile char *)addr)[(start + k * len / n) * page] =
				1;
		done += n;
	}
}

static int read_areas(struct areas *areas, const void *addr, size_t len)
{
	struct lof_range range = { (uintptr_t)addr, (uintptr_t)addr + len };
	struct lof_smaps smaps;
	struct lof_vma vma;
	int ret = lof_smaps_open(&smaps, 0);

	*areas = (struct areas){ .locked = true, .onfault = true };
	if (ret)
		return ret;
	while ((ret = lof_smaps_next(&smaps, &vma)) > 0) {
		if (!lof_range_overlaps(vma.range, range))
			continue;
		areas->rss += vma.rss;
		areas->pinned += vma.pinned;
		areas->locked &= vma.locked;
		areas->onfault &= vma.onfault;
	}
	lof_smaps_close(&smaps);
	return ret;
}

static int fail(struct lof_measured *measured, const char *call, int err)
{
	measured->err = err;
	snprintf(measured->failed, sizeof(measured->failed), "%s", call);
	return -1;
}

static int measure_lock(enum lof_way way, void *addr, size_t size,
			struct lof_measured *measured)
{
	uint64_t begin = lof_demo_clock();
	struct areas areas;
	int err;

	if (way != LOF_WAY_NONE) {
		if (lof_mlock2(addr, size, way == LOF_WAY_ONFAULT ?
					   MLOCK_ONFAULT : 0))
			return fail(measured, "mlock2", errno);
		measured->lock_time = lof_demo_clock() - begin;
	}
	err = read_areas(&areas, addr, size);
	if (err)
		return fail(measured, "smaps", -err);
	measured->rss_locked = areas.rss;
	return 0;
}

static int measure_touch(char *addr, size_t size, struct lof_measured *measured)
{
	struct rusage before, after;
	struct areas areas;
	uint64_t begin;
	int err;

	getrusage(RUSAGE_SELF, &before);
	begin = lof_demo_clock();
	touch(addr, size);
	measured->touch_time = lof_demo_clock() - begin;
	getrusage(RUSAGE_SELF, &after);
	measured->faults = (uint64_t)(after.ru_minflt - before.ru_minflt);
	err = read_areas(&areas, addr, size);
	if (err)
		return fail(measured, "smaps", -err);
	measured->rss_touched = areas.rss;
	measured->pinned = areas.pinned;
	err = lof_strip_measure(&measured->strip, addr, size);
	return err ? fail(measured, "mincore", -err) : 0;
}

static int measure_remap(void *addr, size_t size, struct lof_measured *measured)
{
	size_t grown = lof_demo_grown(size);
	struct areas areas;
	void *place;
	int err;

	/* The range must move, so its new place is mapped beforehand. */
	place = lof_mmap(NULL, grown, PROT_NONE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (place == MAP_FAILED)
		return fail(measured, "mmap", errno);
	if (lof_mremap(addr, size, grown, MREMAP_MAYMOVE | MREMAP_FIXED,
		       place) == MAP_FAILED)
		return fail(measured, "mremap", errno);
	err = read_areas(&areas, place, grown);
	if (err)
		return fail(measured, "smaps", -err);
	measured->rss_grown = areas.rss;
	strcpy(measured->flags, areas.onfault ? "lo lf" :
				areas.locked ? "lo" : "");
	return 0;
}

static void measure(enum lof_way way, size_t size,
		    struct lof_measured *measured)
{
	char *addr = lof_mmap(NULL, size, PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1,
			      0);

	if (addr == MAP_FAILED) {
		fail(measured, "mmap", errno);
		return;
	}
	/* With huge pages one byte would make 2 MiB resident in every way. */
	lof_madvise(addr, size, MADV_NOHUGEPAGE);
	if (measure_lock(way, addr, size, measured) == 0 &&
	    measure_touch(addr, size, measured) == 0)
		measure_remap(addr, size, measured);
}

static int take(int fd, pid_t child, struct lof_measured *measured)
{
	ssize_t n = read(fd, measured, sizeof(*measured));
	int status;

	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	if (n != (ssize_t)sizeof(*measured)) {
		warnx("the measuring process was killed: try a smaller --size");
		return -1;
	}
	if (!measured->err)
		return 0;
	errno = measured->err;
	warn("%s", measured->failed);
	return -1;
}

int lof_demo_measure(enum lof_way way, size_t size,
		     struct lof_measured *measured)
{
	int fds[2], ret;
	pid_t child;

	fflush(stdout);
	if (pipe(fds)) {
		warn("cannot make a pipe");
		return -1;
	}
	child = fork();
	if (child == 0) {
		*measured = (struct lof_measured){ .err = 0 };
		measure(way, size, measured);
		/* Less than PIPE_BUF bytes are written whole or not at all. */
		_exit(write(fds[1], measured, sizeof(*measured)) < 0);
	}
	close(fds[1]);
	if (child < 0) {
		warn("cannot make a process");
		ret = -1;
	} else {
		ret = take(fds[0], child, measured);
	}
	close(fds[0]);
	return ret;
}
