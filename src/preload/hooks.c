/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The shim: functions with libc's names that call the public API. They call no
 * malloc, stdio or dlsym, because these may be the callers of a hook. They also
 * call no name that the shim exports: the program may define that name by
 * syscall(), which is the shim's and would call the program's function again
 * without end. So each exported function only calls a lof_hook_*(), which
 * syscall() calls too. kernel/next.c calls such a name, but in another library.
 */
#include "config.h"

#include "preload/hooks.h"

#include <sched.h>
#include <stdarg.h>
#include <sys/prctl.h>
#include <sys/shm.h>

#include "api/hooked.h"
#include "api/result.h"
#include "lockonfault.h"
#include "preload/log.h"
#include "preload/next.h"
#include "preload/prefault.h"
#include "preload/preload.h"
#include "preload/summary.h"

/*
 * Tells the library that the program's calls come through the shim. Not "",
 * because clang would use the variable for other empty strings.
 */
extern const char lof_preload[];
LOF_PUBLIC const char lof_preload[] = PACKAGE;

void *lof_hook_mmap(void *addr, size_t len, int prot, int flags, int fd,
		       int64_t off)
{
	uintptr_t result = 0;
	void *ret;
	int err;

	if (!lof_preload_is_active()) {
		err = lof_next_mmap((uintptr_t)addr, len, prot, flags, fd, off,
				    &result);
		return lof_return_ptr(err, result);
	}
	ret = lof_mmap(addr, len, prot, flags, fd, off);
	if (flags & MAP_LOCKED) {
		lof_log("mmap MAP_LOCKED", (uintptr_t)ret, len,
			ret == MAP_FAILED ? errno : 0);
		lof_summary_count(len, ret == MAP_FAILED ? errno : 0);
		if (ret != MAP_FAILED)
			lof_hooked_skip_mapping(ret, len);
		lof_log_skipped();
	}
	return ret;
}

int lof_hook_munmap(void *addr, size_t len)
{
	if (!lof_preload_is_active())
		return lof_return(lof_next_munmap((uintptr_t)addr, len));
	return lof_munmap(addr, len);
}

void *lof_hook_mremap(void *addr, size_t old_len, size_t new_len, int flags,
			 void *new_addr)
{
	uintptr_t result = 0;
	int err;

	/* The kernel does not know LOF_MREMAP_NOPOPULATE, and refuses it. */
	if (lof_preload_is_active() && !(flags & LOF_MREMAP_NOPOPULATE))
		return lof_mremap(addr, old_len, new_len, flags, new_addr);
	err = lof_next_mremap((uintptr_t)addr, old_len, new_len, flags,
			      (uintptr_t)new_addr, &result);
	return lof_return_ptr(err, result);
}

int lof_hook_mprotect(void *addr, size_t len, int prot)
{
	if (prot & PROT_EXEC && prot & PROT_WRITE)
		lof_preload_code_changes(addr, len);
	if (!lof_preload_is_active())
		return lof_return(lof_next_mprotect((uintptr_t)addr, len,
						    prot));
	return lof_mprotect(addr, len, prot);
}

int lof_hook_madvise(void *addr, size_t len, int advice)
{
	if (!lof_preload_is_active())
		return lof_return(lof_next_madvise((uintptr_t)addr, len,
						   advice));
	return lof_madvise(addr, len, advice);
}

#ifdef SYS_shmat
void *lof_hook_shmat(int id, const void *addr, int flags)
{
	uintptr_t result = 0;
	int err;

	if (lof_preload_is_active())
		return lof_hooked_shmat(id, addr, flags);
	err = lof_next_shmat(id, (uintptr_t)addr, flags, &result);
	return lof_return_ptr(err, result);
}

int lof_hook_shmdt(const void *addr)
{
	if (!lof_preload_is_active())
		return lof_return(lof_next_shmdt((uintptr_t)addr));
	return lof_hooked_shmdt(addr);
}
#endif

int lof_hook_remap_file_pages(void *addr, size_t len, int prot,
				 size_t pgoff, int flags)
{
	if (!lof_preload_is_active())
		return lof_return(lof_next_remap_file_pages((uintptr_t)addr,
							    len, prot, pgoff,
							    flags));
	return lof_hooked_remap_file_pages(addr, len, prot, pgoff, flags);
}

/* Log a lock call and its errno, and return ret. */
static int logged(const char *call, const void *addr, size_t len, int ret)
{
	lof_log(call, (uintptr_t)addr, len, ret ? errno : 0);
	lof_log_skipped();
	return ret;
}

int lof_hook_mlock(const void *addr, size_t len)
{
	int ret;

	if (!lof_preload_is_active())
		return lof_return(lof_next_call_mlock((uintptr_t)addr, len));
	ret = logged("mlock", addr, len, lof_preload_counts_holds() ?
		     lof_hooked_hold(addr, len, LOF_HOOKED_MLOCK) :
		     lof_hooked_mlock(addr, len));
	lof_summary_count(len, ret ? errno : 0);
	return ret;
}

int lof_hook_mlock2(const void *addr, size_t len, unsigned int flags)
{
	if (!lof_preload_is_active())
		return lof_return(lof_next_call_mlock2((uintptr_t)addr, len,
						       flags));
	/* Any other flag is refused. */
	return logged(flags ? "mlock2 MLOCK_ONFAULT" : "mlock2", addr, len,
		      lof_preload_counts_holds() && flags <= MLOCK_ONFAULT ?
		      lof_hooked_hold(addr, len, (int)flags) :
		      lof_hooked_mlock2(addr, len, flags));
}

int lof_hook_munlock(const void *addr, size_t len)
{
	if (!lof_preload_is_active())
		return lof_return(lof_next_call_munlock((uintptr_t)addr, len));
	return logged("munlock", addr, len, lof_preload_counts_holds() ?
		      lof_hooked_drop(addr, len) : lof_munlock(addr, len));
}

int lof_hook_mlockall(int flags)
{
	int ret;

	if (!lof_preload_is_active())
		return lof_return(lof_next_mlockall(flags));
	ret = logged("mlockall", NULL, (size_t)flags, lof_mlockall(flags));
	lof_summary_count_all(ret ? errno : 0);
	if (!ret) {
		lof_log_left_out();
		lof_prefault_mark();
	}
	return ret;
}

int lof_hook_munlockall(void)
{
	if (!lof_preload_is_active())
		return lof_return(lof_next_munlockall());
	return logged("munlockall", NULL, 0, lof_preload_counts_holds() ?
		      lof_hooked_drop_all() : lof_munlockall());
}

static bool is_confining(long nr, const long args[6])
{
	return nr != SYS_prctl || args[0] == PR_SET_SECCOMP;
}

/* A call by which a program confines itself, and any other prctl(). */
long lof_hook_confine(long nr, const long args[6])
{
	long ret = lof_preload_is_active() && is_confining(nr, args) ?
		   lof_hooked_confine(nr, args) : lof_next_confine(nr, args);

	if ((unsigned long)ret <= -4096UL)
		return ret;
	errno = (int)-ret;
	return -1;
}

/* The names of libc. */

#define BY_NAME(call)	LOF_CALLED(LOF_CALLED_BY_NAME, call)

/* An off_t of 32 bits reaches up to 4 GiB, as in libc. */
LOF_PUBLIC void *mmap(void *addr, size_t len, int prot, int flags, int fd,
		      off_t off)
{
	const int64_t far = sizeof(off) > 4 ? off : (int64_t)(uint32_t)off;

	return BY_NAME(lof_hook_mmap(addr, len, prot, flags, fd, far));
}

/* In musl the name is a macro; off_t has 64 bits there. */
#ifdef mmap64
#undef mmap64
void *mmap64(void *addr, size_t len, int prot, int flags, int fd, off64_t off);
#endif

LOF_PUBLIC void *mmap64(void *addr, size_t len, int prot, int flags, int fd,
			off64_t off)
{
	return LOF_CALLED(LOF_CALLED_BY_NAME_64,
			  lof_hook_mmap(addr, len, prot, flags, fd, off));
}

LOF_PUBLIC int munmap(void *addr, size_t len)
{
	return BY_NAME(lof_hook_munmap(addr, len));
}

LOF_PUBLIC void *mremap(void *addr, size_t old_len, size_t new_len, int flags,
			...)
{
	void *new_addr;
	va_list args;

	/* new_addr is passed only with flags besides MREMAP_MAYMOVE. */
	va_start(args, flags);
	new_addr = flags & ~MREMAP_MAYMOVE ? va_arg(args, void *) : NULL;
	va_end(args);
	return BY_NAME(lof_hook_mremap(addr, old_len, new_len, flags,
				       new_addr));
}

LOF_PUBLIC int mprotect(void *addr, size_t len, int prot)
{
	return BY_NAME(lof_hook_mprotect(addr, len, prot));
}

LOF_PUBLIC int madvise(void *addr, size_t len, int advice)
{
	return BY_NAME(lof_hook_madvise(addr, len, advice));
}

#ifdef SYS_shmat
LOF_PUBLIC void *shmat(int id, const void *addr, int flags)
{
	return BY_NAME(lof_hook_shmat(id, addr, flags));
}

LOF_PUBLIC int shmdt(const void *addr)
{
	return BY_NAME(lof_hook_shmdt(addr));
}
#endif

LOF_PUBLIC int remap_file_pages(void *addr, size_t len, int prot,
				size_t pgoff, int flags)
{
	return BY_NAME(lof_hook_remap_file_pages(addr, len, prot, pgoff,
						 flags));
}

LOF_PUBLIC int mlock(const void *addr, size_t len)
{
	return BY_NAME(lof_hook_mlock(addr, len));
}

LOF_PUBLIC int mlock2(const void *addr, size_t len, unsigned int flags)
{
	return BY_NAME(lof_hook_mlock2(addr, len, flags));
}

LOF_PUBLIC int munlock(const void *addr, size_t len)
{
	return BY_NAME(lof_hook_munlock(addr, len));
}

LOF_PUBLIC int mlockall(int flags)
{
	return BY_NAME(lof_hook_mlockall(flags));
}

LOF_PUBLIC int munlockall(void)
{
	return BY_NAME(lof_hook_munlockall());
}

/* Four arguments are read even if fewer were given, as in libc. */
LOF_PUBLIC int prctl(int option, ...)
{
	long args[6] = { option };
	va_list list;

	va_start(list, option);
	for (int i = 1; i < 5; i++)
		args[i] = va_arg(list, long);
	va_end(list);
	return (int)BY_NAME(lof_hook_confine(SYS_prctl, args));
}

LOF_PUBLIC int unshare(int flags)
{
	const long args[6] = { flags };

	return (int)BY_NAME(lof_hook_confine(SYS_unshare, args));
}

LOF_PUBLIC int setns(int fd, int type)
{
	const long args[6] = { fd, type };

	return (int)BY_NAME(lof_hook_confine(SYS_setns, args));
}
