/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A program for test_nomlock2.sh that uses only libc. It locks read-only
 * memory, makes the memory writable, and grows it. After each step it prints
 * the number of resident pages.
 */
#include "config.h"

#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGES	((size_t)32)

static size_t page;

static void print_resident(char *addr, size_t npages)
{
	unsigned char there[2 * PAGES];
	int n = 0;

	if (mincore(addr, npages * page, there))
		perror("mincore");
	for (size_t i = 0; i < npages; i++)
		n += there[i] & 1;
	printf("%d ", n);
}

int main(void)
{
	char *addr;

	page = (size_t)sysconf(_SC_PAGESIZE);
	addr = mmap(NULL, PAGES * page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS,
		    -1, 0);
	if (addr == MAP_FAILED || mlock(addr, PAGES * page))
		return 1;
	print_resident(addr, PAGES);
	if (mprotect(addr, PAGES * page, PROT_READ | PROT_WRITE))
		return 1;
	print_resident(addr, PAGES);
	addr = mremap(addr, PAGES * page, 2 * PAGES * page, MREMAP_MAYMOVE);
	if (addr == MAP_FAILED)
		return 1;
	print_resident(addr, 2 * PAGES);
	return 0;
}
