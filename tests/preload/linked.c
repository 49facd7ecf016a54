/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A program that links the library and runs under the shim: both must use one
 * ledger. truth_is_equal() reads the ledger by lof_walk().
 */
#include "config.h"

#include <stdio.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lockonfault.h"

#include "support/truth.h"

#define NPAGES 8

static int add_region(const struct lof_region *region, void *arg)
{
	*(size_t *)arg += region->len;
	return 0;
}

/* Without a descriptor lof_walk() cannot correct the ledger by /proc. */
static int ledger_is_exact(void)
{
	struct rlimit limit, none = { 0, 0 };
	size_t tracked = 0;
	int ret;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		return 0;
	none.rlim_max = limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &none))
		return 0;
	ret = lof_walk(add_region, &tracked);
	return setrlimit(RLIMIT_NOFILE, &limit) == 0 && ret == 0 &&
	       tracked == truth_vmlck();
}

/* Calls by syscall() are noted too. */
static int lock_by_number(char *addr, size_t page)
{
	if (syscall(SYS_mlock2, addr, 2 * page, 0) || !ledger_is_exact() ||
	    syscall(SYS_munlock, addr + page, page) || !ledger_is_exact() ||
	    syscall(SYS_mlock, addr + 3 * page, page) || !ledger_is_exact() ||
	    syscall(SYS_munmap, addr, 2 * page) || !ledger_is_exact() ||
	    syscall(SYS_mremap, addr + 3 * page, page, page,
		    MREMAP_MAYMOVE | MREMAP_FIXED, addr) == -1)
		return 0;
	return ledger_is_exact() && truth_is_equal((uintptr_t)addr,
						   (uintptr_t)addr + 4 * page);
}

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
	if (!lock_by_number(addr, page))
		return 2;
	printf("%s %u %zu %zu\n", kinds, region.kind,
	       (region.start - (uintptr_t)addr) / page, region.len / page);
	return 0;
}
