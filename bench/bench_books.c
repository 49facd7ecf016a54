/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The time that the library itself takes in a call. The linker (--wrap)
 * replaces the system calls on the program's memory by functions that return at
 * once, and the time of such a function is subtracted. So all data is in the
 * cache. bench_wrappers measures the library with the system calls.
 *
 *	bench_books [DATA-FILE]
 */
#include "config.h"

#include "lockonfault.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "kernel/sys.h"
#include "median.h"

#define PAGE	((size_t)4096)
#define CHUNKS	501
#define CALLS	1000	/* in a chunk */

/* Addresses of ranges. No memory is mapped there. */
#define TRACKED		((uintptr_t)1 << 44)
#define ELSEWHERE	((uintptr_t)1 << 45)
#define FAR_AWAY	((uintptr_t)1 << 46)

static bool taken_out;
static uintptr_t mapped;

#define WITHOUT_KERNEL(call, params, args) \
	int __real_##call params; \
	int __wrap_##call params; \
	int __wrap_##call params \
	{ \
		return taken_out ? 0 : __real_##call args; \
	}

WITHOUT_KERNEL(lof_sys_munmap, (uintptr_t addr, size_t len), (addr, len))
WITHOUT_KERNEL(lof_sys_munlock, (struct lof_range range), (range))
WITHOUT_KERNEL(lof_sys_mlock2, (struct lof_range range, unsigned int flags),
	       (range, flags))

int __real_lof_sys_mmap(uintptr_t addr, size_t len, int prot, int flags,
			int fd, int64_t off, uintptr_t *result);
int __wrap_lof_sys_mmap(uintptr_t addr, size_t len, int prot, int flags,
			int fd, int64_t off, uintptr_t *result);
int __wrap_lof_sys_mmap(uintptr_t addr, size_t len, int prot, int flags,
			int fd, int64_t off, uintptr_t *result)
{
	if (!taken_out || !(flags & MAP_NORESERVE))
		return __real_lof_sys_mmap(addr, len, prot, flags, fd, off,
					   result);
	*result = addr ? addr : mapped;
	return 0;
}

int __real_lof_sys_mremap(uintptr_t addr, size_t old_len, size_t new_len,
			  int flags, uintptr_t new_addr, uintptr_t *result);
int __wrap_lof_sys_mremap(uintptr_t addr, size_t old_len, size_t new_len,
			  int flags, uintptr_t new_addr, uintptr_t *result);
int __wrap_lof_sys_mremap(uintptr_t addr, size_t old_len, size_t new_len,
			  int flags, uintptr_t new_addr, uintptr_t *result)
{
	/* A call for the library's own memory, which grows in place. */
	if (!taken_out || !new_addr)
		return __real_lof_sys_mremap(addr, old_len, new_len, flags,
					     new_addr, result);
	*result = new_addr;
	return 0;
}

/* All memory that the library believes locked is locked. */
int __real_lof_sys_msync(struct lof_range range, int flags);
int __wrap_lof_sys_msync(struct lof_range range, int flags);
int __wrap_lof_sys_msync(struct lof_range range, int flags)
{
	return taken_out && flags & MS_INVALIDATE ? -EBUSY
			 : __real_lof_sys_msync(range, flags);
}

/* Let the library ask the kernel for its features now. */
static void warm_up(void)
{
	void *page = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS,
			  -1, 0);

	if (page == MAP_FAILED || lof_mlock2(page, PAGE, MLOCK_ONFAULT)) {
		perror("bench_books");
		exit(1);
	}
	lof_munmap(page, PAGE);
}

static size_t nranges;
static unsigned int random_state = 1;

static void *any_tracked(void)
{
	random_state = random_state * 1664525 + 1013904223;
	return (void *)(TRACKED + 2 * PAGE *
			((uint64_t)random_state * nranges >> 32));
}

/* The replaced system calls, to be subtracted, and the calls of the library. */
static void bare_munmap(void)
{
	__wrap_lof_sys_munmap(ELSEWHERE, PAGE);
}

static void untracked_munmap(void)
{
	lof_munmap((void *)ELSEWHERE, PAGE);
}

static void bare_mmap_fixed(void)
{
	uintptr_t unused;

	__wrap_lof_sys_mmap(ELSEWHERE, PAGE, PROT_READ,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED |
			    MAP_NORESERVE, -1, 0, &unused);
}

static void untracked_mmap_fixed(void)
{
	lof_mmap((void *)ELSEWHERE, PAGE, PROT_READ,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1,
		 0);
}

static void bare_mmap(void)
{
	uintptr_t unused;

	__wrap_lof_sys_mmap(0, PAGE, PROT_READ,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1,
			    0, &unused);
}

static void untracked_mmap(void)
{
	lof_mmap(NULL, PAGE, PROT_READ,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
}

/* A page between tracked pages. */
static void *beside;

static void beside_munmap(void)
{
	lof_munmap(beside, PAGE);
}

static void bare_pair(void)
{
	uintptr_t page = (uintptr_t)any_tracked();
	struct lof_range range = { page, page + PAGE };

	__wrap_lof_sys_munlock(range);
	__wrap_lof_sys_mlock2(range, MLOCK_ONFAULT);
}

static void tracked_pair(void)
{
	void *page = any_tracked();

	lof_munlock(page, PAGE);
	lof_mlock2(page, PAGE, MLOCK_ONFAULT);
}

static void tracked_replace(void)
{
	void *page = any_tracked();

	lof_munmap(page, PAGE);
	lof_mmap(page, PAGE, PROT_READ,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1,
		 0);
	lof_mlock2(page, PAGE, MLOCK_ONFAULT);
}

static void tracked_move(void)
{
	void *page = any_tracked();

	lof_mremap(page, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED,
		   (void *)FAR_AWAY);
	lof_mremap((void *)FAR_AWAY, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED,
		   page);
}

static double chunk(void (*op)(void))
{
	double begin = now_ns();

	for (int i = 0; i < CALLS; i++)
		op();
	return (now_ns() - begin) / CALLS;
}

static void measure(const char *name, void (*bare)(void), void (*op)(void),
		    FILE *data)
{
	static double bares[CHUNKS], ops[CHUNKS];
	double cost;

	taken_out = true;
	for (int i = 0; i < CHUNKS; i++) {
		bares[i] = chunk(bare);
		ops[i] = chunk(op);
	}
	taken_out = false;
	cost = median(ops, CHUNKS) - median(bares, CHUNKS);
	printf("%8zu  %-32s %7.1f\n", nranges, name, cost);
	fprintf(data, "%zu\t\"%s\"\t%.1f\n", nranges, name, cost);
}

static void measure_untracked(FILE *data)
{
	measure("munmap, untracked", bare_munmap, untracked_munmap, data);
	measure("mmap fixed, untracked", bare_mmap_fixed, untracked_mmap_fixed,
		data);
	measure("mmap, untracked", bare_mmap, untracked_mmap, data);
}

/* Lock n ranges. The multiplier scatters them: it reaches each place once. */
static int track(size_t n)
{
	int err = 0;

	nranges = n;
	taken_out = true;
	for (size_t i = 0; i < n && !err; i++)
		err = lof_mlock2((char *)TRACKED + 2 * PAGE * (i * 7919 % n),
				 PAGE, MLOCK_ONFAULT);
	taken_out = false;
	return err;
}

int main(int argc, char **argv)
{
	static const size_t sizes[] = { 10, 1000, 100000, 1000000 };
	FILE *data = fopen(argc > 1 ? argv[1] : "/dev/null", "w");

	if (!data) {
		perror("bench_books");
		return 1;
	}
	mapped = ELSEWHERE;
	beside = (char *)TRACKED + PAGE;
	printf("medians of %d chunks, ns, the system calls taken out\n%8s\n",
	       CHUNKS, "ranges");
	measure_untracked(data);
	warm_up();
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		if (track(sizes[i])) {
			perror("bench_books");
			return 1;
		}
		measure_untracked(data);
		measure("munmap, beside tracked", bare_munmap, beside_munmap,
			data);
		measure("munlock mlock2", bare_pair, tracked_pair, data);
		measure("munmap mmap-fixed mlock2", bare_pair, tracked_replace,
			data);
		measure("mremap, to and back", bare_pair, tracked_move, data);
	}
	return fclose(data);
}
