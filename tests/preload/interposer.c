/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A library that wraps the names that the shim stands in for, as caches of
 * registered memory and sanitizers do. At its end it prints on stderr how many
 * calls of the program it saw. mlock and mlock2 are one count, since the shim
 * makes one of the other. INTERPOSER=number: it makes its calls by syscall();
 * busy: it also maps, locks and unmaps memory in each call; lazy: its munlock
 * does nothing.
 */
#include "config.h"

#include <dlfcn.h>
#include <errno.h>
#include <sched.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <unistd.h>

#define WRAPPED __attribute__((visibility("default")))

enum {
	MMAP, MMAP64, MUNMAP, MREMAP, MPROTECT, MADVISE, SHMAT, SHMDT, REMAP,
	LOCK, MUNLOCK, MLOCKALL, MUNLOCKALL, PRCTL, UNSHARE, SETNS, SYSCALL,
	NCOUNTS
};

static unsigned int seen[NCOUNTS];
static __thread int depth;

static int mode_is(const char *mode)
{
	const char *set = getenv("INTERPOSER");

	return set && strcmp(set, mode) == 0;
}

static void fail(const char *what)
{
	dprintf(2, "%s\n", what);
	_exit(98);
}

/*
 * Calls of its own, by the names and by number: all come back to it. A limit
 * may refuse some.
 */
static void be_busy(void)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	char *addr = mmap(NULL, 4 * page, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (addr == MAP_FAILED)
		return;
	mlock(addr, 2 * page);
	munlock(addr, page);
	syscall(SYS_mlock, addr, page);
	syscall(SYS_munlock, addr, page);
	/* The second page is locked when it is unmapped. */
	if (mprotect(addr, page, PROT_NONE) || munmap(addr, 3 * page) ||
	    syscall(SYS_munmap, addr + 3 * page, page))
		fail("busy");
}

/* Begin a wrapped call. errno stays as it is. */
static void enter(int which)
{
	int saved = errno;

	if (depth++ == 0) {
		seen[which]++;
		if (mode_is("busy"))
			be_busy();
	}
	errno = saved;
}

static long leave(long ret)
{
	depth--;
	return ret;
}

static void *next(const char *name)
{
	void *found = dlsym(RTLD_NEXT, name);

	if (!found)
		fail(name);
	return found;
}

/* The next function of this name, as a pointer to its type. */
#define NEXT(name)	(*(__typeof__(&name))next(#name))

/* Wrap a call: `number` are the arguments of syscall(), `args` the call's. */
#define WRAP(type, which, name, args, number) do {			\
	enter(which);							\
	if (mode_is("number"))						\
		return (type)leave(syscall number);			\
	return (type)leave((long)NEXT(name) args);			\
} while (0)

#ifdef SYS_mmap2
#define MAP_NUMBER	SYS_mmap2
#define MAP_OFF(off)	(long)((off) >> 12)
#else
#define MAP_NUMBER	SYS_mmap
#define MAP_OFF(off)	(long)(off)
#endif

WRAPPED void *mmap(void *addr, size_t len, int prot, int flags, int fd,
		   off_t off)
{
	WRAP(void *, MMAP, mmap, (addr, len, prot, flags, fd, off),
	     (MAP_NUMBER, addr, len, prot, flags, fd, MAP_OFF(off)));
}

#ifndef mmap64
WRAPPED void *mmap64(void *addr, size_t len, int prot, int flags, int fd,
		     off64_t off)
{
	WRAP(void *, MMAP64, mmap64, (addr, len, prot, flags, fd, off),
	     (MAP_NUMBER, addr, len, prot, flags, fd, MAP_OFF(off)));
}
#endif

WRAPPED int munmap(void *addr, size_t len)
{
	WRAP(int, MUNMAP, munmap, (addr, len), (SYS_munmap, addr, len));
}

WRAPPED void *mremap(void *addr, size_t old_len, size_t new_len, int flags, ...)
{
	void *new_addr = NULL;
	va_list args;

	va_start(args, flags);
	if (flags & ~MREMAP_MAYMOVE)
		new_addr = va_arg(args, void *);
	va_end(args);
	WRAP(void *, MREMAP, mremap,
	     (addr, old_len, new_len, flags, new_addr),
	     (SYS_mremap, addr, old_len, new_len, flags, new_addr));
}

WRAPPED int mprotect(void *addr, size_t len, int prot)
{
	WRAP(int, MPROTECT, mprotect, (addr, len, prot),
	     (SYS_mprotect, addr, len, prot));
}

WRAPPED int madvise(void *addr, size_t len, int advice)
{
	WRAP(int, MADVISE, madvise, (addr, len, advice),
	     (SYS_madvise, addr, len, advice));
}

#ifdef SYS_shmat
WRAPPED void *shmat(int id, const void *addr, int flags)
{
	WRAP(void *, SHMAT, shmat, (id, addr, flags),
	     (SYS_shmat, id, addr, flags));
}

WRAPPED int shmdt(const void *addr)
{
	WRAP(int, SHMDT, shmdt, (addr), (SYS_shmdt, addr));
}
#endif

WRAPPED int remap_file_pages(void *addr, size_t len, int prot, size_t pgoff,
			     int flags)
{
	WRAP(int, REMAP, remap_file_pages, (addr, len, prot, pgoff, flags),
	     (SYS_remap_file_pages, addr, len, prot, pgoff, flags));
}

WRAPPED int mlock(const void *addr, size_t len)
{
	WRAP(int, LOCK, mlock, (addr, len), (SYS_mlock, addr, len));
}

WRAPPED int mlock2(const void *addr, size_t len, unsigned int flags)
{
	WRAP(int, LOCK, mlock2, (addr, len, flags),
	     (SYS_mlock2, addr, len, flags));
}

WRAPPED int munlock(const void *addr, size_t len)
{
	if (mode_is("lazy"))
		return 0;
	WRAP(int, MUNLOCK, munlock, (addr, len), (SYS_munlock, addr, len));
}

WRAPPED int mlockall(int flags)
{
	WRAP(int, MLOCKALL, mlockall, (flags), (SYS_mlockall, flags));
}

WRAPPED int munlockall(void)
{
	WRAP(int, MUNLOCKALL, munlockall, (), (SYS_munlockall));
}

WRAPPED int prctl(int option, ...)
{
	long arg[4];
	va_list args;

	va_start(args, option);
	for (int i = 0; i < 4; i++)
		arg[i] = va_arg(args, long);
	va_end(args);
	WRAP(int, PRCTL, prctl, (option, arg[0], arg[1], arg[2], arg[3]),
	     (SYS_prctl, option, arg[0], arg[1], arg[2], arg[3]));
}

WRAPPED int unshare(int flags)
{
	WRAP(int, UNSHARE, unshare, (flags), (SYS_unshare, flags));
}

WRAPPED int setns(int fd, int type)
{
	WRAP(int, SETNS, setns, (fd, type), (SYS_setns, fd, type));
}

WRAPPED long syscall(long nr, ...)
{
	long arg[6];
	va_list args;

	va_start(args, nr);
	for (int i = 0; i < 6; i++)
		arg[i] = va_arg(args, long);
	va_end(args);
	enter(SYSCALL);
	return leave(NEXT(syscall)(nr, arg[0], arg[1], arg[2], arg[3], arg[4],
				   arg[5]));
}

__attribute__((destructor))
static void tell(void)
{
	static const char *const name[NCOUNTS] = {
		"mmap", "mmap64", "munmap", "mremap", "mprotect", "madvise",
		"shmat", "shmdt", "remap_file_pages", "mlock or mlock2",
		"munlock", "mlockall", "munlockall", "prctl", "unshare",
		"setns", "syscall",
	};

	for (int i = 0; i < NCOUNTS; i++)
		if (seen[i])
			dprintf(2, "%s %u\n", name[i], seen[i]);
}
