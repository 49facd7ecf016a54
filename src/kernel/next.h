/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The program's own system calls, made by the library that is next to the shim
 * in the order of symbols, if it wraps them (src/preload/next.c finds it). Such
 * a library, for example a cache of registered memory, must see the calls as it
 * would without the shim. Calls that the program did not make are made by
 * sys.h, and so are all calls if there is no such library.
 *
 * As in sys.h, 0 or a negative errno is returned, and errno is not changed.
 */
#ifndef LOF_KERNEL_NEXT_H
#define LOF_KERNEL_NEXT_H

#include <sys/types.h>

#include "kernel/sys.h"

/* NULL: the plain system call. mmap_64: musl has a macro mmap64. */
struct lof_next {
	void *(*mmap)(void *, size_t, int, int, int, off_t);
	void *(*mmap_64)(void *, size_t, int, int, int, int64_t);
	int (*munmap)(void *, size_t);
	void *(*mremap)(void *, size_t, size_t, int, ...);
	int (*mprotect)(void *, size_t, int);
	int (*madvise)(void *, size_t, int);
	void *(*shmat)(int, const void *, int);
	int (*shmdt)(const void *);
	int (*remap_file_pages)(void *, size_t, int, size_t, int);
	int (*mlock)(const void *, size_t);
	int (*mlock2)(const void *, size_t, unsigned int);
	int (*munlock)(const void *, size_t);
	int (*mlockall)(int);
	int (*munlockall)(void);
	int (*prctl)(int, ...);
	int (*unshare)(int);
	int (*setns)(int, int);
	long (*syscall)(long, ...);
};

/* Set the functions. The shim never changes or frees *next. */
void lof_next_set(const struct lof_next *next);

/* How the program made the call that this thread is in. */
enum lof_called {
	LOF_CALLED_BY_NAME,
	LOF_CALLED_BY_NAME_64,		/* mmap64 */
	LOF_CALLED_BY_NUMBER,		/* syscall */
};

/* Set it, and return the former value, to be set again after the call. */
enum lof_called lof_next_set_called(enum lof_called called);

/*
 * The next library's function may make its call by syscall(), which comes back
 * to the shim. Is this the call that this thread is making by such a function?
 * The first two arguments tell. Then it is noted in the ledger already. True
 * once for each call.
 */
bool lof_next_is_making(long nr, long a, long b);

/* Private to the functions below. */
extern _Atomic(const struct lof_next *) lof_next_set_last
	__attribute__((visibility("hidden")));

/* Is any function of the program's calls to be called? */
static inline bool lof_next_is_there(void)
{
	return __builtin_expect(atomic_load_explicit(&lof_next_set_last,
						     memory_order_relaxed) !=
				NULL, 0);
}

int lof_next_call_mmap(uintptr_t addr, size_t len, int prot, int flags, int fd,
		       int64_t off, uintptr_t *result);
int lof_next_call_munmap(uintptr_t addr, size_t len);
int lof_next_call_mremap(uintptr_t addr, size_t old_len, size_t new_len,
			 int flags, uintptr_t new_addr, uintptr_t *result);
int lof_next_call_mprotect(uintptr_t addr, size_t len, int prot);
int lof_next_call_madvise(uintptr_t addr, size_t len, int advice);
int lof_next_call_shmat(int id, uintptr_t addr, int flags, uintptr_t *result);
int lof_next_call_shmdt(uintptr_t addr);
int lof_next_call_remap_file_pages(uintptr_t addr, size_t len, int prot,
				   size_t pgoff, int flags);

/* addr and len as the program gave them: the range may wrap. */
int lof_next_call_mlock(uintptr_t addr, size_t len);
int lof_next_call_mlock2(uintptr_t addr, size_t len, unsigned int flags);
int lof_next_call_munlock(uintptr_t addr, size_t len);

int lof_next_call_mlockall(int flags);
int lof_next_call_munlockall(void);

/* Any call. As the kernel returns: -4095 to -1 are errors. */
long lof_next_syscall(long nr, long a, long b, long c, long d, long e, long f);

/* The same for prctl, unshare and setns, by their names too. */
long lof_next_confine(long nr, const long args[6]);

#define LOF_NEXT(call, ...)						\
	(lof_next_is_there() ? lof_next_call_##call(__VA_ARGS__)	\
			     : lof_sys_##call(__VA_ARGS__))

static inline int lof_next_mmap(uintptr_t addr, size_t len, int prot, int flags,
				int fd, int64_t off, uintptr_t *result)
{
	return LOF_NEXT(mmap, addr, len, prot, flags, fd, off, result);
}

static inline int lof_next_munmap(uintptr_t addr, size_t len)
{
	return LOF_NEXT(munmap, addr, len);
}

static inline int lof_next_mremap(uintptr_t addr, size_t old_len,
				  size_t new_len, int flags, uintptr_t new_addr,
				  uintptr_t *result)
{
	return LOF_NEXT(mremap, addr, old_len, new_len, flags, new_addr,
			result);
}

static inline int lof_next_mprotect(uintptr_t addr, size_t len, int prot)
{
	return LOF_NEXT(mprotect, addr, len, prot);
}

static inline int lof_next_madvise(uintptr_t addr, size_t len, int advice)
{
	return LOF_NEXT(madvise, addr, len, advice);
}

static inline int lof_next_shmat(int id, uintptr_t addr, int flags,
				 uintptr_t *result)
{
	return LOF_NEXT(shmat, id, addr, flags, result);
}

static inline int lof_next_shmdt(uintptr_t addr)
{
	return LOF_NEXT(shmdt, addr);
}

static inline int lof_next_remap_file_pages(uintptr_t addr, size_t len,
					    int prot, size_t pgoff, int flags)
{
	return LOF_NEXT(remap_file_pages, addr, len, prot, pgoff, flags);
}

static inline int lof_next_mlock(struct lof_range range)
{
	return lof_next_is_there() ?
	       lof_next_call_mlock(range.start, lof_range_len(range)) :
	       lof_sys_mlock(range);
}

static inline int lof_next_mlock2(struct lof_range range, unsigned int flags)
{
	return lof_next_is_there() ?
	       lof_next_call_mlock2(range.start, lof_range_len(range), flags) :
	       lof_sys_mlock2(range, flags);
}

static inline int lof_next_munlock(struct lof_range range)
{
	return lof_next_is_there() ?
	       lof_next_call_munlock(range.start, lof_range_len(range)) :
	       lof_sys_munlock(range);
}

static inline int lof_next_mlockall(int flags)
{
	return LOF_NEXT(mlockall, flags);
}

static inline int lof_next_munlockall(void)
{
	return LOF_NEXT(munlockall);
}

#endif
