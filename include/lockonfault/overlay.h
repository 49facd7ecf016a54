/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Redirects the calls of an existing source to liblockonfault, by the flags of
 * "pkg-config --cflags lockonfault-overlay" and no change of the source.
 * Only calls are redirected: a function's address is still libc's.
 */
#ifndef LOCKONFAULT_OVERLAY_H
#define LOCKONFAULT_OVERLAY_H

#include <lockonfault.h>

#define mlock(addr, len)		lof_mlock(addr, len)
#define munlock(addr, len)		lof_munlock(addr, len)
#define mlock2(addr, len, flags)	lof_mlock2(addr, len, flags)
#define munlock2(addr, len, flags)	lof_munlock2(addr, len, flags)
#define mlockall(flags)			lof_mlockall(flags)
#define munlockall()			lof_munlockall()
#define mmap(addr, len, prot, flags, fd, off) \
	lof_mmap(addr, len, prot, flags, fd, off)
#define munmap(addr, len)		lof_munmap(addr, len)
#define mremap(addr, old_len, ...)	lof_mremap(addr, old_len, __VA_ARGS__)
#define mprotect(addr, len, prot)	lof_mprotect(addr, len, prot)
#define madvise(addr, len, advice)	lof_madvise(addr, len, advice)

#endif
