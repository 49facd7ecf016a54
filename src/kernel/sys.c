/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Every system call of the library. The differences between architectures and C
 * libraries are handled here and in syscall.h.
 */
#include "config.h"

#include "kernel/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <linux/ioctl.h>
#include <poll.h>
#include <stdatomic.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <unistd.h>

#include "kernel/permit.h"
#include "kernel/syscall.h"

#define CALL6(nr, a, b, c, d, e, f)                                         \
	lof_syscall_raw(nr, (long)(a), (long)(b), (long)(c), (long)(d),     \
			(long)(e), (long)(f))
#define CALL3(nr, a, b, c) ((int)CALL6(nr, a, b, c, 0, 0, 0))

/* A call that only the library makes, if a filter permits it. */
#define OWN6(call, nr, a, b, c, d, e, f)                                    \
	(lof_permits(call) ? CALL6(nr, a, b, c, d, e, f) : (long)-EPERM)
#define OWN3(call, nr, a, b, c) ((int)OWN6(call, nr, a, b, c, 0, 0, 0))

_Atomic size_t lof_page_size;
_Atomic uint32_t lof_refused_calls;

size_t lof_sys_ask_page_size(void)
{
	size_t size = getauxval(AT_PAGESZ);

	atomic_store_explicit(&lof_page_size, size, memory_order_relaxed);
	return size;
}

int lof_sys_mlock(struct lof_range range)
{
	return OWN3(LOF_CALL_MLOCK, SYS_mlock, range.start,
		    lof_range_len(range), LOF_MARK);
}

int lof_sys_mlock2(struct lof_range range, unsigned int flags)
{
	return OWN3(LOF_CALL_MLOCK2, SYS_mlock2, range.start,
		    lof_range_len(range), flags);
}

int lof_sys_munlock(struct lof_range range)
{
	return OWN3(LOF_CALL_MUNLOCK, SYS_munlock, range.start,
		    lof_range_len(range), 0);
}

int lof_sys_mlockall(int flags)
{
	return CALL3(SYS_mlockall, flags, LOF_MARK, 0);
}

int lof_sys_munlockall(void)
{
	return CALL3(SYS_munlockall, 0, 0, 0);
}

/* An address may look negative: only -4095 to -1 are errors. */
static int address_of(long ret, uintptr_t *result)
{
	if ((unsigned long)ret > -4096UL)
		return (int)ret;
	*result = (uintptr_t)ret;
	return 0;
}

int lof_sys_mmap(uintptr_t addr, size_t len, int prot, int flags, int fd,
		 int64_t off, uintptr_t *result)
{
#ifdef SYS_mmap2
	/* The offset is in units of 4096 bytes, for any page size. */
	if (off & 4095 || (off >> 12) != (long)(off >> 12))
		return off & 4095 ? -EINVAL : -EOVERFLOW;
	return address_of(CALL6(SYS_mmap2, addr, len, prot, flags, fd,
				off >> 12), result);
#else
	return address_of(CALL6(SYS_mmap, addr, len, prot, flags, fd, off),
			  result);
#endif
}

int lof_sys_munmap(uintptr_t addr, size_t len)
{
	return CALL3(SYS_munmap, addr, len, 0);
}

int lof_sys_mremap(uintptr_t addr, size_t old_len, size_t new_len, int flags,
		   uintptr_t new_addr, uintptr_t *result)
{
	return address_of(CALL6(SYS_mremap, addr, old_len, new_len, flags,
				new_addr, 0), result);
}

int lof_sys_mprotect(uintptr_t addr, size_t len, int prot)
{
	return CALL3(SYS_mprotect, addr, len, prot);
}

int lof_sys_madvise(uintptr_t addr, size_t len, int advice)
{
	return CALL3(SYS_madvise, addr, len, advice);
}

int lof_sys_msync(struct lof_range range, int flags)
{
	return OWN3(LOF_CALL_MSYNC, SYS_msync, range.start,
		    lof_range_len(range), flags);
}

/* On i386 headers before Linux 5.1 lack these: then no hook calls them. */
#ifndef SYS_shmat
#define SYS_shmat	(-1)
#define SYS_shmdt	(-1)
#define SYS_shmctl	(-1)
#endif

int lof_sys_shmat(int id, uintptr_t addr, int flags, uintptr_t *result)
{
	return address_of(CALL6(SYS_shmat, id, addr, flags, 0, 0, 0), result);
}

int lof_sys_shmdt(uintptr_t addr)
{
	return CALL3(SYS_shmdt, addr, 0, 0);
}

int lof_sys_shm_size(int id, size_t *bytes)
{
	struct shmid_ds segment = { .shm_segsz = 0 };
	int err = OWN3(LOF_CALL_SHMCTL, SYS_shmctl, id, IPC_STAT, &segment);

	*bytes = segment.shm_segsz;
	return err;
}

int lof_sys_remap_file_pages(uintptr_t addr, size_t len, int prot,
			     size_t pgoff, int flags)
{
	return (int)CALL6(SYS_remap_file_pages, addr, len, prot, pgoff, flags,
			  0);
}

int lof_sys_mincore(struct lof_range range, unsigned char *pages)
{
	return OWN3(LOF_CALL_MINCORE, SYS_mincore, range.start,
		    lof_range_len(range), pages);
}

int lof_sys_sigaltstack(stack_t *old)
{
	return OWN3(LOF_CALL_SIGALTSTACK, SYS_sigaltstack, 0, old, 0);
}

/* The kernel's sigset_t is shorter than libc's, but begins alike. */
#define SIGSET_BYTES	(_NSIG / 8)

int lof_sys_sigmask(int how, const sigset_t *set, sigset_t *old)
{
	return (int)CALL6(SYS_rt_sigprocmask, how, set, old, SIGSET_BYTES, 0,
			  0);
}

int lof_sys_sigpending(sigset_t *set)
{
	return CALL3(SYS_rt_sigpending, set, SIGSET_BYTES, 0);
}

int lof_sys_sigtake(const sigset_t *set)
{
	const long timeout[2] = { 0, 0 };

	return (int)CALL6(SYS_rt_sigtimedwait, set, 0, timeout, SIGSET_BYTES,
			  0, 0);
}

int lof_sys_futex_wait(_Atomic uint32_t *word, uint32_t value, int ms)
{
	/* SYS_futex takes the kernel's old timespec: two longs. */
	const long timeout[2] = { ms / 1000, ms % 1000 * 1000000L };

	return (int)OWN6(LOF_CALL_FUTEX, SYS_futex, word, FUTEX_WAIT_PRIVATE,
			 value, timeout, 0, 0);
}

int lof_sys_futex_wake(_Atomic uint32_t *word)
{
	return OWN3(LOF_CALL_FUTEX, SYS_futex, word, FUTEX_WAKE_PRIVATE, 1);
}

/* By a futex: a filter that permits the other waits permits this, too. */
void lof_sys_sleep(int us)
{
	const long timeout[2] = { us / 1000000, us % 1000000 * 1000L };
	static _Atomic uint32_t never;

	(void)OWN6(LOF_CALL_FUTEX, SYS_futex, &never, FUTEX_WAIT_PRIVATE, 0,
		   timeout, 0, 0);
}

/* A futex wait reads the word. The timeout is 0. */
int lof_sys_touch_read(uint32_t *word)
{
	const long timeout[2] = { 0, 0 };
	int err = (int)OWN6(LOF_CALL_FUTEX, SYS_futex, word, FUTEX_WAIT_PRIVATE,
			    0, timeout, 0, 0);

	return err == -EAGAIN || err == -ETIMEDOUT ? 0 : err;
}

/* FUTEX_WAKE_OP writes the word: it adds 0. It is asked to wake 0 threads. */
int lof_sys_touch_write(uint32_t *word)
{
	int ret = (int)OWN6(LOF_CALL_FUTEX, SYS_futex, word,
			    FUTEX_WAKE_OP_PRIVATE, 0, 0, word, LOF_FUTEX_ADD_0);

	return ret < 0 ? ret : 0;
}

int lof_sys_open(const char *path)
{
	return (int)OWN6(LOF_CALL_FILES, SYS_openat, AT_FDCWD, path,
			 O_RDONLY | O_CLOEXEC, 0, 0, 0);
}

long lof_sys_read(int fd, void *buf, size_t size)
{
	return OWN6(LOF_CALL_FILES, SYS_read, fd, buf, size, 0, 0, 0);
}

long lof_sys_write(int fd, const void *buf, size_t size)
{
	return CALL6(SYS_write, fd, buf, size, 0, 0, 0);
}

int lof_sys_close(int fd)
{
	return OWN3(LOF_CALL_FILES, SYS_close, fd, 0, 0);
}

long lof_sys_readlink(const char *path, char *buf, size_t size)
{
	return OWN6(LOF_CALL_READLINK, SYS_readlinkat, AT_FDCWD, path, buf,
		    size, 0, 0);
}

int lof_sys_getpid(void)
{
	return OWN3(LOF_CALL_LOG, SYS_getpid, 0, 0, 0);
}

int lof_sys_open_log(const char *path)
{
	return (int)CALL6(SYS_openat, AT_FDCWD, path, LOF_LOG_FLAGS, 0600, 0,
			  0);
}

bool lof_sys_is_stream(int fd)
{
	return CALL3(SYS_lseek, fd, 0, SEEK_CUR) == -ESPIPE;
}

bool lof_sys_is_writable(int fd)
{
	struct pollfd poll = { .fd = fd, .events = POLLOUT };
	long timeout[2] = { 0, 0 };	/* the kernel writes to it */

	return CALL6(SYS_ppoll, &poll, 1, timeout, 0, 0, 0) == 1 &&
	       poll.revents == POLLOUT;
}

void lof_sys_leave_files(void)
{
#define RANGE_UNSHARE	2u
	(void)CALL3(LOF_SYS_CLOSE_RANGE, 0, ~0u, RANGE_UNSHARE);
}

long lof_sys_seek_read(int fd, void *buf, size_t size, uintptr_t off)
{
#ifdef SYS__llseek
	/* The offset of lseek has a sign: an address may be above 2 GiB. */
	int64_t place;
	long ret = OWN6(LOF_CALL_FILES, SYS__llseek, fd, 0, off, &place,
			SEEK_SET, 0);
#else
	long ret = OWN6(LOF_CALL_FILES, SYS_lseek, fd, off, SEEK_SET, 0, 0,
			0);
#endif

	return ret < 0 ? ret : lof_sys_read(fd, buf, size);
}

#define PM_PRESENT	((uint64_t)1 << 3)
#define PM_SWAPPED	((uint64_t)1 << 4)

long lof_sys_pagemap_scan(int fd, const struct lof_pm_question *question,
			  struct lof_pm_region *regions, size_t nregions,
			  uint64_t *walked)
{
	const uint64_t touched = PM_PRESENT | PM_SWAPPED;
	struct lof_pm_scan_arg arg = {
		.size = sizeof(arg),
		.start = question->range.start, .end = question->range.end,
		.vec = (uintptr_t)regions, .vec_len = nregions,
		.max_pages = question->max_pages, .return_mask = touched,
	};
	long ret;

	if (question->untouched)
		arg.category_inverted = arg.category_mask = touched;
	else
		arg.category_anyof_mask = touched;
	ret = OWN6(LOF_CALL_PAGEMAP_SCAN, SYS_ioctl, fd, LOF_PM_SCAN, &arg, 0, 0,
		   0);
	*walked = arg.walk_end;
	return ret;
}

int lof_sys_unshare(int flags)
{
	return CALL3(SYS_unshare, flags, 0, 0);
}

int lof_sys_prctl(int option, uintptr_t a, uintptr_t b)
{
	return CALL3(SYS_prctl, option, a, b);
}

int lof_sys_capget(void *header, void *data)
{
	return CALL3(SYS_capget, header, data, 0);
}

int lof_sys_capset(void *header, const void *data)
{
	return CALL3(SYS_capset, header, data, 0);
}

int lof_sys_futex_wait_shared(_Atomic uint32_t *word, uint32_t value)
{
	return CALL3(SYS_futex, word, FUTEX_WAIT, value);
}

int lof_sys_tgkill(uint32_t tid, int signal)
{
	return CALL3(SYS_tgkill, CALL3(SYS_getpid, 0, 0, 0), tid, signal);
}

void lof_sys_yield(void)
{
	(void)CALL3(SYS_sched_yield, 0, 0, 0);
}

static int soft_limit(int resource, uint64_t *limit)
{
	uint64_t old[2];
	int err;

	err = (int)OWN6(LOF_CALL_PRLIMIT, SYS_prlimit64, 0, resource, 0, old,
		       0, 0);
	if (!err)
		*limit = old[0];
	return err;
}

int lof_sys_memlock_limit(uint64_t *limit)
{
	return soft_limit(RLIMIT_MEMLOCK, limit);
}

int lof_sys_stack_limit(uint64_t *limit)
{
	return soft_limit(RLIMIT_STACK, limit);
}
