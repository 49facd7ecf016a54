/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Linked into preload_helper, this defines the hooked names of libc by
 * syscall(), as some allocators and programs for an old libc do. The shim is
 * then reached by syscall() only. If the shim calls a function by one of these
 * names, it calls itself without end.
 */
#include "config.h"

#include <stdarg.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <unistd.h>

void *mmap(void *addr, size_t len, int prot, int flags, int fd, off_t off)
{
#ifdef SYS_mmap2
	return (void *)syscall(SYS_mmap2, addr, len, prot, flags, fd,
			       (long)(off >> 12));
#else
	return (void *)syscall(SYS_mmap, addr, len, prot, flags, fd, off);
#endif
}

int munmap(void *addr, size_t len)
{
	return (int)syscall(SYS_munmap, addr, len);
}

void *mremap(void *addr, size_t old_len, size_t new_len, int flags, ...)
{
	void *new_addr = NULL;
	va_list args;

	va_start(args, flags);
	if (flags & ~MREMAP_MAYMOVE)
		new_addr = va_arg(args, void *);
	va_end(args);
	return (void *)syscall(SYS_mremap, addr, old_len, new_len, flags,
			       new_addr);
}

int mprotect(void *addr, size_t len, int prot)
{
	return (int)syscall(SYS_mprotect, addr, len, prot);
}

int madvise(void *addr, size_t len, int advice)
{
	return (int)syscall(SYS_madvise, addr, len, advice);
}

int mlock(const void *addr, size_t len)
{
	return (int)syscall(SYS_mlock, addr, len);
}

int mlock2(const void *addr, size_t len, unsigned int flags)
{
	return (int)syscall(SYS_mlock2, addr, len, flags);
}

int munlock(const void *addr, size_t len)
{
	return (int)syscall(SYS_munlock, addr, len);
}

int mlockall(int flags)
{
	return (int)syscall(SYS_mlockall, flags);
}

int munlockall(void)
{
	return (int)syscall(SYS_munlockall);
}

#ifdef SYS_shmat
void *shmat(int id, const void *addr, int flags)
{
	return (void *)syscall(SYS_shmat, id, addr, flags);
}

int shmdt(const void *addr)
{
	return (int)syscall(SYS_shmdt, addr);
}
#endif

int remap_file_pages(void *addr, size_t len, int prot, size_t pgoff, int flags)
{
	return (int)syscall(SYS_remap_file_pages, addr, len, prot, pgoff,
			    flags);
}
