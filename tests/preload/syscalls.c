/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A part of preload_helper: calls as in helper.c, by syscall(). */
#include "config.h"

#include "preload/helper.h"

#include <errno.h>
#include <linux/futex.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifdef SYS_mmap2
#define NR_MMAP	SYS_mmap2
#else
#define NR_MMAP	SYS_mmap
#endif

void syscall_locks(void)
{
	DONE(syscall(SYS_mlock, at(1), pages(3)));
	SHOW();
	helper_touch(2);
	DONE(syscall(SYS_mlock2, at(5), pages(2), 0));
	SHOW();
	DONE(syscall(SYS_mlock2, at(6), pages(2), MLOCK_ONFAULT));
	SHOW();
	DONE(syscall(SYS_munlock, at(2), pages(4)));
	SHOW();
	DONE(syscall(SYS_mlock2, at(0), page, 64));
	DONE(syscall(SYS_mlock, at(0), pages(HELPER_PAGES + 4)));
	SHOW();
}

void syscall_all(void)
{
	DONE(syscall(SYS_mlockall, MCL_CURRENT | MCL_FUTURE));
	SHOW();
	DONE_MAP((void *)syscall(NR_MMAP, at(2), pages(2), RW, OVER, -1, 0));
	SHOW();
	DONE(syscall(SYS_munlockall));
	DONE_MAP((void *)syscall(NR_MMAP, at(2), pages(2), RW, OVER, -1, 0));
	SHOW();
	DONE(syscall(SYS_mlockall, 0));
	SHOW();
}

void syscall_maps(void)
{
	void *addr;

	DONE_MAP((void *)syscall(NR_MMAP, at(1), pages(3), RW,
				 OVER | MAP_LOCKED, -1, 0));
	SHOW();
	DONE_MAP((void *)syscall(NR_MMAP, at(5), pages(2), RW, OVER |
				 MAP_LOCKED | MAP_POPULATE, -1, 0));
	SHOW();
	DONE(syscall(SYS_munmap, at(2), pages(4)));
	SHOW();
	addr = (void *)syscall(NR_MMAP, NULL, pages(4), RW, ANON | MAP_LOCKED,
			       -1, 0);
	DONE_MAP(addr);
	helper_show(addr, 4);
	DONE_MAP((void *)syscall(NR_MMAP, at(1), page, RW, MAP_SHARED |
				 MAP_FIXED | MAP_LOCKED, -1, 0));
	SHOW();
}

void syscall_remaps(void)
{
	DONE(syscall(SYS_mlock, at(0), pages(4)));
	helper_touch(1);
	DONE_MAP((void *)syscall(SYS_mremap, at(0), pages(4), pages(4),
				 MREMAP_MAYMOVE | MREMAP_FIXED, at(4)));
	SHOW();
	DONE_MAP((void *)syscall(SYS_mremap, at(4), pages(4), pages(2), 0));
	SHOW();
	DONE_MAP((void *)syscall(SYS_mremap, at(4), pages(2), pages(2),
				 MREMAP_MAYMOVE | MREMAP_FIXED |
				 MREMAP_DONTUNMAP, at(0)));
	SHOW();
	printf("%c\n", *at(1));
}

void syscall_discard(void)
{
	helper_touch(1);
	DONE(syscall(SYS_mlock, at(0), pages(2)));
	DONE(syscall(SYS_madvise, at(0), pages(2), MADV_DONTNEED));
	SHOW();
}

/* A call with six arguments: it fails unless value is the word's value. */
static long requeue(uint32_t *word, uint32_t value)
{
	uint32_t other = 0;

	return syscall(SYS_futex, word, FUTEX_CMP_REQUEUE_PRIVATE, 1, 1L,
		       &other, value);
}

void syscall_others(void)
{
	uint32_t word = 0x12345678;
	int fd = memfd_create("numbers", 0);
	char buf[4] = "";

	DONE(syscall(SYS_getpid) != getpid());
	DONE(requeue(&word, 0x12345678));
	DONE(requeue(&word, 0x12345679));
	DONE(syscall(SYS_close, -1));
	/* On 32-bit machines the offset is two arguments. */
	DONE(syscall(SYS_pwrite64, fd, "xyz", 3, 0L, 0L) != 3);
	DONE(syscall(SYS_pread64, fd, buf, 2, 1L, 0L) != 2);
	printf("%s\n", buf);
}
