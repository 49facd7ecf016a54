/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A program that maps memory before libc has set up the environment, as
 * sanitizers do, and then locks pages and prints their kinds.
 */
#include "config.h"

#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "support/truth.h"

#define NPAGES	8

static void *early;

static void map_early(void)
{
	early = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

__attribute__((section(".preinit_array"), used))
static void (*const preinit)(void) = map_early;

int main(void)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	char kinds[NPAGES + 1], *addr;

	addr = mmap(NULL, NPAGES * page, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (addr == MAP_FAILED || early == MAP_FAILED || !early ||
	    mlock(addr, NPAGES * page))
		return 1;
	truth_kinds(addr, NPAGES, kinds);
	puts(kinds);
	return 0;
}
