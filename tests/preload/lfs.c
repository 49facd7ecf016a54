/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A part of preload_helper, built for large files: mmap is mmap64 here, if libc
 * has both.
 */
#undef _FILE_OFFSET_BITS
#define _FILE_OFFSET_BITS 64

#include "config.h"

#include "preload/helper.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef __GLIBC__
#define mmap64 mmap
#endif

#define FAR ((off_t)5 << 30)	/* does not fit in 32 bits */

void lfs_map(void)
{
	DONE_MAP(mmap(at(1), pages(3), RW, OVER | MAP_LOCKED, -1, 0));
	SHOW();
}

void lfs_map64(void)
{
	DONE_MAP(mmap64(at(1), pages(3), RW, OVER | MAP_LOCKED, -1, 0));
	SHOW();
}

void lfs_map_far(void)
{
	int fd = memfd_create("far", 0);

	DONE(pwrite(fd, "f", 1, FAR) != 1);
	DONE(ftruncate(fd, FAR + (off_t)pages(4)));
	DONE_MAP(mmap(at(0), pages(2), RW, MAP_SHARED | MAP_FIXED | MAP_LOCKED,
		      fd, FAR));
	DONE_MAP(mmap64(at(4), pages(2), RW, MAP_SHARED | MAP_FIXED |
			MAP_LOCKED, fd, FAR));
	printf("%c%c ", *at(0), *at(4));
	SHOW();
}

#ifdef SYS_mmap2
#define NR_MMAP	SYS_mmap2
#else
#define NR_MMAP	SYS_mmap
#endif

/* As llama.cpp maps a model: the file is populated, and locked later. */
void lfs_model(void)
{
	const int flags = MAP_SHARED | MAP_FIXED | MAP_POPULATE;
	int fd = memfd_create("model", 0);

	if (ftruncate(fd, (off_t)pages(8)))
		exit(17);
	DONE_MAP(mmap(at(0), pages(8), PROT_READ, flags, fd, 0));
	SHOW();
	DONE(mlock(at(0), pages(8)));
	SHOW();
	DONE_MAP(mmap64(at(0), pages(8), PROT_READ, flags, fd, 0));
	SHOW();
	DONE_MAP((void *)syscall(NR_MMAP, at(0), pages(8), PROT_READ, flags, fd,
				 0));
	SHOW();
}
