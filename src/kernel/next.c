/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Calls of the next library's functions. No function here is called if all of
 * them are libc's. The shim has a copy of this file and its variables, for the
 * calls that it passes on without the library.
 */
#include "config.h"

#include "kernel/next.h"

#include <errno.h>
#include <sys/mman.h>

#include "base/per_thread.h"
#include "kernel/syscall.h"

_Atomic(const struct lof_next *) lof_next_set_last;
static LOF_PER_THREAD enum lof_called called;

/* Threads of other libraries may call hooks already. */
void lof_next_set(const struct lof_next *next)
{
	atomic_store_explicit(&lof_next_set_last, next, memory_order_release);
}

/* The functions now; all NULL if none are set. */
static const struct lof_next *functions(void)
{
	static const struct lof_next none;
	const struct lof_next *next;

	next = atomic_load_explicit(&lof_next_set_last, memory_order_acquire);
	return next ? next : &none;
}

enum lof_called lof_next_set_called(enum lof_called new)
{
	enum lof_called old = called;

	called = new;
	return old;
}

/* The call that this thread makes by a function; nothing if n is 0. */
struct making {
	size_t n;
	long nr, a, b;
};

static LOF_PER_THREAD struct making making;

/* Note a call: its number and n - 1 arguments. Returns what was noted. */
static struct making make(const long *call, size_t n)
{
	struct making outer = making;

	making.nr = call[0];
	making.a = n > 1 ? call[1] : 0;
	making.b = n > 2 ? call[2] : 0;
	making.n = n;
	return outer;
}

#define MAKE(...)	make((const long[]){ __VA_ARGS__ },		\
			     sizeof((const long[]){ __VA_ARGS__ }) / sizeof(long))

bool lof_next_is_making(long nr, long a, long b)
{
	if (!making.n || making.nr != nr || (making.n > 1 && making.a != a) ||
	    (making.n > 2 && making.b != b))
		return false;
	making.n = 0;
	return true;
}

/* Turn the result of a function of libc's kind into the kernel's kind. */
static long kernel_result(long ret, int saved)
{
	if (ret == -1)
		ret = errno ? -errno : -EIO;
	errno = saved;
	return ret;
}

static int address_result(long ret, uintptr_t *result)
{
	if ((unsigned long)ret > -4096UL)
		return (int)ret;
	*result = (uintptr_t)ret;
	return 0;
}

long lof_next_syscall(long nr, long a, long b, long c, long d, long e, long f)
{
	const struct lof_next *next = functions();
	int saved = errno;

	if (called != LOF_CALLED_BY_NUMBER || !next->syscall)
		return lof_syscall_raw(nr, a, b, c, d, e, f);
	return kernel_result(next->syscall(nr, a, b, c, d, e, f), saved);
}

static long confine_by_name(const struct lof_next *next, long nr,
			    const long args[6])
{
	switch (nr) {
	case SYS_prctl:
		return next->prctl((int)args[0], args[1], args[2], args[3],
				   args[4]);
	case SYS_unshare:
		return next->unshare((int)args[0]);
	default:
		return next->setns((int)args[0], (int)args[1]);
	}
}

long lof_next_confine(long nr, const long args[6])
{
	const struct lof_next *next = functions();
	struct making outer;
	int saved = errno;
	long ret;

	if (called == LOF_CALLED_BY_NUMBER ||
	    !((nr == SYS_prctl && next->prctl) ||
	      (nr == SYS_unshare && next->unshare) ||
	      (nr == SYS_setns && next->setns)))
		return lof_next_syscall(nr, args[0], args[1], args[2], args[3],
					args[4], args[5]);
	outer = MAKE(nr, args[0], args[1]);
	ret = kernel_result(confine_by_name(next, nr, args), saved);
	making = outer;
	return ret;
}

/*
 * In a call by number, call the next library's syscall(): its function of the
 * call's own name would not be reached without the shim, and may have made this
 * call itself. By name, call `function`.
 */
#define CALL(function, by_number, by_name, by_kernel) do {		\
	const struct lof_next *next = functions();			\
	struct making outer;						\
	int saved = errno, err;						\
									\
	if (called == LOF_CALLED_BY_NUMBER && next->syscall)		\
		return (int)kernel_result(next->syscall by_number, saved); \
	if (called == LOF_CALLED_BY_NUMBER || !next->function)		\
		return by_kernel;					\
	outer = MAKE by_number;						\
	err = (int)kernel_result(next->function by_name, saved);		\
	making = outer;							\
	return err;							\
} while (0)

/* The same for a call that returns an address. */
#define CALL_FOR_ADDRESS(function, by_number, by_name, by_kernel) do {	\
	const struct lof_next *next = functions();			\
	struct making outer;						\
	int saved = errno;						\
	long ret;							\
									\
	if (called == LOF_CALLED_BY_NUMBER && next->syscall)		\
		return address_result(kernel_result(next->syscall by_number, \
						    saved), result);	\
	if (called == LOF_CALLED_BY_NUMBER || !next->function)		\
		return by_kernel;					\
	outer = MAKE by_number;						\
	ret = kernel_result((long)next->function by_name, saved);	\
	making = outer;							\
	return address_result(ret, result);				\
} while (0)

/* syscall() has arguments of type long alone. */
#define LONG(x)	((long)(x))

#ifdef SYS_mmap2
#define MMAP_NUMBER	SYS_mmap2
#define MMAP_OFF(off)	LONG((off) >> 12)
#else
#define MMAP_NUMBER	SYS_mmap
#define MMAP_OFF(off)	LONG(off)
#endif

#define MMAP_CALL	(MMAP_NUMBER, LONG(addr), LONG(len), LONG(prot), \
			 LONG(flags), LONG(fd), MMAP_OFF(off))

static int mmap_64(uintptr_t addr, size_t len, int prot, int flags, int fd,
		   int64_t off, uintptr_t *result)
{
	CALL_FOR_ADDRESS(mmap_64, MMAP_CALL,
			 ((void *)addr, len, prot, flags, fd, off),
			 lof_sys_mmap(addr, len, prot, flags, fd, off, result));
}

int lof_next_call_mmap(uintptr_t addr, size_t len, int prot, int flags, int fd,
		       int64_t off, uintptr_t *result)
{
	if (called == LOF_CALLED_BY_NAME_64)
		return mmap_64(addr, len, prot, flags, fd, off, result);
	CALL_FOR_ADDRESS(mmap, MMAP_CALL,
			 ((void *)addr, len, prot, flags, fd, (off_t)off),
			 lof_sys_mmap(addr, len, prot, flags, fd, off, result));
}

int lof_next_call_munmap(uintptr_t addr, size_t len)
{
	CALL(munmap, (SYS_munmap, LONG(addr), LONG(len)), ((void *)addr, len),
	     lof_sys_munmap(addr, len));
}

int lof_next_call_mremap(uintptr_t addr, size_t old_len, size_t new_len,
			 int flags, uintptr_t new_addr, uintptr_t *result)
{
	CALL_FOR_ADDRESS(mremap,
			 (SYS_mremap, LONG(addr), LONG(old_len), LONG(new_len),
			  LONG(flags), LONG(new_addr)),
			 ((void *)addr, old_len, new_len, flags,
			  (void *)new_addr),
			 lof_sys_mremap(addr, old_len, new_len, flags, new_addr,
					result));
}

int lof_next_call_mprotect(uintptr_t addr, size_t len, int prot)
{
	CALL(mprotect, (SYS_mprotect, LONG(addr), LONG(len), LONG(prot)),
	     ((void *)addr, len, prot), lof_sys_mprotect(addr, len, prot));
}

int lof_next_call_madvise(uintptr_t addr, size_t len, int advice)
{
	CALL(madvise, (SYS_madvise, LONG(addr), LONG(len), LONG(advice)),
	     ((void *)addr, len, advice), lof_sys_madvise(addr, len, advice));
}

#ifndef SYS_shmat
#define SYS_shmat	(-1)
#define SYS_shmdt	(-1)
#endif

int lof_next_call_shmat(int id, uintptr_t addr, int flags, uintptr_t *result)
{
	CALL_FOR_ADDRESS(shmat, (SYS_shmat, LONG(id), LONG(addr), LONG(flags)),
			 (id, (void *)addr, flags),
			 lof_sys_shmat(id, addr, flags, result));
}

int lof_next_call_shmdt(uintptr_t addr)
{
	CALL(shmdt, (SYS_shmdt, LONG(addr)), ((void *)addr),
	     lof_sys_shmdt(addr));
}

int lof_next_call_remap_file_pages(uintptr_t addr, size_t len, int prot,
				   size_t pgoff, int flags)
{
	CALL(remap_file_pages, (SYS_remap_file_pages, LONG(addr), LONG(len),
				LONG(prot), LONG(pgoff), LONG(flags)),
	     ((void *)addr, len, prot, pgoff, flags),
	     lof_sys_remap_file_pages(addr, len, prot, pgoff, flags));
}

#define RAW(nr, a, b, c)	\
	((int)lof_syscall_raw(nr, LONG(a), LONG(b), LONG(c), 0, 0, 0))

int lof_next_call_mlock(uintptr_t addr, size_t len)
{
	CALL(mlock, (SYS_mlock, LONG(addr), LONG(len)), ((void *)addr, len),
	     RAW(SYS_mlock, addr, len, 0));
}

int lof_next_call_mlock2(uintptr_t addr, size_t len, unsigned int flags)
{
	CALL(mlock2, (SYS_mlock2, LONG(addr), LONG(len), LONG(flags)),
	     ((void *)addr, len, flags), RAW(SYS_mlock2, addr, len, flags));
}

int lof_next_call_munlock(uintptr_t addr, size_t len)
{
	CALL(munlock, (SYS_munlock, LONG(addr), LONG(len)),
	     ((void *)addr, len), RAW(SYS_munlock, addr, len, 0));
}

int lof_next_call_mlockall(int flags)
{
	CALL(mlockall, (SYS_mlockall, LONG(flags)), (flags),
	     lof_sys_mlockall(flags));
}

int lof_next_call_munlockall(void)
{
	CALL(munlockall, (SYS_munlockall), (), lof_sys_munlockall());
}
