/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * syscall(): a program may make the hooked calls by number. All other calls
 * pass through. Not on architectures where the library calls libc's syscall().
 */
#include "config.h"

#include <stdarg.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <unistd.h>

#include "api/hooked.h"
#include "api/result.h"
#include "lockonfault.h"
#include "preload/hooks.h"
#include "preload/next.h"
#include "preload/preload.h"
#include "preload/rlimit.h"

#ifdef LOF_SYSCALL_IS_OURS
/*
 * Some arguments are int in libc's functions and long in the kernel, which
 * refuses unknown high bits. The kernel must see these bits. fd, and the flags
 * of the other calls, are int in the kernel as well (seen on 6.18).
 */
static bool is_wide(long nr, long c, long d, long e)
{
	switch (nr) {
#ifndef SYS_mmap2
	case SYS_mmap:
		return c != (int)c || d != (int)d;
#endif
	case SYS_mprotect:
		return c != (int)c;
	case SYS_mremap:
		return d != (int)d;
	case SYS_remap_file_pages:
		return c != (int)c || e != (int)e;
	default:
		return false;
	}
}

/*
 * Make a call with high bits as a plain system call. If it succeeds, lof_sync()
 * reads its effect; such calls are rare.
 */
static long call_wide(long nr, long a, long b, long c, long d, long e, long f)
{
	long ret = lof_hook_raw(nr, a, b, c, d, e, f);
	int saved = errno;

	if (ret != -1 && lof_preload_is_active())
		lof_sync();
	errno = saved;
	return ret;
}

static long call(long nr, long a, long b, long c, long d, long e, long f)
{
	switch (nr) {
	case SYS_mlock:
		return lof_hook_mlock((void *)a, (size_t)b);
	case SYS_mlock2:
		return lof_hook_mlock2((void *)a, (size_t)b, (unsigned int)c);
	case SYS_munlock:
		return lof_hook_munlock((void *)a, (size_t)b);
	case SYS_mlockall:
		return lof_hook_mlockall((int)a);
	case SYS_munlockall:
		return lof_hook_munlockall();
#ifdef SYS_mmap2
	case SYS_mmap2:
		return (long)lof_hook_mmap((void *)a, (size_t)b, (int)c, (int)d,
				       (int)e, (int64_t)(unsigned long)f << 12);
#else
	case SYS_mmap:
		return (long)lof_hook_mmap((void *)a, (size_t)b, (int)c, (int)d,
				       (int)e, f);
#endif
	case SYS_munmap:
		return lof_hook_munmap((void *)a, (size_t)b);
	case SYS_mremap:
		return (long)lof_hook_mremap((void *)a, (size_t)b, (size_t)c,
					 (int)d, (void *)e);
	case SYS_mprotect:
		return lof_hook_mprotect((void *)a, (size_t)b, (int)c);
	case SYS_madvise:
		return lof_hook_madvise((void *)a, (size_t)b, (int)c);
#ifdef SYS_shmat
	case SYS_shmat:
		return (long)lof_hook_shmat((int)a, (void *)b, (int)c);
	case SYS_shmdt:
		return lof_hook_shmdt((void *)a);
#endif
	case SYS_remap_file_pages:
		return lof_hook_remap_file_pages((void *)a, (size_t)b, (int)c,
					     (size_t)d, (int)e);
	case SYS_prlimit64:
#ifdef SYS_setrlimit
	case SYS_setrlimit:
#endif
		return lof_hook_rlimit(nr, (long[6]){ a, b, c, d, e, f });
	case SYS_prctl:
	case SYS_seccomp:
	case SYS_setns:
	case SYS_unshare:
		return lof_hook_confine(nr, (long[6]){ a, b, c, d, e, f });
	default:
		return lof_hook_raw(nr, a, b, c, d, e, f);
	}
}

static long call_any(long nr, long a, long b, long c, long d, long e, long f)
{
	/* The next library makes this call of the program, already noted. */
	if (lof_next_is_there() && lof_hooked_next_is_making(nr, a, b))
		return lof_hook_raw(nr, a, b, c, d, e, f);
	if (is_wide(nr, c, d, e))
		return call_wide(nr, a, b, c, d, e, f);
	return call(nr, a, b, c, d, e, f);
}

/* Six arguments are read even if fewer were given, as in libc's syscall(). */
LOF_PUBLIC long syscall(long nr, ...)
{
	long a, b, c, d, e, f;
	va_list args;

	va_start(args, nr);
	a = va_arg(args, long);
	b = va_arg(args, long);
	c = va_arg(args, long);
	d = va_arg(args, long);
	e = va_arg(args, long);
	f = va_arg(args, long);
	va_end(args);
	return LOF_CALLED(LOF_CALLED_BY_NUMBER,
			  call_any(nr, a, b, c, d, e, f));
}
#endif
