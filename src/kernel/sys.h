/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Every system call of the library. Each function returns the kernel's result,
 * 0 or a negative errno, and does not change errno. No function uses the
 * ledger. A call that only the library makes, and that a filter of the program
 * refuses (permit.h), fails with -EPERM and is not made.
 */
#ifndef LOF_KERNEL_SYS_H
#define LOF_KERNEL_SYS_H

#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/range.h"

/* Names that old system headers do not have. */
#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE	0x100000 /* Linux 4.17; before, a hint */
#endif
#ifndef MREMAP_DONTUNMAP
#define MREMAP_DONTUNMAP	4	/* Linux 5.7 */
#endif
#ifndef MADV_WIPEONFORK
#define MADV_WIPEONFORK		18	/* Linux 4.14 */
#endif
#ifndef MADV_KEEPONFORK
#define MADV_KEEPONFORK		19	/* Linux 4.14 */
#endif
#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ	22	/* Linux 5.14 */
#define MADV_POPULATE_WRITE	23
#endif
#ifndef MADV_DONTNEED_LOCKED
#define MADV_DONTNEED_LOCKED	24	/* Linux 5.18 */
#endif
#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL	102	/* Linux 6.13 */
#endif

#ifdef SYS_mmap2
#define LOF_SYS_MMAP	SYS_mmap2
#else
#define LOF_SYS_MMAP	SYS_mmap
#endif

/* Linux 5.9; the number is the same everywhere but on alpha. */
#define LOF_SYS_CLOSE_RANGE	436

/* The flags of the thread of our own (thread.c), for clone(). */
#define LOF_THREAD_FLAGS						\
	(CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND |		\
	 CLONE_THREAD | CLONE_SYSVSEM | CLONE_SETTLS |			\
	 CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID)

/* The architecture of our system calls, for filters; 0: not known. */
#if defined(__x86_64__)
#define LOF_AUDIT_ARCH	AUDIT_ARCH_X86_64
#elif defined(__i386__)
#define LOF_AUDIT_ARCH	AUDIT_ARCH_I386
#elif defined(__aarch64__)
#define LOF_AUDIT_ARCH	AUDIT_ARCH_AARCH64
#elif defined(__riscv) && __riscv_xlen == 64
#define LOF_AUDIT_ARCH	AUDIT_ARCH_RISCV64
#else
#define LOF_AUDIT_ARCH	0
#endif

/*
 * Arguments that permit.c also needs: of PAGEMAP_SCAN, of FUTEX_WAKE_OP, and of
 * the open() of the shim's log.
 */
#define LOF_LOG_FLAGS	(O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | \
			 O_NOCTTY | O_NONBLOCK)
#define LOF_PM_SCAN	_IOWR('f', 16, struct lof_pm_scan_arg)
#define LOF_FUTEX_ADD_0	FUTEX_OP(FUTEX_OP_ADD, 0, FUTEX_OP_CMP_EQ, 0)

/* Linux 6.7: the build's headers may be older. */
struct lof_pm_scan_arg {
	uint64_t size, flags, start, end, walk_end, vec, vec_len, max_pages,
		 category_inverted, category_mask, category_anyof_mask,
		 return_mask;
};

/* Private to lof_sys_page_size(). */
extern _Atomic size_t lof_page_size __attribute__((visibility("hidden")));
size_t lof_sys_ask_page_size(void);

static inline size_t lof_sys_page_size(void)
{
	size_t known = atomic_load_explicit(&lof_page_size,
					    memory_order_relaxed);

	return known ? known : lof_sys_ask_page_size();
}

/*
 * mlock() and mlockall() have this behind their last argument, where the kernel
 * does not look. It tells the filter of trace/lock_filter.c that these calls
 * have been converted already, or must not be.
 */
#define LOF_MARK	0x10cf

int lof_sys_mlock(struct lof_range range);
int lof_sys_mlock2(struct lof_range range, unsigned int flags);
int lof_sys_munlock(struct lof_range range);
int lof_sys_mlockall(int flags);
int lof_sys_munlockall(void);

/* On success *result is the address. off is in bytes. */
int lof_sys_mmap(uintptr_t addr, size_t len, int prot, int flags, int fd,
		 int64_t off, uintptr_t *result);
int lof_sys_munmap(uintptr_t addr, size_t len);
int lof_sys_mremap(uintptr_t addr, size_t old_len, size_t new_len, int flags,
		   uintptr_t new_addr, uintptr_t *result);
int lof_sys_mprotect(uintptr_t addr, size_t len, int prot);
int lof_sys_madvise(uintptr_t addr, size_t len, int advice);
int lof_sys_msync(struct lof_range range, int flags);

int lof_sys_shmat(int id, uintptr_t addr, int flags, uintptr_t *result);
int lof_sys_shmdt(uintptr_t addr);
int lof_sys_shm_size(int id, size_t *bytes);
int lof_sys_remap_file_pages(uintptr_t addr, size_t len, int prot,
			     size_t pgoff, int flags);

/* Set a byte for each page; bit 0: the page is resident. */
int lof_sys_mincore(struct lof_range range, unsigned char *pages);

/* Get the alternate signal stack of this thread. */
int lof_sys_sigaltstack(stack_t *old);

/* As sigprocmask(), for this thread; libc's own signals are not spared. */
int lof_sys_sigmask(int how, const sigset_t *set, sigset_t *old);
int lof_sys_sigpending(sigset_t *set);

/* Take one pending signal of the set: its number, or -EAGAIN. */
int lof_sys_sigtake(const sigset_t *set);

/* Wait while *word is value, for at most ms milliseconds; wake one waiter. */
int lof_sys_futex_wait(_Atomic uint32_t *word, uint32_t value, int ms);
int lof_sys_futex_wake(_Atomic uint32_t *word);

/* Sleep for so many microseconds, or less. */
void lof_sys_sleep(int us);

/*
 * Make the page of a word resident, as a read or a write of the word does, and
 * change nothing. -EFAULT: the page cannot be made resident.
 */
int lof_sys_touch_read(uint32_t *word);
int lof_sys_touch_write(uint32_t *word);

/* open: a file descriptor; read, write: the count of bytes; or a negative errno. */
int lof_sys_open(const char *path);
long lof_sys_read(int fd, void *buf, size_t size);
long lof_sys_write(int fd, const void *buf, size_t size);
int lof_sys_close(int fd);

/* The length of the link's contents, cut off at size; or a negative errno. */
long lof_sys_readlink(const char *path, char *buf, size_t size);

/* The process ID; not cached as in libc. -EPERM: a filter refuses it. */
int lof_sys_getpid(void);

/*
 * Open a file to append to it. It is created with mode 0600; it does not become
 * the controlling terminal. Neither this call nor a write to it waits.
 */
int lof_sys_open_log(const char *path);

/* Is it a pipe, a socket or a terminal, which have no position? */
bool lof_sys_is_stream(int fd);

/* Would a write to fd neither wait nor find that there is no reader? */
bool lof_sys_is_writable(int fd);

/*
 * Give this thread its own table of files, with no file open. Files that it
 * opens later are not open in the program. Before Linux 5.9 this does nothing.
 */
void lof_sys_leave_files(void);

/* For a thread of our own: see the manual pages of these calls. */
int lof_sys_unshare(int flags);
int lof_sys_prctl(int option, uintptr_t a, uintptr_t b);
int lof_sys_capget(void *header, void *data);
int lof_sys_capset(void *header, const void *data);

/* Wait until *word, which other processes may share, is not value. */
int lof_sys_futex_wait_shared(_Atomic uint32_t *word, uint32_t value);

/* Send a signal to a thread of this process; 0: only look if it is there. */
int lof_sys_tgkill(uint32_t tid, int signal);
void lof_sys_yield(void);

/* Read at off from the start of a file. No file here is larger than memory. */
long lof_sys_seek_read(int fd, void *buf, size_t size, uintptr_t off);

/* A run of pages, as the ioctl PAGEMAP_SCAN (Linux 6.7) reports it. */
struct lof_pm_region {
	uint64_t start, end, categories;
};

/*
 * The arguments of the ioctl PAGEMAP_SCAN. It reports pages that are present or
 * swapped out, or (untouched) pages that are neither. It never reports holes.
 */
struct lof_pm_question {
	struct lof_range range;
	bool untouched;
	size_t max_pages;	/* stop after so many pages; 0: no bound */
};

/*
 * Scan /proc/self/pagemap. The number of regions, or a negative errno; *walked
 * is the address that the scan reached.
 */
long lof_sys_pagemap_scan(int fd, const struct lof_pm_question *question,
			  struct lof_pm_region *regions, size_t nregions,
			  uint64_t *walked);

/* The soft RLIMIT_MEMLOCK in bytes; UINT64_MAX: no limit. */
int lof_sys_memlock_limit(uint64_t *limit);

/* The soft RLIMIT_STACK, in the same way. */
int lof_sys_stack_limit(uint64_t *limit);

/* Widen addr and len to whole pages: 0 or -EINVAL, see lof_range_widen(). */
static inline int lof_range_of(struct lof_range *range, const void *addr,
			       size_t len)
{
	return lof_range_widen(range, (uintptr_t)addr, len,
			       lof_sys_page_size());
}

#endif
