/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The shim: functions with libc's names that call the public API. They call no
 * malloc, stdio or dlsym, because these may be the callers of a hook. They also
 * call no name that the shim exports: the program may define that name by
 * syscall(), which is the shim's and would call the program's function again
 * without end. So each exported function only calls a lof_hook_*(), which
 * syscall() calls too.
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
#include "preload/preload.h"

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
		err = lof_sys_mmap((uintptr_t)addr, len, prot, flags, fd, off,
				   &result);
		return lof_return_ptr(err, result);
	}
	ret = lof_mmap(addr, len, prot, flags, fd, off);
	if (flags & MAP_LOCKED)
		lof_log("mmap MAP_LOCKED", (uintptr_t)ret, len,
			ret == MAP_FAILED ? errno : 0);
	return ret;
}

int lof_hook_munmap(void *addr, size_t len)
{
	if (!lof_preload_is_active())
		return (int)lof_hook_raw(SYS_munmap, (long)addr, (long)len, 0, 0, 0, 0);
	return lof_munmap(addr, len);
}

void *lof_hook_mremap(void *addr, size_t old_len, size_t new_len, int flags,
			 void *new_addr)
{
	/* The kernel does not know LOF_MREMAP_NOPOPULATE, and refuses it. */
	if (!lof_preload_is_active() || flags & LOF_MREMAP_NOPOPULATE)
		return (void *)lof_hook_raw(SYS_mremap, (long)addr, (long)old_len,
				   (long)new_len, flags, (long)new_addr, 0);
	return lof_mremap(addr, old_len, new_len, flags, new_addr);
}

int lof_hook_mprotect(void *addr, size_t len, int prot)
{
	if (!lof_preload_is_active())
		return (int)lof_hook_raw(SYS_mprotect, (long)addr, (long)len, prot, 0,
				0, 0);
	return lof_mprotect(addr, len, prot);
}

int lof_hook_madvise(void *addr, size_t len, int advice)
{
	if (!lof_preload_is_active())
		return (int)lof_hook_raw(SYS_madvise, (long)addr, (long)len, advice, 0,
				0, 0);
	return lof_madvise(addr, len, advice);
}

#ifdef SYS_shmat
void *lof_hook_shmat(int id, const void *addr, int flags)
{
	if (!lof_preload_is_active())
		return (void *)lof_hook_raw(SYS_shmat, id, (long)addr, flags, 0, 0, 0);
	return lof_hooked_shmat(id, addr, flags);
}

int lof_hook_shmdt(const void *addr)
{
	if (!lof_preload_is_active())
		return (int)lof_hook_raw(SYS_shmdt, (long)addr, 0, 0, 0, 0, 0);
	return lof_hooked_shmdt(addr);
}
#endif

int lof_hook_remap_file_pages(void *addr, size_t len, int prot,
				 size_t pgoff, int flags)
{
	if (!lof_preload_is_active())
		return (int)lof_hook_raw(SYS_remap_file_pages, (long)addr, (long)len,
				prot, (long)pgoff, flags, 0);
	return lof_hooked_remap_file_pages(addr, len, prot, pgoff, flags);
}

/* Log a lock call and its errno, and return ret. */
static int logged(const char *call, const void *addr, size_t len, int ret)
{
	lof_log(call, (uintptr_t)addr, len, ret ? errno : 0);
	return ret;
}

int lof_hook_mlock(const void *addr, size_t len)
{
	if (!lof_preload_is_active())
		return (int)lof_hook_raw(SYS_mlock, (long)addr, (long)len, 0, 0, 0, 0);
	return logged("mlock", addr, len, lof_hooked_mlock(addr, len));
}

int lof_hook_mlock2(const void *addr, size_t len, unsigned int flags)
{
	if (!lof_preload_is_active())
		return (int)lof_hook_raw(SYS_mlock2, (long)addr, (long)len, (long)flags,
				0, 0, 0);
	return logged(flags ? "mlock2 MLOCK_ONFAULT" : "mlock2", addr, len,
		      lof_hooked_mlock2(addr, len, flags));
}

int lof_hook_munlock(const void *addr, size_t len)
{
	if (!lof_preload_is_active())
		return (int)lof_hook_raw(SYS_munlock, (long)addr, (long)len, 0, 0, 0, 0);
	return logged("munlock", addr, len, lof_munlock(addr, len));
}

int lof_hook_mlockall(int flags)
{
	int ret;

	if (!lof_preload_is_active())
		return (int)lof_hook_raw(SYS_mlockall, flags, 0, 0, 0, 0, 0);
	ret = logged("mlockall", NULL, (size_t)flags, lof_mlockall(flags));
	if (!ret)
		lof_log_left_out();
	return ret;
}

int lof_hook_munlockall(void)
{
	if (!lof_preload_is_active())
		return (int)lof_hook_raw(SYS_munlockall, 0, 0, 0, 0, 0, 0);
	return logged("munlockall", NULL, 0, lof_munlockall());
}

/* A call by which a program confines itself. */
long lof_hook_confine(long nr, const long args[6])
{
	long ret;

	if (!lof_preload_is_active())
		return lof_hook_raw(nr, args[0], args[1], args[2], args[3],
				    args[4], args[5]);
	ret = lof_hooked_confine(nr, args);
	if (ret >= 0)
		return ret;
	errno = (int)-ret;
	return -1;
}

/* The names of libc. */

/* An off_t of 32 bits reaches up to 4 GiB, as in libc. */
LOF_PUBLIC void *mmap(void *addr, size_t len, int prot, int flags, int fd,
		      off_t off)
{
	return lof_hook_mmap(addr, len, prot, flags, fd,
			     sizeof(off) == 4 ? (uint32_t)off : off);
}

/* In musl the name is a macro; off_t has 64 bits there. */
#ifdef mmap64
#undef mmap64
void *mmap64(void *addr, size_t len, int prot, int flags, int fd, off64_t off);
#endif

LOF_PUBLIC void *mmap64(void *addr, size_t len, int prot, int flags, int fd,
			off64_t off)
{
	return lof_hook_mmap(addr, len, prot, flags, fd, off);
}

LOF_PUBLIC int munmap(void *addr, size_t len)
{
	return lof_hook_munmap(addr, len);
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
	return lof_hook_mremap(addr, old_len, new_len, flags, new_addr);
}

LOF_PUBLIC int mprotect(void *addr, size_t len, int prot)
{
	return lof_hook_mprotect(addr, len, prot);
}

LOF_PUBLIC int madvise(void *addr, size_t len, int advice)
{
	return lof_hook_madvise(addr, len, advice);
}

#ifdef SYS_shmat
LOF_PUBLIC void *shmat(int id, const void *addr, int flags)
{
	return lof_hook_shmat(id, addr, flags);
}

LOF_PUBLIC int shmdt(const void *addr)
{
	return lof_hook_shmdt(addr);
}
#endif

LOF_PUBLIC int remap_file_pages(void *addr, size_t len, int prot,
				size_t pgoff, int flags)
{
	return lof_hook_remap_file_pages(addr, len, prot, pgoff, flags);
}

LOF_PUBLIC int mlock(const void *addr, size_t len)
{
	return lof_hook_mlock(addr, len);
}

LOF_PUBLIC int mlock2(const void *addr, size_t len, unsigned int flags)
{
	return lof_hook_mlock2(addr, len, flags);
}

LOF_PUBLIC int munlock(const void *addr, size_t len)
{
	return lof_hook_munlock(addr, len);
}

LOF_PUBLIC int mlockall(int flags)
{
	return lof_hook_mlockall(flags);
}

LOF_PUBLIC int munlockall(void)
{
	return lof_hook_munlockall();
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
	if (option == PR_SET_SECCOMP)
		return (int)lof_hook_confine(SYS_prctl, args);
	return (int)lof_hook_raw(SYS_prctl, args[0], args[1], args[2], args[3],
				 args[4], 0);
}

LOF_PUBLIC int unshare(int flags)
{
	return (int)lof_hook_confine(SYS_unshare, (long[6]){ flags });
}

LOF_PUBLIC int setns(int fd, int type)
{
	return (int)lof_hook_confine(SYS_setns, (long[6]){ fd, type });
}
