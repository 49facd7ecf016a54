/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A program that links the library and runs under the shim too: there is one
 * ledger. truth_is_equal() asks it by lof_walk().
 */
#include "config.h"

#include <stdio.h>
#include <unistd.h>

#include "lockonfault.h"

#include "truth.h"

#define NPAGES 8

int main(void)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	struct lof_region region;
	char kinds[NPAGES + 1];
	char *addr;

	addr = mmap(NULL, NPAGES * page, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_LOCKED, -1, 0);
	if (addr == MAP_FAILED || munlock(addr + page, 2 * page) ||
	    mlock2(addr + 4 * page, 2 * page, 0) ||
	    munlock2(addr, 4 * page, MLOCK_ONFAULT) ||
	    mlock(addr + 2 * page, page) ||
	    munlock2(addr + 5 * page, 2 * page, MLOCK_LOCKED) ||
	    lof_query(addr + 6 * page, &region, sizeof(region)))
		return 1;
	truth_assert_equal((uintptr_t)addr, (uintptr_t)addr + NPAGES * page);
	truth_kinds(addr, NPAGES, kinds);
	printf("%s %u %zu %zu\n", kinds, region.kind,
	       (region.start - (uintptr_t)addr) / page, region.len / page);
	return 0;
}
