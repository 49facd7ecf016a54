/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Fault injection into system calls; see faults.h. */
#include "config.h"

#include "api/faults.h"

#include <sys/mman.h>

#include "kernel/sys.h"

#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif

struct fault fault;

const char *const faulty_names[] = {
#define X(name) #name,
	FAULTY_CALLS(X)
#undef X
};

static int now(enum faulty_call call)
{
	if (call != fault.call)
		return 0;
	return ++fault.seen == fault.nth ? fault.err : 0;
}

#define WRAP(type, name, params, args)					\
	type __real_lof_sys_##name params;				\
	type __wrap_lof_sys_##name params;				\
	type __wrap_lof_sys_##name params				\
	{								\
		int err = now(FAULTY_##name);				\
									\
		return err ? err : __real_lof_sys_##name args;		\
	}

WRAP(int, mlock, (struct lof_range range), (range))
WRAP(int, mlock2, (struct lof_range range, unsigned int flags), (range, flags))
WRAP(int, munlock, (struct lof_range range), (range))
WRAP(int, mlockall, (int flags), (flags))
WRAP(int, munlockall, (void), ())
WRAP(int, mmap, (uintptr_t addr, size_t len, int prot, int flags, int fd,
		 int64_t off, uintptr_t *result),
     (addr, len, prot, fault.hints ? flags & ~MAP_FIXED_NOREPLACE : flags, fd,
      off, result))
WRAP(int, munmap, (uintptr_t addr, size_t len), (addr, len))
WRAP(int, mremap, (uintptr_t addr, size_t old_len, size_t new_len, int flags,
		   uintptr_t new_addr, uintptr_t *result),
     (addr, old_len, new_len, flags, new_addr, result))
WRAP(int, mprotect, (uintptr_t addr, size_t len, int prot), (addr, len, prot))
WRAP(int, madvise, (uintptr_t addr, size_t len, int advice),
     (addr, len, advice))
WRAP(int, msync, (struct lof_range range, int flags), (range, flags))
WRAP(int, mincore, (struct lof_range range, unsigned char *pages),
     (range, pages))
WRAP(int, open, (const char *path), (path))
WRAP(long, read, (int fd, void *buf, size_t size), (fd, buf, size))
WRAP(long, seek_read, (int fd, void *buf, size_t size, uintptr_t off),
     (fd, buf, size, off))
WRAP(long, pagemap_scan, (int fd, const struct lof_pm_question *question,
			  struct lof_pm_region *regions, size_t nregions,
			  uint64_t *walked),
     (fd, question, regions, nregions, walked))
