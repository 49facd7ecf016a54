/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The example of the README, as a whole program: memory that is locked on fault
 * stays locked on fault while it grows, until it is unlocked. Compile it with
 *
 *	cc on_fault.c $(pkg-config --cflags --libs lockonfault)
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <lockonfault.h>

static int print_kind(const char *when, const void *addr)
{
	static const char *const names[] = {
		[LOF_NONE] = "not locked",
		[LOF_FULL] = "locked in full",
		[LOF_ONFAULT] = "locked on fault",
	};
	struct lof_region region;

	if (lof_query(addr, &region, sizeof(region))) {
		perror("lof_query");
		return -1;
	}
	printf("%-9s %s\n", when, names[region.kind]);
	return 0;
}

int main(void)
{
	const size_t len = 64 << 10;
	char *p, *moved;

	p = lof_mmap_onfault(NULL, len, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED) {
		perror("lof_mmap_onfault");
		return 1;
	}
	p[0] = 1;	/* the kernel locks this page now, and no other */
	if (print_kind("mapped:", p))
		return 1;

	moved = lof_mremap(p, len, 2 * len, MREMAP_MAYMOVE);
	if (moved == MAP_FAILED) {
		perror("lof_mremap");
		return 1;
	}
	if (print_kind("grown:", moved + len))
		return 1;

	/* Unlock the memory that is locked on fault, but no other memory. */
	if (lof_munlock2(moved, 2 * len, MLOCK_ONFAULT)) {
		perror("lof_munlock2");
		return 1;
	}
	return print_kind("unlocked:", moved) ? 1 : 0;
}
