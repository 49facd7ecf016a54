/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A part of preload_helper: calls by syscall() with bit 31, 32 or 63 set in one
 * argument. Prints the errno of each call.
 */
#include "config.h"

#include "preload/helper.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef MAP_SHARED_VALIDATE
#define MAP_SHARED_VALIDATE 3
#endif

#define BEGIN	HELPER_ARENA
#define BYTES	4096

/* In the table: stand for the descriptor and for the segment. */
#define FD	-77
#define SEGMENT	-78

#if !defined(SYS_mmap2) && defined(SYS_shmat)
static const struct numbered {
	long nr, arg[6];
} calls[] = {
	{ SYS_mlock, { BEGIN, BYTES } },
	{ SYS_mlock2, { BEGIN, BYTES, 0 } },
	{ SYS_mlock2, { BEGIN, BYTES, MLOCK_ONFAULT } },
	{ SYS_munlock, { BEGIN, BYTES } },
	{ SYS_mlockall, { MCL_CURRENT } },
	{ SYS_munlockall, { 0 } },
	{ SYS_mmap, { BEGIN, BYTES, RW, OVER, -1, 0 } },
	{ SYS_mmap, { BEGIN, BYTES, RW, OVER | MAP_LOCKED, -1, 0 } },
	{ SYS_mmap, { BEGIN, BYTES, RW, MAP_SHARED | MAP_FIXED, FD, 0 } },
	{ SYS_mmap, { BEGIN, BYTES, RW, MAP_SHARED_VALIDATE | MAP_FIXED, FD,
		      0 } },
	{ SYS_munmap, { BEGIN, BYTES } },
	{ SYS_mremap, { BEGIN, BYTES, BYTES, 0, 0 } },
	{ SYS_mremap, { BEGIN, BYTES, BYTES, MREMAP_MAYMOVE | MREMAP_FIXED,
			BEGIN + 4 * BYTES } },
	{ SYS_mprotect, { BEGIN, BYTES, PROT_READ } },
	{ SYS_madvise, { BEGIN, BYTES, MADV_NORMAL } },
	{ SYS_remap_file_pages, { BEGIN + 8 * BYTES, BYTES, 0, 0, 0 } },
	{ SYS_shmat, { SEGMENT, BEGIN, SHM_REMAP } },
	{ SYS_shmdt, { BEGIN } },
};

/* In the first two arguments the last only: the others may be valid memory. */
static const unsigned long wide[] = { 1ul << 31, 1ul << 32, 1ul << 63 };

/* Before each call: 8 private pages, and then 4 shared pages. */
static void lay_out(const struct numbered *call, int segment)
{
	if (syscall(SYS_munlockall) ||
	    mmap(at(0), pages(8), RW, OVER, -1, 0) != at(0) ||
	    mmap(at(8), pages(4), RW, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED,
		 -1, 0) != at(8) ||
	    (call->nr == SYS_shmdt &&
	     shmat(segment, at(0), SHM_REMAP) != at(0)))
		exit(11);
}

static void try_wide(const struct numbered *call, int fd, int segment)
{
	long arg[6];

	for (size_t i = 0; i < 6 * 3; i++) {
		if (i / 3 < 2 && i % 3 < 2)
			continue;
		lay_out(call, segment);
		for (size_t j = 0; j < 6; j++)
			arg[j] = call->arg[j] == FD ? fd :
				 call->arg[j] == SEGMENT ? segment :
				 call->arg[j];
		arg[i / 3] |= (long)wide[i % 3];
		errno = 0;
		syscall(call->nr, arg[0], arg[1], arg[2], arg[3], arg[4],
			arg[5]);
		printf("%d ", errno);
	}
	puts("");
}

void syscall_wide(void)
{
	int fd = memfd_create("wide", 0);
	int segment = shmget(IPC_PRIVATE, pages(1), IPC_CREAT | 0600);

	if (page != BYTES || ftruncate(fd, BYTES) || segment < 0)
		exit(12);
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		try_wide(&calls[i], fd, segment);
	if (shmctl(segment, IPC_RMID, NULL))
		exit(13);
}
#else
void syscall_wide(void)
{
	puts("a long is an int here");
}
#endif

/* In 32 bits the offset is negative as an off_t. */
void map_far(void)
{
	const int64_t far = (int64_t)3 << 30;
	int fd = memfd_create("far", 0);

	if (pwrite64(fd, "f", 1, far) != 1 ||
	    ftruncate64(fd, far + (int64_t)page))
		exit(18);
	DONE_MAP(mmap(at(0), page, RW, MAP_SHARED | MAP_FIXED, fd,
		      (off_t)far));
	printf("%c\n", *(volatile char *)at(0));
}
