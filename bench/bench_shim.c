/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * mmap and munmap of a page that is not locked, by the shim and by a library
 * that only passes the calls on. Both are loaded into this process and called
 * in turn.
 *
 *	bench_shim [SHIM HAND-ON-LIBRARY]
 */
#include "config.h"

#include "lockonfault.h"

#include <dlfcn.h>
#include <stdio.h>
#include <sys/mman.h>

#include "median.h"

#define PAGE	((size_t)4096)
#define CHUNKS	1001
#define CALLS	500	/* pairs in a chunk */

struct calls {
	__typeof__(mmap) *map;
	__typeof__(munmap) *unmap;
	__typeof__(lof_mlock2) *mlock2;	/* NULL: the library has none */
};

static void *symbol_of(void *library, const char *name)
{
	void *symbol = dlsym(library, name);

	if (!symbol) {
		fprintf(stderr, "bench_shim: %s\n", dlerror());
		exit(1);
	}
	return symbol;
}

static struct calls load(const char *file)
{
	void *library = dlopen(file, RTLD_NOW | RTLD_LOCAL);
	struct calls calls;

	if (!library) {
		fprintf(stderr, "bench_shim: %s\n", dlerror());
		exit(1);
	}
	*(void **)&calls.map = symbol_of(library, "mmap");
	*(void **)&calls.unmap = symbol_of(library, "munmap");
	*(void **)&calls.mlock2 = dlsym(library, "mlock2");
	return calls;
}

static double chunk(const struct calls *calls)
{
	double begin = now_ns();

	for (int i = 0; i < CALLS; i++) {
		void *page = calls->map(NULL, PAGE, PROT_READ,
					MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (page == MAP_FAILED || calls->unmap(page, PAGE))
			fail("bench_shim");
	}
	return (now_ns() - begin) / CALLS;
}

static void measure(const char *name, const struct calls *hand_on,
		    const struct calls *shim)
{
	static double ones[CHUNKS], others[CHUNKS], added[CHUNKS];
	double a, b, low, high;

	for (int i = 0; i < CHUNKS; i++) {
		ones[i] = chunk(hand_on);
		others[i] = chunk(shim);
		added[i] = others[i] - ones[i];
	}
	a = median(ones, CHUNKS);
	b = median(others, CHUNKS);
	low = quantile(added, CHUNKS, 0.25);
	high = quantile(added, CHUNKS, 0.75);
	printf("%-28s %8.0f %8.0f %8.1f  %6.1f to %.1f\n", name, a, b,
	       quantile(added, CHUNKS, 0.5), low, high);
}

int main(int argc, char **argv)
{
	struct calls hand_on = load(argc > 2 ? argv[2] : ".libs/hand_on.so");
	struct calls shim = load(argc > 2 ? argv[1] :
				 ".libs/liblockonfault-preload.so");
	void *page;

	printf("mmap + munmap of a page, ns, medians of %d chunks in turn\n"
	       "%-28s %8s %8s %8s  quartiles\n", CHUNKS, "", "hand on", "shim",
	       "added");
	measure("nothing is locked", &hand_on, &shim);
	page = shim.map((void *)((uintptr_t)1 << 44), PAGE, PROT_READ,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	if (page == MAP_FAILED || shim.mlock2(page, PAGE, MLOCK_ONFAULT))
		fail("bench_shim");
	measure("a page is locked elsewhere", &hand_on, &shim);
	return 0;
}
