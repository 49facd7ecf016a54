/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The shim: functions with libc's names that call the public API. This file
 * decides only whether the shim is active, and reads that from the environment
 * once. It calls no malloc, stdio or dlsym, because these may be the callers of
 * a hook. It also calls no name that the shim exports: the program may define
 * that name by syscall(), which is the shim's and would call the program's
 * function again without end. So each exported function only calls a static
 * hook_*(), which syscall() calls too.
 */
#include "config.h"

#include "lockonfault.h"

#include <limits.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/shm.h>
#include <unistd.h>

#include "api/hooked.h"
#include "api/result.h"
#include "kernel/syscall.h"
#include "preload/log.h"
#include "preload/preload.h"

/*
 * Tells the library that the program's calls come through the shim. Not "",
 * because clang would use the variable for other empty strings.
 */
extern const char lof_preload[];
LOF_PUBLIC const char lof_preload[] = PACKAGE;

enum { UNKNOWN, INERT, ACTIVE };

static _Atomic int mode;

/* Programs that lock memory in order to populate it all now. */
static bool wants_eager(const char *name)
{
	static const char *const eager[] = {
		"memlockd", "prelockd", "vmtouch",
	};

	for (size_t i = 0; i < sizeof(eager) / sizeof(eager[0]); i++)
		if (strcmp(name, eager[i]) == 0)
			return true;
	return false;
}

/* The name by which the program was executed; for a script, its name. */
static const char *program_name(void)
{
	const char *path = (const char *)getauxval(AT_EXECFN), *slash;

	if (!path)
		return "";
	slash = strrchr(path, '/');
	return slash ? slash + 1 : path;
}

static bool env_is(const char *name, const char *value)
{
	const char *found = secure_getenv(name);

	return found && strcmp(found, value) == 0;
}

/* Parse a decimal number <= max. A malformed value is treated as unset. */
static unsigned long env_number(const char *name, unsigned long max)
{
	const char *found = secure_getenv(name), *digit = found;
	unsigned long number = 0;

	for (; digit && *digit >= '0' && *digit <= '9'; digit++)
		if (__builtin_mul_overflow(number, 10ul, &number) ||
		    __builtin_add_overflow(number,
					   (unsigned long)(*digit - '0'),
					   &number))
			return 0;
	return digit && !*digit && number <= max ? number : 0;
}

/* Two threads may run this at once: both get the same result. */
static int decide(void)
{
	unsigned long convert = LOF_CONVERT_LOCKS;
	const char *name = program_name();

	if (env_is("LOCKONFAULT_DISABLE", "1") || wants_eager(name))
		return INERT;
	if (env_is("LOCKONFAULT_CONVERT", "0"))
		convert = LOF_CONVERT_OFF;
	else if (env_is("LOCKONFAULT_CONVERT", "2"))
		convert = LOF_CONVERT_POPULATE;
	lof_set(LOF_CONVERT, convert);
	if (env_is("LOCKONFAULT_DISCARD", "translate"))
		lof_set(LOF_DISCARD, LOF_DISCARD_TRANSLATE);
	if (env_is("LOCKONFAULT_FALLBACK", "full"))
		lof_set(LOF_FALLBACK, LOF_FALLBACK_FULL);
	else if (env_is("LOCKONFAULT_FALLBACK", "refuse"))
		lof_set(LOF_FALLBACK, LOF_FALLBACK_REFUSE);
	if (env_is("LOCKONFAULT_FORK", "relock"))
		lof_set(LOF_FORK, LOF_FORK_RELOCK);
	if (env_is("LOCKONFAULT_FUTURE", "kernel"))
		lof_set(LOF_FUTURE, LOF_FUTURE_KERNEL);
	else if (env_is("LOCKONFAULT_FUTURE", "emulate"))
		lof_set(LOF_FUTURE, LOF_FUTURE_EMULATE);
	if (env_is("LOCKONFAULT_HUGE", "split"))
		lof_set(LOF_HUGE, LOF_HUGE_SPLIT);
	lof_set(LOF_CONVERT_MAX, env_number("LOCKONFAULT_MAX", ULONG_MAX));
	lof_log_open(secure_getenv("LOCKONFAULT_LOG"), name);
	lof_log("start", 0, convert, 0);
	return ACTIVE;
}

/*
 * Functions of .preinit_array run before libc has the environment. Until then
 * the mode is unknown, and the hooks make the plain system calls.
 */
bool lof_preload_is_active(void)
{
	int known = atomic_load_explicit(&mode, memory_order_acquire);

	if (known == UNKNOWN && environ) {
		known = decide();
		atomic_store_explicit(&mode, known, memory_order_release);
	}
	return known == ACTIVE;
}

/* Here, not in a hook: creating a thread calls malloc. */
__attribute__((constructor))
static void preload_init(void)
{
	unsigned long ms = env_number("LOCKONFAULT_SYNC_MS", LOF_SYNC_MS_MAX);

	if (lof_preload_is_active() && ms)
		lof_set(LOF_SYNC_MS, ms);
}

void lof_preload_log_left_out(void)
{
	struct lof_stats stats;

	if (lof_log_is_open() && !lof_stats(&stats, sizeof(stats)) &&
	    stats.left_out + stats.passed_over)
		lof_log("left out", 0, (size_t)stats.left_out, 0);
}

__attribute__((destructor))
static void preload_end(void)
{
	if (lof_preload_is_active())
		lof_preload_log_left_out();
}

/* Make the plain system call, and return -1 and errno like libc. */
static long raw(long nr, long a, long b, long c, long d, long e, long f)
{
	long ret = lof_syscall_raw(nr, a, b, c, d, e, f);

	if ((unsigned long)ret <= -4096UL)
		return ret;
	errno = (int)-ret;
	return -1;
}

static void *hook_mmap(void *addr, size_t len, int prot, int flags, int fd,
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

static int hook_munmap(void *addr, size_t len)
{
	if (!lof_preload_is_active())
		return (int)raw(SYS_munmap, (long)addr, (long)len, 0, 0, 0, 0);
	return lof_munmap(addr, len);
}

static void *hook_mremap(void *addr, size_t old_len, size_t new_len, int flags,
			 void *new_addr)
{
	/* The kernel does not know LOF_MREMAP_NOPOPULATE, and refuses it. */
	if (!lof_preload_is_active() || flags & LOF_MREMAP_NOPOPULATE)
		return (void *)raw(SYS_mremap, (long)addr, (long)old_len,
				   (long)new_len, flags, (long)new_addr, 0);
	return lof_mremap(addr, old_len, new_len, flags, new_addr);
}

static int hook_mprotect(void *addr, size_t len, int prot)
{
	if (!lof_preload_is_active())
		return (int)raw(SYS_mprotect, (long)addr, (long)len, prot, 0,
				0, 0);
	return lof_mprotect(addr, len, prot);
}

static int hook_madvise(void *addr, size_t len, int advice)
{
	if (!lof_preload_is_active())
		return (int)raw(SYS_madvise, (long)addr, (long)len, advice, 0,
				0, 0);
	return lof_madvise(addr, len, advice);
}

#ifdef SYS_shmat
static void *hook_shmat(int id, const void *addr, int flags)
{
	if (!lof_preload_is_active())
		return (void *)raw(SYS_shmat, id, (long)addr, flags, 0, 0, 0);
	return lof_hooked_shmat(id, addr, flags);
}

static int hook_shmdt(const void *addr)
{
	if (!lof_preload_is_active())
		return (int)raw(SYS_shmdt, (long)addr, 0, 0, 0, 0, 0);
	return lof_hooked_shmdt(addr);
}
#endif

static int hook_remap_file_pages(void *addr, size_t len, int prot,
				 size_t pgoff, int flags)
{
	if (!lof_preload_is_active())
		return (int)raw(SYS_remap_file_pages, (long)addr, (long)len,
				prot, (long)pgoff, flags, 0);
	return lof_hooked_remap_file_pages(addr, len, prot, pgoff, flags);
}

/* Log a lock call and its errno, and return ret. */
static int logged(const char *call, const void *addr, size_t len, int ret)
{
	lof_log(call, (uintptr_t)addr, len, ret ? errno : 0);
	return ret;
}

static int hook_mlock(const void *addr, size_t len)
{
	if (!lof_preload_is_active())
		return (int)raw(SYS_mlock, (long)addr, (long)len, 0, 0, 0, 0);
	return logged("mlock", addr, len, lof_hooked_mlock(addr, len));
}

static int hook_mlock2(const void *addr, size_t len, unsigned int flags)
{
	if (!lof_preload_is_active())
		return (int)raw(SYS_mlock2, (long)addr, (long)len, (long)flags,
				0, 0, 0);
	return logged(flags ? "mlock2 MLOCK_ONFAULT" : "mlock2", addr, len,
		      lof_hooked_mlock2(addr, len, flags));
}

static int hook_munlock(const void *addr, size_t len)
{
	if (!lof_preload_is_active())
		return (int)raw(SYS_munlock, (long)addr, (long)len, 0, 0, 0, 0);
	return logged("munlock", addr, len, lof_munlock(addr, len));
}

static int hook_mlockall(int flags)
{
	int ret;

	if (!lof_preload_is_active())
		return (int)raw(SYS_mlockall, flags, 0, 0, 0, 0, 0);
	ret = logged("mlockall", NULL, (size_t)flags, lof_mlockall(flags));
	if (!ret)
		lof_preload_log_left_out();
	return ret;
}

static int hook_munlockall(void)
{
	if (!lof_preload_is_active())
		return (int)raw(SYS_munlockall, 0, 0, 0, 0, 0, 0);
	return logged("munlockall", NULL, 0, lof_munlockall());
}

/* The names of libc. */

LOF_PUBLIC void *mmap(void *addr, size_t len, int prot, int flags, int fd,
		      off_t off)
{
	return hook_mmap(addr, len, prot, flags, fd, off);
}

/* In musl the name is a macro; off_t has 64 bits there. */
#ifdef mmap64
#undef mmap64
void *mmap64(void *addr, size_t len, int prot, int flags, int fd, off64_t off);
#endif

LOF_PUBLIC void *mmap64(void *addr, size_t len, int prot, int flags, int fd,
			off64_t off)
{
	return hook_mmap(addr, len, prot, flags, fd, off);
}

LOF_PUBLIC int munmap(void *addr, size_t len)
{
	return hook_munmap(addr, len);
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
	return hook_mremap(addr, old_len, new_len, flags, new_addr);
}

LOF_PUBLIC int mprotect(void *addr, size_t len, int prot)
{
	return hook_mprotect(addr, len, prot);
}

LOF_PUBLIC int madvise(void *addr, size_t len, int advice)
{
	return hook_madvise(addr, len, advice);
}

#ifdef SYS_shmat
LOF_PUBLIC void *shmat(int id, const void *addr, int flags)
{
	return hook_shmat(id, addr, flags);
}

LOF_PUBLIC int shmdt(const void *addr)
{
	return hook_shmdt(addr);
}
#endif

LOF_PUBLIC int remap_file_pages(void *addr, size_t len, int prot,
				size_t pgoff, int flags)
{
	return hook_remap_file_pages(addr, len, prot, pgoff, flags);
}

LOF_PUBLIC int mlock(const void *addr, size_t len)
{
	return hook_mlock(addr, len);
}

LOF_PUBLIC int mlock2(const void *addr, size_t len, unsigned int flags)
{
	return hook_mlock2(addr, len, flags);
}

LOF_PUBLIC int munlock(const void *addr, size_t len)
{
	return hook_munlock(addr, len);
}

LOF_PUBLIC int mlockall(int flags)
{
	return hook_mlockall(flags);
}

LOF_PUBLIC int munlockall(void)
{
	return hook_munlockall();
}

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
	long ret = raw(nr, a, b, c, d, e, f);
	int saved = errno;

	if (ret != -1 && lof_preload_is_active())
		lof_sync();
	errno = saved;
	return ret;
}

/*
 * A program may make the hooked calls by number. All other calls pass through.
 * Six arguments are read even if fewer were given, as in libc's syscall().
 */
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
	if (is_wide(nr, c, d, e))
		return call_wide(nr, a, b, c, d, e, f);
	switch (nr) {
	case SYS_mlock:
		return hook_mlock((void *)a, (size_t)b);
	case SYS_mlock2:
		return hook_mlock2((void *)a, (size_t)b, (unsigned int)c);
	case SYS_munlock:
		return hook_munlock((void *)a, (size_t)b);
	case SYS_mlockall:
		return hook_mlockall((int)a);
	case SYS_munlockall:
		return hook_munlockall();
#ifdef SYS_mmap2
	case SYS_mmap2:
		return (long)hook_mmap((void *)a, (size_t)b, (int)c, (int)d,
				       (int)e, (int64_t)(unsigned long)f << 12);
#else
	case SYS_mmap:
		return (long)hook_mmap((void *)a, (size_t)b, (int)c, (int)d,
				       (int)e, f);
#endif
	case SYS_munmap:
		return hook_munmap((void *)a, (size_t)b);
	case SYS_mremap:
		return (long)hook_mremap((void *)a, (size_t)b, (size_t)c,
					 (int)d, (void *)e);
	case SYS_mprotect:
		return hook_mprotect((void *)a, (size_t)b, (int)c);
	case SYS_madvise:
		return hook_madvise((void *)a, (size_t)b, (int)c);
#ifdef SYS_shmat
	case SYS_shmat:
		return (long)hook_shmat((int)a, (void *)b, (int)c);
	case SYS_shmdt:
		return hook_shmdt((void *)a);
#endif
	case SYS_remap_file_pages:
		return hook_remap_file_pages((void *)a, (size_t)b, (int)c,
					     (size_t)d, (int)e);
	default:
		return raw(nr, a, b, c, d, e, f);
	}
}
#endif
