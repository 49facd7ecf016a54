/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * liblockonfault: lock each page of a range when the page is first touched
 * (lock on fault), and tell for every range how it is locked.
 * lockonfault(7) explains the whole library.
 *
 * For every function here, unless its own comment says otherwise:
 *   - addr and len are in bytes. The range is widened outward to whole pages,
 *     except where the system call of the same name requires a page boundary.
 *   - The function returns 0, or -1 (MAP_FAILED for pointers) with errno set.
 *     On success errno is unchanged. The errors of the system call of the same
 *     name pass through unchanged.
 *   - A call also succeeds when there is no memory for the ledger. lof_walk(),
 *     lof_stats() and lof_sync() then fail with ENOMEM until there is memory.
 *   - The function is thread-safe and async-signal-safe, is no cancellation
 *     point, and is AC-Unsafe because of the library's lock. That lock is never
 *     held during a system call.
 *   - fork: the child starts with no locked memory and an empty ledger, as the
 *     kernel does it (but see LOF_FORK). vfork: the child shares the parent's
 *     ledger.
 *   - Linux 4.4 or later; lockonfault(7) lists the exceptions. Since 0.1.
 */
#ifndef LOCKONFAULT_H
#define LOCKONFAULT_H

#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define LOF_VERSION	"0.1.0"

/* Flags of mlock2() and munlock2(). libc may define MLOCK_ONFAULT. */
#ifndef MLOCK_ONFAULT
#define MLOCK_ONFAULT	0x01
#define LOF_DECLARE_MLOCK2
#endif
#ifndef MLOCK_LOCKED
#define MLOCK_LOCKED	0x02	/* locked in full, not on fault */
#endif

/* A libc older than Linux 4.4 does not define MCL_ONFAULT. */
#ifndef MCL_ONFAULT
#if defined(__alpha__) || defined(__powerpc__) || defined(__sparc__)
#define MCL_ONFAULT	0x8000
#else
#define MCL_ONFAULT	0x04
#endif
#endif

/* A flag of lof_mremap() that the kernel does not know. */
#define LOF_MREMAP_NOPOPULATE	0x40000000

/* How a range is locked. */
enum lof_kind {
	LOF_NONE	= 0,
	LOF_FULL	= 1,	/* in full: populated when it was locked */
	LOF_ONFAULT	= 2	/* each page is locked at its first touch */
};

/* The means by which a range is locked. */
enum lof_how {
	LOF_BY_KERNEL	= 0,	/* mlock, mlock2, mlockall, MAP_LOCKED */
	LOF_BY_FLAG	= 1,	/* on fault by an mlock that did not populate */
	LOF_BY_SWEEP	= 2,	/* a budget: a scan locks touched pages */
	LOF_BY_NATURE	= 3	/* never swapped: hugetlb, memfd_secret */
};

/* Flags of a region. */
#define LOF_GUESSED	0x01u	/* the kernel does not tell the kind; a range
				   that is not all resident counts as on
				   fault */
#define LOF_ACCOUNTED	0x02u	/* the kernel charges the lock, but does not
				   keep the pages resident: a sandbox such as
				   gVisor */
#define LOF_UNVERIFIED	0x04u	/* derived from the calls that were made, and
				   perhaps wrong: the kernel could not be
				   asked, or another call is in flight */

/*
 * A region, as lof_query() and lof_walk() report it: a longest run of pages
 * that are locked in the same way and have the same number of holds. A member
 * that is 0 is unset. New members are added at the end.
 */
struct lof_region {
	uintptr_t start;	/* first byte, on a page boundary */
	size_t len;		/* bytes, whole pages */
	unsigned int kind;	/* enum lof_kind */
	unsigned int how;	/* enum lof_how */
	unsigned int holds;	/* counted locks on each of its pages */
	unsigned int flags;	/* LOF_GUESSED, LOF_ACCOUNTED, ... */
};

/* The result of lof_stats(). New members are added at the end. */
struct lof_stats {
	uint64_t ranges;	/* ranges in the ledger */
	uint64_t onfault;	/* bytes in them locked on fault */
	uint64_t full;		/* bytes in them locked in full */
	uint64_t ledger;	/* bytes of memory that the ledger uses */
	uint64_t read_back;	/* times the kernel was asked for the locks */
	uint64_t converted;	/* locks turned into lock-on-fault */
	uint64_t charged;	/* bytes charged against the limit (VmLck) */
	uint64_t limit;		/* RLIMIT_MEMLOCK, bytes; UINT64_MAX if none */
	uint64_t holds;		/* bytes held by lof_hold() */
	uint64_t drift;		/* times the ledger was wrong and corrected */
	/* MCL_FUTURE emulated, or MCL_CURRENT under a limit: not locked */
	uint64_t left_out;	/* in writable memory: no room */
	uint64_t passed_over;	/* in other memory */
	/* Budgets, as of the last scan (lof_catch_up); bytes */
	uint64_t swept;		/* touched and locked */
	uint64_t overrun;	/* touched and not locked */
};

/* Options of lof_set(). */
enum lof_option {
	LOF_CONVERT	= 1,	/* mlock, mlockall, MAP_LOCKED: on fault */
	LOF_DISCARD	= 2,	/* madvise that takes pages of locked memory */
	LOF_FORK	= 3,	/* the locks of a child of fork */
	LOF_HUGE	= 4,	/* transparent huge pages in memory on fault */
	LOF_HOLDS	= 5,	/* munlock and similar calls on held pages */
	LOF_FALLBACK	= 6,	/* lock on fault where there is no mlock2 */
	LOF_FUTURE	= 7,	/* MCL_FUTURE | MCL_ONFAULT: by the kernel
				   or emulated */
	LOF_SYNC_MS	= 8,	/* interval of the scanning thread; 0: no
				   thread */
	LOF_CONVERT_MAX	= 9	/* budget of the converted locks, bytes */
};

/* Values of LOF_CONVERT. */
enum {
	LOF_CONVERT_OFF		= 0,
	LOF_CONVERT_LOCKS	= 1,
	LOF_CONVERT_POPULATE	= 2	/* and drop every MAP_POPULATE */
};

/* Values of LOF_DISCARD. */
enum {
	LOF_DISCARD_FAIL	= 0,	/* EINVAL, like the kernel */
	LOF_DISCARD_TRANSLATE	= 1	/* discard the pages, keep the lock */
};

/* Values of LOF_FORK. */
enum {
	LOF_FORK_FORGET		= 0,	/* no locks, like the kernel */
	LOF_FORK_RELOCK		= 1	/* the parent's locks, on fault */
};

/* Values of LOF_HUGE. */
enum {
	LOF_HUGE_KEEP		= 0,
	LOF_HUGE_SPLIT		= 1	/* MADV_NOHUGEPAGE: lock by 4 KiB */
};

/* Values of LOF_HOLDS. */
enum {
	LOF_HOLDS_YIELD		= 0,	/* munlock unlocks, keeps the counts */
	LOF_HOLDS_WIN		= 1	/* held pages stay locked */
};

/* Values of LOF_FALLBACK. */
enum {
	LOF_FALLBACK_EMULATE	= 0,	/* by an mlock that does not populate */
	LOF_FALLBACK_FULL	= 1,	/* lock in full */
	LOF_FALLBACK_REFUSE	= 2	/* fail with ENOSYS */
};

/* Values of LOF_FUTURE. */
enum {
	LOF_FUTURE_AUTO		= 0,	/* emulate, if the kernel cannot, or if
					   the call was converted and there is
					   a limit */
	LOF_FUTURE_KERNEL	= 1,	/* emulate only for LOF_CONVERT_MAX */
	LOF_FUTURE_EMULATE	= 2	/* emulate, within the limit */
};

/* Values of LOF_SYNC_MS: milliseconds between scans, at most one hour. */
#define LOF_SYNC_MS_MAX	3600000ul

/*
 * lof_mlock2() - lock a range, on fault or in full
 *
 * flags  0 (lock in full, also under LOF_CONVERT), or MLOCK_ONFAULT
 *
 * Errors:
 *   EAGAIN  flags is 0: a page could not be made resident
 *   EINVAL  unknown flag, or addr + len wraps, also to 0
 *   ENOMEM  part of the range is not mapped; over RLIMIT_MEMLOCK; too many
 *           VMAs; flags is 0: a page can never be made resident
 *   ENOSYS  MLOCK_ONFAULT: the kernel or the sandbox has no mlock2, and either
 *           LOF_FALLBACK is LOF_FALLBACK_REFUSE or mlock cannot emulate mlock2
 *   EOPNOTSUPP  no page in the range can be locked (MAP_DROPPABLE)
 *   EPERM   RLIMIT_MEMLOCK is 0 and CAP_IPC_LOCK is missing
 * Partial effect: if a page is not mapped, the part before that page stays
 *   locked. After any other failure the library undoes the partial effect; the
 *   kernel (seen up to 6.18) does not.
 *
 * Memory that is never swapped (hugetlb, memfd_secret) is a success: it stays
 * unchanged, and MLOCK_ONFAULT does not populate it either. A VMA of 8 TiB or
 * more is locked in pieces, because the kernel charges it wrongly.
 */
int lof_mlock2(const void *addr, size_t len, unsigned int flags);

/*
 * lof_munlock2() - unlock only the pages that are locked in the given way
 *
 * flags  MLOCK_ONFAULT, MLOCK_LOCKED or both (both: same as munlock)
 *
 * Pages that are locked in the other way, or not locked, stay unchanged; this
 * is a success. /proc/self/smaps tells in which way a page is locked.
 *
 * Errors:
 *   EINVAL  flags is 0 or has an unknown bit, or addr + len wraps, also to 0
 *   ENOMEM  part of the range is not mapped; too many VMAs
 *   EBUSY   see lof_walk(), and /proc/self/smaps cannot be read or does not
 *           tell the kind
 * Partial effect: after ENOMEM the part before the first hole is unlocked.
 */
int lof_munlock2(const void *addr, size_t len, unsigned int flags);

/*
 * lof_mlock() - lock a range in full; on fault under LOF_CONVERT
 * lof_munlock() - unlock a range, however it is locked
 *
 * Errors and partial effects: those of lof_mlock2() and lof_munlock2(), except:
 * instead of ENOSYS under LOF_CONVERT, lof_mlock() locks in full; and
 * lof_munlock() under LOF_HOLDS_WIN can also fail with
 *   EBUSY   see lof_walk(); nothing was unlocked
 */
int lof_mlock(const void *addr, size_t len);
int lof_munlock(const void *addr, size_t len);

/*
 * lof_mlockall() - lock all mapped memory, all future mappings, or both
 *
 * flags  MCL_CURRENT, MCL_FUTURE or both, and optionally MCL_ONFAULT.
 *        LOF_CONVERT adds MCL_ONFAULT
 *
 * Errors:
 *   EINVAL  flags is 0, is MCL_ONFAULT alone, or has an unknown bit; or flags
 *           is MCL_FUTURE with MCL_ONFAULT, the kernel or the sandbox does not
 *           know MCL_ONFAULT, and LOF_FUTURE forbids to emulate it
 *   ENOMEM  MCL_CURRENT: the size of the process is over RLIMIT_MEMLOCK, and
 *           the library does not emulate MCL_FUTURE
 *   EPERM   RLIMIT_MEMLOCK is 0 and CAP_IPC_LOCK is missing
 * Partial effect: none on failure.
 */
int lof_mlockall(int flags);

/*
 * lof_munlockall() - unlock all memory, and lock no future mapping
 *
 * Errors: none. Under LOF_HOLDS_WIN, if a page is held: see lof_munlockall2().
 */
int lof_munlockall(void);

/*
 * lof_munlockall2() - undo a part of mlockall
 *
 * flags  one or more of
 *          MCL_CURRENT  unlock the memory that is locked in full
 *          MCL_ONFAULT  unlock the memory that is locked on fault, and lock no
 *                       future mapping on fault
 *          MCL_FUTURE   lock no future mapping
 *        All three: same as munlockall.
 *
 * No system call ends MCL_FUTURE alone. The library locks all memory on fault,
 * and undoes the locks that are too many. If RLIMIT_MEMLOCK forbids this, the
 * library unlocks all memory and locks it again; between the two the pages are
 * unlocked.
 *
 * Errors:
 *   EBUSY   see lof_sync(); nothing was changed
 *   EINVAL  flags is 0 or has an unknown bit
 *   ENOMEM  RLIMIT_MEMLOCK is now below the locked size, and the memory could
 *           not be locked again: nothing was changed; or too many VMAs
 *   ENOENT, EACCES, or another error of open(2): /proc/self/smaps cannot be
 *           read, so that the present locks are unknown; nothing was changed
 */
int lof_munlockall2(int flags);

/*
 * lof_mmap() - mmap(2) that also updates the ledger
 *
 * off is an off_t of 64 bits, also if the caller's off_t has 32 bits.
 * Under LOF_CONVERT, MAP_LOCKED maps and then locks on fault, all or nothing.
 * With MAP_HUGETLB, which is never swapped, it only maps. Under
 * LOF_CONVERT_POPULATE, MAP_POPULATE is dropped, with or without MAP_LOCKED.
 *
 * Errors: those of mmap(2).
 * Partial effect: none on failure, except with MAP_FIXED if the kernel unmaps
 *   the old mapping before it fails; the ledger then agrees with the kernel.
 */
void *lof_mmap(void *addr, size_t len, int prot, int flags, int fd,
	       int64_t off);

/*
 * lof_mmap32() - lof_mmap() for an off_t of 32 bits, of 0 to 4 GiB as in libc
 *
 * The overlay calls it. Errors and partial effect: those of lof_mmap().
 */
void *lof_mmap32(void *addr, size_t len, int prot, int flags, int fd,
		 int32_t off);

/*
 * lof_mmap_onfault() - map and lock on fault in one step, all or nothing
 *
 * Errors: those of mmap(2), and the errors of MAP_LOCKED for the lock:
 *   EAGAIN  over RLIMIT_MEMLOCK
 *   ENOSYS  see lof_mlock2()
 *   EOPNOTSUPP  MAP_DROPPABLE
 *   EPERM   RLIMIT_MEMLOCK is 0 and CAP_IPC_LOCK is missing
 * Partial effect: none on failure, with one exception: with MAP_FIXED the old
 *   mapping is gone if the file refuses the mapping, or if the lock fails for
 *   a reason other than the limit.
 */
void *lof_mmap_onfault(void *addr, size_t len, int prot, int flags, int fd,
		       int64_t off);

/* lof_munmap() - munmap(2) that also updates the ledger */
int lof_munmap(void *addr, size_t len);

/*
 * lof_mremap() - mremap(2); every part stays locked in the way that it was
 *
 * ...  void *new_addr, read with MREMAP_FIXED and MREMAP_DONTUNMAP
 *
 * With MREMAP_DONTUNMAP the new range is locked as the old range was, the old
 * range is unlocked, and nothing else changes. The kernel alone unlocks the
 * whole old VMA and charges the moved part for ever (seen up to 6.18). The
 * moved pages are unlocked during the call.
 *
 * With LOF_MREMAP_NOPOPULATE, memory that is locked in full grows without
 * populating: the added part is locked on fault, the old part is unchanged.
 *
 * Errors: those of mremap(2), and with these two flags:
 *   EAGAIN  RLIMIT_MEMLOCK is now below the locked size, and the old part could
 *           not be locked again; nothing was changed
 *   ENOSYS  LOF_MREMAP_NOPOPULATE: the memory is locked in full, and the
 *           condition of ENOSYS in lof_mlock2() is true
 * Partial effect: after EFAULT in a move of several VMAs, the first VMAs are
 *   moved. The ledger agrees with the kernel, except for the counts of
 *   lof_hold().
 */
void *lof_mremap(void *addr, size_t old_len, size_t new_len, int flags, ...);

/*
 * lof_mprotect() - mprotect(2); it changes no lock
 *
 * Without mlock2, memory that is locked on fault and becomes writable is
 * unlocked during the call, because the kernel would populate it.
 */
int lof_mprotect(void *addr, size_t len, int prot);

/*
 * lof_madvise() - madvise(2)
 *
 * Under LOF_DISCARD_TRANSLATE, MADV_DONTNEED and MADV_FREE on locked memory
 * discard the pages and keep the lock, like lof_discard(). MADV_GUARD_INSTALL
 * and MADV_REMOVE unlock the range for a moment, and fail with EAGAIN if
 * RLIMIT_MEMLOCK is now below the locked size. Otherwise these four fail with
 * EINVAL, like the kernel.
 */
int lof_madvise(void *addr, size_t len, int advice);

/*
 * lof_populate() - make a range resident now, as if each page were touched
 *
 * prot  PROT_READ   as by reading (untouched anonymous memory then has the zero
 *                   page, which is never locked)
 *       PROT_WRITE, or both  as by writing
 *
 * The contents of the memory do not change. Before Linux 5.14 each page is
 * touched by a system call of its own.
 *
 * Errors:
 *   EFAULT  a page cannot be made resident (beyond the end of a file)
 *   EINVAL  prot has another value, addr is not on a page boundary, or the
 *           memory does not allow the access (before Linux 5.14: EFAULT)
 *   ENOMEM  part of the range is not mapped; no memory
 * Partial effect: pages before the failure are resident.
 */
int lof_populate(void *addr, size_t len, int prot);

/*
 * lof_discard() - free the pages of a range, and keep the range locked
 *
 * Same as MADV_DONTNEED: anonymous memory is zero afterwards. Each page is
 * locked again when it is touched, also in memory that is locked in full.
 * Before Linux 5.18 the range is unlocked and locked again; this populates the
 * memory that is locked in full.
 *
 * Errors: those of madvise(2), and before Linux 5.18:
 *   EAGAIN  RLIMIT_MEMLOCK is now below the locked size; nothing was changed
 */
int lof_discard(void *addr, size_t len);

/*
 * lof_trim() - malloc_trim(3) for a heap that is locked on fault
 *
 * pad  bytes that stay free at the end of the heap of brk(2), for new blocks
 *
 * malloc_trim(3) cannot give locked pages back. So the heaps of glibc's malloc
 * that are locked on fault are unlocked, trimmed, and locked on fault again. A
 * page of a heap can be swapped out meanwhile. Memory that is locked in full is
 * not given back.
 *
 * Returns 1 if malloc_trim(3) gave memory back, else 0; or -1:
 *   EAGAIN  RLIMIT_MEMLOCK is now below the locked size; nothing was changed
 *   ENOSYS  libc has no malloc_trim(3)
 *   ENOMEM or another error of lof_mlock2(): another thread used up the limit
 *           meanwhile, and a part of the heaps is not locked now
 *   ENOENT, EACCES, or another error of open(2): /proc/self/smaps cannot be
 *           read; nothing was changed
 * Not async-signal-safe, as malloc_trim(3) is not. A child that another thread
 * forks meanwhile has, under LOF_FORK_RELOCK, no lock of the heaps.
 */
int lof_trim(size_t pad);

/*
 * lof_hold() - lock a range, and add 1 to the count of each page
 * lof_drop() - subtract 1, and unlock the pages whose count becomes 0
 *
 * flags  MLOCK_ONFAULT, or 0 (locked in full). Memory that is already locked is
 *        unchanged, except that 0 changes on fault to in full.
 *
 * Each page has its own count, so ranges may overlap in part. mremap moves the
 * counts with the memory. Unmapping the page, or mapping over it, ends its
 * count. A child of fork has no counts. munlock() still unlocks and keeps the
 * counts, unless LOF_HOLDS is LOF_HOLDS_WIN. The last drop unlocks a page
 * however it was locked.
 *
 * Errors:
 *   EBUSY   see lof_walk()
 *   EINVAL  addr + len wraps; drop: a page is not held; hold: an unknown flag
 *   ENOMEM  no memory for the ledger; hold: see lof_mlock2()
 *   EOVERFLOW  hold: a page has 2047 holds
 *   EAGAIN, ENOSYS, EOPNOTSUPP, EPERM  hold: see lof_mlock2()
 * Partial effect: none on failure.
 */
int lof_hold(const void *addr, size_t len, unsigned int flags);
int lof_drop(const void *addr, size_t len);

/* The policy of lof_lock_budget(). */
enum {
	LOF_BUDGET_FIRST	= 0	/* the pages touched first stay */
};

/*
 * lof_lock_budget() - lock at most budget bytes of a range of any size
 *
 * budget  bytes, rounded down to whole pages
 * policy  LOF_BUDGET_FIRST
 *
 * A scan locks the touched pages, in this call and in each lof_catch_up(). A
 * page may be swapped out before the scan. Other locked pages in the range use
 * the budget too. A range that was in another budget is removed from that
 * budget. The budget moves with mremap. It ends with munmap, with lof_munlock()
 * and in the child of fork.
 *
 * Errors:
 *   EBUSY   see lof_walk()
 *   EINVAL  the range is empty or wraps, the budget is less than a page, or
 *           policy is unknown
 *   ENOMEM  part of the range is not mapped; no memory for the ledger; or there
 *           are 62 budgets already
 *   ENOSYS  the kernel does not tell the touched pages; or see lof_mlock2()
 *   EPERM   RLIMIT_MEMLOCK is 0 and CAP_IPC_LOCK is missing
 *   EACCES, ENOENT, or another error of open(2): /proc/self/pagemap cannot be
 *           read
 * Partial effect: none on failure. Pages beyond RLIMIT_MEMLOCK are not locked;
 *   this is a success.
 * Not async-signal-safe: the call waits for a scan in another thread. The scan
 * is cheapest with PAGEMAP_SCAN (Linux 6.7).
 */
int lof_lock_budget(void *addr, size_t len, size_t budget, int policy);

/*
 * lof_query() - the region around an address
 *
 * size  sizeof(struct lof_region) when the caller was compiled
 *
 * If addr is not locked, kind is LOF_NONE and the region extends to the next
 * locked regions; how is LOF_BY_NATURE if the memory is never swapped. The
 * answer is from /proc/self/smaps; if the ledger disagrees, the ledger is
 * corrected. If smaps cannot be read, the answer is from the ledger, and the
 * kernel is asked only whether the page at addr is locked.
 *
 * Errors:
 *   EBUSY   see lof_walk(), if a page is held
 *   EINVAL  size is 0
 *   ENOENT, EACCES, or another error of open(2): /proc/self/smaps cannot be
 *           read, and the ledger disagrees with the kernel about the page, or
 *           the ledger is busy (EBUSY of lof_walk())
 */
int lof_query(const void *addr, struct lof_region *region, size_t size);

/*
 * lof_walk() - visit every locked region in address order
 *
 * visit  called without a lock held; may call any function of this header. A
 *        lock or unlock meanwhile is seen if it is at a higher address. A
 *        non-zero return ends the walk and becomes its result
 *
 * The library first asks the kernel about the ranges whose state the calls that
 * were made do not determine. Then it compares the ledger with the kernel: the
 * sum of the ledger must be VmLck, and the memory between the ledger's ranges
 * must not be locked. If either is false, the ledger is corrected from
 * /proc/self/smaps. If the kind was changed without the library, only
 * lof_query() and lof_sync() see the change.
 *
 * Returns 0, or the result of visit, or -1:
 *   EBUSY   called by a signal handler that interrupted the ledger's code, or
 *           the thread that holds the ledger's lock was stopped
 *   ENOMEM  no memory for the ledger
 */
int lof_walk(int (*visit)(const struct lof_region *region, void *arg),
	     void *arg);

/*
 * lof_stats() - the locked memory of the process, and the cost of the ledger
 *
 * size  sizeof(struct lof_stats) when the caller was compiled
 *
 * Errors:
 *   EBUSY   see lof_walk()
 *   EINVAL  size is 0
 *   ENODATA /proc/self/status does not tell the charge
 *   ENOMEM  no memory for the ledger
 *   ENOENT, EACCES, or another error of open(2): /proc/self/status cannot be
 *           read
 */
#if defined(__cplusplus) && defined(__GNUC__)
/* -Wshadow: a function hides the constructor of a struct of its name. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wshadow"
#endif
int lof_stats(struct lof_stats *stats, size_t size);
#if defined(__cplusplus) && defined(__GNUC__)
#pragma GCC diagnostic pop
#endif

/*
 * lof_sync() - make the ledger equal to the kernel's state
 *
 * Locks that were made without the library, or before it was loaded, are noted
 * in the ledger from now on; locks that are gone are removed from the ledger.
 * MCL_FUTURE is corrected too. Then lof_sync() does the work of lof_catch_up().
 *
 * Errors:
 *   EBUSY   see lof_walk(); or other threads lock and unlock faster than the
 *           kernel's answer can be read; the ledger is corrected afterwards
 *   ENOMEM  no memory for the ledger
 *   ENOENT, EACCES, or another error of open(2): /proc/self/smaps cannot be
 *           read
 */
int lof_sync(void);

/*
 * lof_catch_up() - lock memory that was mapped or touched without the library
 *
 * If the library emulates MCL_FUTURE (LOF_FUTURE), the memory that libc mapped
 * for itself (thread stacks and its own heap) is locked on fault, as far as the
 * limit allows. If there are budgets (lof_lock_budget()), their touched pages
 * are locked. Otherwise the call does nothing. lof_sync() and, with
 * LOF_SYNC_MS, a thread of the library do this too.
 *
 * Errors:
 *   ENOENT, EACCES, or another error of open(2): /proc/self/smaps cannot be
 *           read
 */
int lof_catch_up(void);

/*
 * lof_set() - set an option of the process, for all threads, at any time
 * lof_get() - read an option
 *
 * A child of fork inherits the options; with LOF_SYNC_MS it has a thread of its
 * own from its first lock on. Both calls are async-signal-safe.
 *
 * Errors:
 *   EAGAIN  LOF_SYNC_MS: no thread can be created; the option is then 0
 *   EINVAL  unknown option or value
 */
int lof_set(int option, unsigned long value);
int lof_get(int option, unsigned long *value);

/* lof_version() - the version of the loaded library, like LOF_VERSION */
const char *lof_version(void);

/* The calls whose names libc does not have, or may not have. */
int munlock2(const void *addr, size_t len, unsigned int flags);
#ifdef LOF_DECLARE_MLOCK2
#undef LOF_DECLARE_MLOCK2
int mlock2(const void *addr, size_t len, unsigned int flags);
#endif

#ifdef __cplusplus
}
#endif

#endif /* LOCKONFAULT_H */
