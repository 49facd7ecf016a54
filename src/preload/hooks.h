/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The hooks, under names that no other library can replace. Each acts, and sets
 * errno, like the function of libc. An inert shim makes the call as if it were
 * not there (kernel/next.h).
 */
#ifndef LOF_PRELOAD_HOOKS_H
#define LOF_PRELOAD_HOOKS_H

#include <errno.h>
#include <stddef.h>
#include <stdint.h>

#include "kernel/next.h"
#include "kernel/syscall.h"

void *lof_hook_mmap(void *addr, size_t len, int prot, int flags, int fd,
		    int64_t off);
int lof_hook_munmap(void *addr, size_t len);
void *lof_hook_mremap(void *addr, size_t old_len, size_t new_len, int flags,
		      void *new_addr);
int lof_hook_mprotect(void *addr, size_t len, int prot);
int lof_hook_madvise(void *addr, size_t len, int advice);
void *lof_hook_shmat(int id, const void *addr, int flags);
int lof_hook_shmdt(const void *addr);
int lof_hook_remap_file_pages(void *addr, size_t len, int prot, size_t pgoff,
			      int flags);
int lof_hook_mlock(const void *addr, size_t len);
int lof_hook_mlock2(const void *addr, size_t len, unsigned int flags);
int lof_hook_munlock(const void *addr, size_t len);
int lof_hook_mlockall(int flags);
int lof_hook_munlockall(void);
long lof_hook_confine(long nr, const long args[6]);

/* Make any system call, and return -1 and errno like libc. */
static inline long lof_hook_raw(long nr, long a, long b, long c, long d, long e,
				long f)
{
	long ret = lof_next_is_there() ?
		   lof_next_syscall(nr, a, b, c, d, e, f) :
		   lof_syscall_raw(nr, a, b, c, d, e, f);

	if ((unsigned long)ret <= -4096UL)
		return ret;
	errno = (int)-ret;
	return -1;
}

#endif
