/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * mmap(MAP_LOCKED) of all sizes, with arguments that the kernel refuses for one
 * reason or for two: which reason comes first?
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "preload/helper.h"

#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif
#define SHARED	(MAP_SHARED | MAP_ANONYMOUS)
#define MIB	((size_t)1 << 20)
#define TIB	((size_t)1 << (sizeof(size_t) > 4 ? 40 : 31))

/* The memory of the library lies in the middle of 128 TiB. */
static const size_t sizes[] = {
	0, 1, 4 * MIB, 8 * MIB, 8 * MIB + 1, 64 * MIB, 512 * MIB, TIB, 2 * TIB,
	16 * TIB, 32 * TIB, 128 * TIB, 1024 * TIB, SIZE_MAX / 2,
	SIZE_MAX - (64 << 10), SIZE_MAX - 4096, SIZE_MAX - 4095, SIZE_MAX,
};

enum { NO_FILE = -1, READ_ONLY = -2, DIRECTORY = -3, BAD = 99 };

static const struct {
	const char *name;
	uintptr_t addr;
	int prot, flags, fd;
	long off;
} cases[] = {
	{ "private", 0, RW, ANON, NO_FILE, 0 },
	{ "shared", 0, RW, SHARED, NO_FILE, 0 },
	{ "no reserve", 0, RW, ANON | MAP_NORESERVE, NO_FILE, 0 },
	{ "populate", 0, RW, ANON | MAP_POPULATE, NO_FILE, 0 },
	{ "no access", 0, PROT_NONE, ANON, NO_FILE, 0 },
	{ "grows down", 0, RW, ANON | MAP_GROWSDOWN, NO_FILE, 0 },
	{ "shared, grows down", 0, RW, SHARED | MAP_GROWSDOWN, NO_FILE, 0 },
	{ "no type", 0, RW, MAP_ANONYMOUS, NO_FILE, 0 },
	{ "bad type", 0, RW, MAP_ANONYMOUS | 0xf, NO_FILE, 0 },
	{ "huge", 0, RW, ANON | MAP_HUGETLB, NO_FILE, 0 },
	{ "bad file", 0, RW, MAP_PRIVATE, BAD, 0 },
	{ "file", 0, RW, MAP_PRIVATE, READ_ONLY, 0 },
	{ "read-only file", 0, RW, MAP_SHARED, READ_ONLY, 0 },
	{ "directory", 0, PROT_READ, MAP_PRIVATE, DIRECTORY, 0 },
	{ "bad offset", 0, RW, MAP_PRIVATE, READ_ONLY, 1 },
	{ "last offset", 0, RW, MAP_PRIVATE, READ_ONLY, ~4095l },
	{ "hint", 0x10000001, RW, ANON, NO_FILE, 0 },
	{ "fixed", 0x10000000, RW, OVER, NO_FILE, 0 },
	{ "fixed, no type", 0x10000000, RW, MAP_ANONYMOUS | MAP_FIXED, NO_FILE,
	  0 },
	{ "fixed, bad file", 0x10000000, RW, MAP_PRIVATE | MAP_FIXED, BAD, 0 },
	{ "fixed, read-only file", 0x10000000, RW, MAP_SHARED | MAP_FIXED,
	  READ_ONLY, 0 },
	{ "fixed at no page", 0x10000001, RW, OVER, NO_FILE, 0 },
	{ "fixed at 0", 0, RW, OVER, NO_FILE, 0 },
	{ "fixed at the end", UINTPTR_MAX & ~(uintptr_t)4095, RW, OVER,
	  NO_FILE, 0 },
	{ "fixed over memory", HELPER_ARENA, RW, OVER, NO_FILE, 0 },
	{ "fixed over memory, read-only file", HELPER_ARENA, RW,
	  MAP_SHARED | MAP_FIXED, READ_ONLY, 0 },
	{ "beside memory", HELPER_ARENA, RW, ANON | MAP_FIXED_NOREPLACE,
	  NO_FILE, 0 },
};

static int file_of(int fd)
{
	return fd == READ_ONLY ? open("/proc/self/exe", O_RDONLY | O_CLOEXEC) :
	       fd == DIRECTORY ? open("/", O_RDONLY | O_CLOEXEC) :
	       fd == NO_FILE ? -1 : fd;
}

static char letter_of(int err)
{
	switch (err) {
	case 0:		return '.';
	case EACCES:	return 'C';
	case EAGAIN:	return 'A';
	case EBADF:	return 'B';
	case EEXIST:	return 'E';
	case EINVAL:	return 'I';
	case ENODEV:	return 'D';
	case ENOMEM:	return 'M';
	case EOVERFLOW:	return 'O';
	case EPERM:	return 'P';
	default:	return '?';
	}
}

/* Map len bytes beside or over the arena, and unmap them. Returns the errno. */
static int map_case(size_t i, size_t len)
{
	int fd = file_of(cases[i].fd), err = 0;
	void *addr;

	if (mmap(arena, pages(HELPER_PAGES), RW, OVER, -1, 0) != arena)
		exit(30);
	addr = mmap((void *)cases[i].addr, len, cases[i].prot,
		    cases[i].flags | MAP_LOCKED, fd, cases[i].off);
	if (addr == MAP_FAILED)
		err = errno;
	else
		munmap(addr, len);
	if (fd >= 0 && fd != BAD)
		close(fd);
	return err;
}

/* Print a line for each case: the errno for each size, by a letter. */
static void map_cases(void)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		for (size_t j = 0; j < sizeof(sizes) / sizeof(sizes[0]); j++)
			putchar(letter_of(map_case(i, sizes[j])));
		printf(" %s\n", cases[i].name);
	}
}

static size_t size_of_process(void)
{
	FILE *file = fopen("/proc/self/statm", "re");
	size_t npages;

	if (!file || fscanf(file, "%zu", &npages) != 1)
		exit(32);
	fclose(file);
	return pages(npages);
}

void sizes_limited(void)
{
	helper_become_nobody(8 * MIB);
	map_cases();
}

void sizes_unprivileged(void)
{
	helper_become_nobody(0);
	map_cases();
}

/* There is less address space than the process may lock. */
void sizes_narrow(void)
{
	struct rlimit space;

	helper_become_nobody(8 * MIB);
	space.rlim_cur = space.rlim_max = size_of_process() + 3 * MIB;
	if (setrlimit(RLIMIT_AS, &space))
		exit(31);
	map_cases();
}
