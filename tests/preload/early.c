/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A library that locks memory in a constructor: before main, and perhaps before
 * the constructor of the shim.
 */
#include "config.h"

#include <stddef.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SEEN __attribute__((visibility("default")))

extern SEEN void *early_mapped, *early_locked, *early_numbered;
void *early_mapped, *early_locked, *early_numbered;

static void *map(size_t len, int flags)
{
	void *addr = mmap(NULL, len, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);

	if (addr == MAP_FAILED)
		abort();
	return addr;
}

__attribute__((constructor(101)))
static void early(void)
{
	size_t len = 4 * (size_t)sysconf(_SC_PAGESIZE);

	early_mapped = map(len, MAP_LOCKED);
	early_locked = map(len, 0);
	early_numbered = map(len, 0);
	if (mlock(early_locked, len) ||
	    syscall(SYS_mlock, early_numbered, len))
		abort();
}
