/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The size that the demo locks: as large as the limit and the memory allow. */
#include "config.h"

#include "demo.h"

#include <err.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "cmd.h"
#include "lockonfault.h"

#define MIN_PAGES	8

static void raise_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_MEMLOCK, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_MEMLOCK, &limit);
	}
}

/* The demo never touches this memory, so the kernel allocates no page. */
static int try_lock(uint64_t size)
{
	void *addr;

	addr = lof_mmap_onfault(NULL, (size_t)size, PROT_NONE,
				MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
				-1, 0);
	if (addr == MAP_FAILED)
		return -errno;
	lof_munmap(addr, (size_t)size);
	return 0;
}

static uint64_t available_memory(void)
{
	FILE *file = fopen("/proc/meminfo", "re");
	uint64_t kib = UINT64_MAX / 1024;
	char line[128];

	if (!file)
		return UINT64_MAX;
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "MemAvailable: %" SCNu64, &kib) == 1)
			break;
	fclose(file);
	return kib * 1024;
}

/* The range grows by a quarter of size, which must be whole pages too. */
static uint64_t round_down(uint64_t size)
{
	return size - size % (4 * (uint64_t)sysconf(_SC_PAGESIZE));
}

static uint64_t shrink(uint64_t size, uint64_t limit, const char *what)
{
	char text[2][LOF_SIZE_CHARS];
	uint64_t fits = round_down(limit / 5 * 4);

	if (fits >= size)
		fits = round_down(size / 2);
	printf("%s (%s) allows no more than %s.\n", what,
	       lof_size_text(text[0], limit), lof_size_text(text[1], fits));
	return fits;
}

/* Make the size smaller until the kernel locks it; 0 after a message. */
static uint64_t fit_limit(uint64_t size, uint64_t smallest)
{
	struct rlimit limit = { .rlim_cur = 0 };
	int err;

	raise_limit();
	getrlimit(RLIMIT_MEMLOCK, &limit);
	for (;;) {
		err = try_lock(lof_demo_grown(size));
		if (!err)
			return size;
		if (err == -ENOSYS || limit.rlim_cur == RLIM_INFINITY)
			break;
		size = shrink(size, limit.rlim_cur, "RLIMIT_MEMLOCK");
		if (size < smallest)
			break;
	}
	errno = -err;
	warn("cannot lock on fault");
	return 0;
}

uint64_t lof_demo_choose_size(uint64_t size)
{
	uint64_t smallest = MIN_PAGES * (uint64_t)sysconf(_SC_PAGESIZE);
	uint64_t memory = available_memory() / 2;
	char text[LOF_SIZE_CHARS];

	if (size > SIZE_MAX / 2)
		size = SIZE_MAX / 2;
	size = round_down(size);
	if (lof_demo_grown(size) > memory)
		size = shrink(size, memory, "Half of the available memory");
	if (size >= smallest)
		return fit_limit(size, smallest);
	warnx("the size is too small: the demo needs at least %s",
	      lof_size_text(text, smallest));
	return 0;
}
