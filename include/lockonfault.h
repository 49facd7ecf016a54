/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * liblockonfault: lock memory the way it is used, a page when it is first
 * touched, and know of every range in which way it is locked.
 * The whole is explained in lockonfault(7).
 *
 * For every function here, unless its own comment says otherwise:
 *   - addr and len are bytes and are widened outward to whole pages, except
 *     where the system call of the same name insists on a page boundary;
 *   - it returns 0, or -1 (MAP_FAILED for pointers) with errno set, and leaves
 *     errno alone on success; the errors of the system call it stands for pass
 *     through unchanged;
 *   - a call goes well though the ledger finds no memory of its own; then
 *     lof_walk(), lof_stats() and lof_sync() fail with ENOMEM until it does;
 *   - thread-safe and async-signal-safe, no cancellation point, AC-Unsafe (its
 *     lock; which is never held over a system call);
 *   - fork: the child starts with nothing locked and an empty ledger, as the
 *     kernel has it (but see LOF_FORK); vfork: the child shares the parent's;
 *   - Linux 4.4 or later, or as lockonfault(7) says; since 0.1.
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

/* Flags of mlock2() and munlock2(); libc knows the first one at best. */
#ifndef MLOCK_ONFAULT
#define MLOCK_ONFAULT	0x01
#define LOF_DECLARE_MLOCK2
#endif
#ifndef MLOCK_LOCKED
#define MLOCK_LOCKED	0x02	/* locked and populated, not on fault */
#endif

/* A libc older than the kernel has no name for this one. */
#ifndef MCL_ONFAULT
#if defined(__alpha__) || defined(__powerpc__) || defined(__sparc__)
#define MCL_ONFAULT	0x8000
#else
#define MCL_ONFAULT	0x04
#endif
#endif

/* A flag of lof_mremap() that the kernel does not have. */
#define LOF_MREMAP_NOPOPULATE	0x40000000

/* How a range is locked. */
enum lof_kind {
	LOF_NONE	= 0,
	LOF_FULL	= 1,	/* populated when it was locked */
	LOF_ONFAULT	= 2	/* each page when it is first touched */
};

/* By what a range is kept locked. */
enum lof_how {
	LOF_BY_KERNEL	= 0,	/* mlock, mlock2, mlockall, MAP_LOCKED */
	LOF_BY_FLAG	= 1,	/* an mlock that did not populate */
	LOF_BY_SWEEP	= 2,	/* page by page, as they are touched */
	LOF_BY_NATURE	= 3	/* never swapped: hugetlb, memfd_secret */
};

/* Flags of a region. */
#define LOF_GUESSED	0x01u	/* the kernel does not tell which kind; what
				   is not all resident is taken for on fault */
#define LOF_ACCOUNTED	0x02u	/* the kernel only accounts for it, and does
				   not keep it: a sandbox such as gVisor */
#define LOF_UNVERIFIED	0x04u	/* the kernel could not be asked, or another
				   call is in flight: so the calls that were
				   made imply it, but it may be otherwise */

/*
 * What lof_query() and lof_walk() tell of a region: a longest run of pages
 * that are locked in the same way and held as often. Zero means unset; new
 * members come last.
 */
struct lof_region {
	uintptr_t start;	/* first byte, on a page boundary */
	size_t len;		/* bytes, whole pages */
	unsigned int kind;	/* enum lof_kind */
	unsigned int how;	/* enum lof_how */
	unsigned int holds;	/* counted locks on each of its pages */
	unsigned int flags;	/* LOF_GUESSED, LOF_ACCOUNTED, ... */
};

/* What lof_stats() tells of the process. New members come last. */
struct lof_stats {
	uint64_t ranges;	/* ranges in the ledger */
	uint64_t onfault;	/* bytes in them locked on fault */
	uint64_t full;		/* bytes in them locked in full */
	uint64_t ledger;	/* bytes of memory the ledger takes */
	uint64_t read_back;	/* times the kernel was asked what is locked */
	uint64_t converted;	/* locks turned into lock-on-fault */
	uint64_t charged;	/* bytes charged against the limit (VmLck) */
	uint64_t limit;		/* RLIMIT_MEMLOCK, bytes; UINT64_MAX: none */
	uint64_t holds;		/* bytes held by lof_hold() */
	uint64_t drift;		/* times the ledger was wrong and corrected */
	/* Of MCL_FUTURE, where the library stands in for the kernel: bytes */
	uint64_t left_out;	/* that may be written to, and are not locked */
	uint64_t passed_over;	/* that may not, and are not locked either */
	/* Of budgets, at the last look (lof_catch_up): bytes */
	uint64_t swept;		/* that are locked */
	uint64_t overrun;	/* that were touched, and are not locked */
};

/* Options of lof_set(). */
enum lof_option {
	LOF_CONVERT	= 1,	/* mlock, mlockall, MAP_LOCKED: on fault */
	LOF_DISCARD	= 2,	/* MADV_DONTNEED, MADV_FREE on locked memory */
	LOF_FORK	= 3,	/* what a child of fork has locked */
	LOF_HUGE	= 4,	/* transparent huge pages in what is on fault */
	LOF_HOLDS	= 5,	/* munlock and its kin on held pages */
	LOF_FALLBACK	= 6,	/* lock-on-fault where there is no mlock2 */
	LOF_FUTURE	= 7,	/* who locks on fault what will be mapped */
	LOF_SYNC_MS	= 8,	/* a thread looks so often; 0: there is none */
	LOF_CONVERT_MAX	= 9	/* bytes that converted locks may lock */
};

/* Values of LOF_CONVERT. */
enum {
	LOF_CONVERT_OFF		= 0,
	LOF_CONVERT_LOCKS	= 1,
	LOF_CONVERT_POPULATE	= 2	/* and drop MAP_POPULATE beside them */
};

/* Values of LOF_DISCARD. */
enum {
	LOF_DISCARD_FAIL	= 0,	/* EINVAL, as the kernel */
	LOF_DISCARD_TRANSLATE	= 1	/* pages given back, lock kept */
};

/* Values of LOF_FORK. */
enum {
	LOF_FORK_FORGET		= 0,	/* nothing, as the kernel has it */
	LOF_FORK_RELOCK		= 1	/* all that the parent has, on fault */
};

/* Values of LOF_HUGE. */
enum {
	LOF_HUGE_KEEP		= 0,
	LOF_HUGE_SPLIT		= 1	/* MADV_NOHUGEPAGE: a touch locks 4 KiB */
};

/* Values of LOF_HOLDS. */
enum {
	LOF_HOLDS_YIELD		= 0,	/* munlock unlocks, the counts stay */
	LOF_HOLDS_WIN		= 1	/* what is held stays locked */
};

/* Values of LOF_FALLBACK. */
enum {
	LOF_FALLBACK_EMULATE	= 0,	/* by mlock, made to populate nothing */
	LOF_FALLBACK_FULL	= 1,	/* locked in full */
	LOF_FALLBACK_REFUSE	= 2	/* ENOSYS */
};

/* Values of LOF_FUTURE. */
enum {
	LOF_FUTURE_AUTO		= 0,	/* the library, where the kernel cannot
					   or, converted, where there is a limit */
	LOF_FUTURE_KERNEL	= 1,
	LOF_FUTURE_EMULATE	= 2	/* the library, within the limit */
};

/* Values of LOF_SYNC_MS: milliseconds between two looks, an hour at most. */
#define LOF_SYNC_MS_MAX	3600000ul

/*
 * lof_mlock2() - lock a range, on fault or in full
 *
 * flags  0 (populate it all now, whatever LOF_CONVERT says) or MLOCK_ONFAULT
 *
 * Errors:
 *   EAGAIN  flags 0: a page could not be made resident
 *   EINVAL  unknown flag, or addr + len wraps, also to 0
 *   ENOMEM  part of the range is not mapped; over RLIMIT_MEMLOCK; too many
 *           areas; flags 0: a page cannot be made resident at all
 *   ENOSYS  MLOCK_ONFAULT, the kernel or the sandbox has no mlock2, and
 *           LOF_FALLBACK is LOF_FALLBACK_REFUSE, or mlock does not serve
 *   EOPNOTSUPP  nothing in the range can be locked (MAP_DROPPABLE)
 *   EPERM   RLIMIT_MEMLOCK is 0 and CAP_IPC_LOCK is missing
 * Partial effect: where a page is not mapped, what is before it stays locked.
 *   Any other failure is undone,
 *   which the kernel alone (seen up to 6.18) does not do.
 *
 * Memory that is never swapped, hugetlb and memfd_secret, is success: it is
 * left as it is, and with MLOCK_ONFAULT not populated either. An area of 8 TiB
 * and more is locked in pieces, since the kernel counts it wrongly.
 */
int lof_mlock2(const void *addr, size_t len, unsigned int flags);

/*
 * lof_munlock2() - unlock what is locked in the named way, leave the rest
 *
 * flags  MLOCK_ONFAULT, MLOCK_LOCKED or both (then the same as munlock)
 *
 * What is locked the other way, or not at all, stays as it is; that is success.
 * Which way it is locked is read from /proc/self/smaps.
 *
 * Errors:
 *   EINVAL  flags is 0 or has an unknown bit, or addr + len wraps, also to 0
 *   ENOMEM  part of the range is not mapped; too many areas
 *   EBUSY   as lof_walk(), and /proc/self/smaps cannot be read, or does not
 *           tell of the kind
 * Partial effect: at ENOMEM the part before the first hole is unlocked.
 */
int lof_munlock2(const void *addr, size_t len, unsigned int flags);

/*
 * lof_mlock() - lock a range in full; on fault under LOF_CONVERT
 * lof_munlock() - unlock a range, whichever way it is locked
 *
 * Errors and partial effects: those of lof_mlock2() and lof_munlock2(), but
 * where lof_mlock2() says ENOSYS lof_mlock() locks in full under LOF_CONVERT;
 * and lof_munlock() under LOF_HOLDS_WIN
 *   EBUSY   as lof_walk(); nothing was unlocked
 */
int lof_mlock(const void *addr, size_t len);
int lof_munlock(const void *addr, size_t len);

/*
 * lof_mlockall() - lock all that is mapped, all that will be, or both
 *
 * flags  MCL_CURRENT, MCL_FUTURE or both, and perhaps MCL_ONFAULT, which
 *        LOF_CONVERT adds
 *
 * Errors:
 *   EINVAL  flags is 0, MCL_ONFAULT alone, or has an unknown bit; or MCL_FUTURE
 *           with MCL_ONFAULT, which the kernel or the sandbox does not know,
 *           and the library does not stand in for it (LOF_FUTURE)
 *   ENOMEM  MCL_CURRENT: the size of the process is over RLIMIT_MEMLOCK, and
 *           the library does not stand in
 *   EPERM   RLIMIT_MEMLOCK is 0 and CAP_IPC_LOCK is missing
 * Partial effect: none on failure.
 */
int lof_mlockall(int flags);

/*
 * lof_munlockall() - unlock all, and lock nothing of what comes
 *
 * Errors: none; with LOF_HOLDS_WIN, if something is held, those of
 *   lof_munlockall2().
 */
int lof_munlockall(void);

/*
 * lof_munlockall2() - take back a part of what mlockall did
 *
 * flags  any of MCL_CURRENT (unlock what is locked in full), MCL_ONFAULT
 *        (unlock what is locked on fault, lock no more that way) and
 *        MCL_FUTURE (lock nothing of what comes); all three: munlockall
 *
 * No system call stops MCL_FUTURE alone. It is done by locking all on fault and
 * undoing that where it is too much; where RLIMIT_MEMLOCK forbids this, by
 * unlocking all and locking again, and pages are unlocked for that long.
 *
 * Errors:
 *   EBUSY   as lof_sync(); nothing was changed
 *   EINVAL  flags is 0 or has an unknown bit
 *   ENOMEM  RLIMIT_MEMLOCK came down below what is locked, so that it could
 *           not be locked again: nothing was changed; or too many areas
 *   ENOENT, EACCES and others of open(2): /proc/self/smaps cannot be read,
 *           so that nothing tells what is locked now; nothing was changed
 */
int lof_munlockall2(int flags);

/*
 * lof_mmap() - as mmap, and the ledger is kept
 *
 * off is an off_t of 64 bits also where the caller's own has 32.
 * Under LOF_CONVERT, MAP_LOCKED maps and then locks on fault, all or nothing;
 * with MAP_HUGETLB, which is never swapped, it only maps.
 *
 * Errors: those of mmap(2).
 * Partial effect: none on failure, but with MAP_FIXED where the kernel unmaps
 *   before it fails; the ledger agrees with it.
 */
void *lof_mmap(void *addr, size_t len, int prot, int flags, int fd,
	       int64_t off);

/*
 * lof_mmap_onfault() - map and lock on fault in one step, all or nothing
 *
 * Errors: those of mmap(2), with MAP_LOCKED's for the lock:
 *   EAGAIN  over RLIMIT_MEMLOCK
 *   ENOSYS  as lof_mlock2()
 *   EOPNOTSUPP  MAP_DROPPABLE
 *   EPERM   RLIMIT_MEMLOCK is 0 and CAP_IPC_LOCK is missing
 * Partial effect: none on failure; but with MAP_FIXED the old mapping is gone
 * if it is not the limit that refuses the lock, or if the file refuses.
 */
void *lof_mmap_onfault(void *addr, size_t len, int prot, int flags, int fd,
		       int64_t off);

/* lof_munmap() - as munmap, and the ledger is kept */
int lof_munmap(void *addr, size_t len);

/*
 * lof_mremap() - as mremap, and every part keeps its way of being locked
 *
 * ...  void *new_addr, read with MREMAP_FIXED and MREMAP_DONTUNMAP
 *
 * With MREMAP_DONTUNMAP the new range is locked as the old one was, the old one
 * is unlocked and nothing else changes. The kernel alone unlocks the whole old
 * area and charges the moved part for ever (seen up to 6.18). The moved pages
 * are unlocked for the length of the call.
 *
 * With LOF_MREMAP_NOPOPULATE memory that is locked in full grows without
 * populating: what is added is locked on fault, what was there stays as it was.
 *
 * Errors: those of mremap(2), with these two flags also:
 *   EAGAIN  RLIMIT_MEMLOCK came down below what is locked, so that the old
 *           part could not be locked again; nothing was changed
 *   ENOSYS  LOF_MREMAP_NOPOPULATE, the memory is locked in full, and as
 *           lof_mlock2()
 * Partial effect: EFAULT in a move of several areas leaves the first ones
 *   moved; the ledger agrees with the kernel, but for counts of lof_hold().
 */
void *lof_mremap(void *addr, size_t old_len, size_t new_len, int flags, ...);

/*
 * lof_mprotect() - as mprotect; no lock is changed by it
 *
 * Without mlock2, what is locked on fault and becomes writable is unlocked for
 * the length of the call: the kernel would populate it.
 */
int lof_mprotect(void *addr, size_t len, int prot);

/*
 * lof_madvise() - as madvise
 *
 * With LOF_DISCARD_TRANSLATE, MADV_DONTNEED and MADV_FREE on locked memory give
 * the pages back and leave it locked on fault or in full as it was, as
 * lof_discard() does; without, and by the kernel itself, they fail with EINVAL.
 */
int lof_madvise(void *addr, size_t len, int advice);

/*
 * lof_populate() - make a range resident now: the old behaviour by touching
 *
 * prot  PROT_READ: what a read would bring (of untouched anonymous memory the
 *       page of zeros, which is never locked); PROT_WRITE, or both: what a
 *       write would
 *
 * Nothing is changed in the memory. Before Linux 5.14 each page is touched by a
 * system call of its own.
 *
 * Errors:
 *   EFAULT  a page cannot be made resident (beyond the end of a file)
 *   EINVAL  prot is none of these, addr is not on a page boundary, or the
 *           memory does not allow it (before Linux 5.14: EFAULT)
 *   ENOMEM  part of the range is not mapped; no memory
 * Partial effect: pages before the failure are resident.
 */
int lof_populate(void *addr, size_t len, int prot);

/*
 * lof_discard() - give the pages of a range back, and leave it locked
 *
 * As MADV_DONTNEED: anonymous memory is zero afterwards. Each page is locked
 * again when it is touched, also in memory that is locked in full. Before
 * Linux 5.18 the range is unlocked and locked again, and what is locked in full
 * is populated by that.
 *
 * Errors: those of madvise(2), and before Linux 5.18:
 *   EAGAIN  RLIMIT_MEMLOCK came down below what is locked; nothing was changed
 */
int lof_discard(void *addr, size_t len);

/*
 * lof_hold() - lock a range, and count it
 * lof_drop() - take one count back, and unlock what has none left
 *
 * flags  MLOCK_ONFAULT, or 0: populated now. What is locked already stays as it
 *        is, but 0 turns on fault into full.
 *
 * Each page has a count of its own, so that ranges may overlap in part. Counts
 * go where mremap moves the memory, and end where it is unmapped or mapped
 * over; a child of fork has none. munlock() still unlocks, and the counts stay;
 * unless LOF_HOLDS says LOF_HOLDS_WIN. The last drop unlocks a page however it
 * was locked.
 *
 * Errors:
 *   EBUSY   as lof_walk()
 *   EINVAL  addr + len wraps; drop: there is a page that is not held; hold: an
 *           unknown flag
 *   ENOMEM  for the ledger; hold: as lof_mlock2()
 *   EOVERFLOW  hold: a page has 2047 holds
 *   EAGAIN, ENOSYS, EOPNOTSUPP, EPERM  hold: as lof_mlock2()
 * Partial effect: none on failure.
 */
int lof_hold(const void *addr, size_t len, unsigned int flags);
int lof_drop(const void *addr, size_t len);

/* The policy of lof_lock_budget(). */
enum {
	LOF_BUDGET_FIRST	= 0	/* pages that were touched first stay locked */
};

/*
 * lof_lock_budget() - lock at most so much of a range, of any size
 *
 * budget  bytes, rounded down to whole pages
 * policy  LOF_BUDGET_FIRST
 *
 * Locked is what was touched; now, and at each lof_catch_up(): a page may be
 * swapped out before. What else is locked in the range counts too. The range leaves the
 * budget that it is in; it follows mremap, and ends with munmap, lof_munlock()
 * and the child of fork.
 *
 * Errors:
 *   EBUSY   as lof_walk()
 *   EINVAL  the range is empty or wraps, the budget is less than a page, or
 *           policy is unknown
 *   ENOMEM  a part of the range is not mapped; for the ledger; or there are 62
 *           budgets already
 *   ENOSYS  nothing tells which pages were touched; or as lof_mlock2()
 *   EPERM   RLIMIT_MEMLOCK is 0 and CAP_IPC_LOCK is missing
 *   EACCES, ENOENT and others of open(2): /proc/self/pagemap cannot be read
 * Partial effect: none on failure. What the limit forbids is not locked; that
 * is success.
 * Not async-signal-safe: it waits for a sweep of another thread. Where
 * there is PAGEMAP_SCAN (Linux 6.7) a sweep is cheapest.
 */
int lof_lock_budget(void *addr, size_t len, size_t budget, int policy);

/*
 * lof_query() - the region around an address
 *
 * size  sizeof(struct lof_region) as the caller was compiled
 *
 * Where addr is not locked, kind is LOF_NONE and the region reaches to the next
 * locked ones; how is LOF_BY_NATURE where the memory is never swapped anyway.
 * The answer is the kernel's, from /proc/self/smaps; if the ledger disagrees,
 * it is corrected. Where smaps cannot be read, only whether the page at addr is
 * locked is checked.
 *
 * Errors:
 *   EBUSY   as lof_walk(), if something is held
 *   EINVAL  size is 0
 *   ENOENT, EACCES and others of open(2): /proc/self/smaps cannot be read, and
 *           the ledger does not agree about the page, or as EBUSY of lof_walk()
 */
int lof_query(const void *addr, struct lof_region *region, size_t size);

/*
 * lof_walk() - every locked region in address order
 *
 * visit  called without a lock held, so that it may call anything here; what is
 *        locked or unlocked meanwhile is seen if it lies ahead; a non-zero
 *        return ends the walk and becomes its result
 *
 * First the kernel is asked about what cannot be known from the calls that were
 * made. Then what is tracked is compared with the kernel: its sum with VmLck,
 * and that nothing between is locked. If that fails, the ledger is corrected from
 * /proc/self/smaps. A kind that was changed behind the library's back is seen
 * by lof_query() and lof_sync() alone.
 *
 * Returns 0, or what visit returned, or -1:
 *   EBUSY   called by a signal handler that interrupted the ledger itself, or
 *           the thread that is inside it was stopped
 *   ENOMEM  for the ledger
 */
int lof_walk(int (*visit)(const struct lof_region *region, void *arg),
	     void *arg);

/*
 * lof_stats() - what is locked and what it costs
 *
 * size  sizeof(struct lof_stats) as the caller was compiled
 *
 * Errors:
 *   EBUSY   as lof_walk()
 *   EINVAL  size is 0
 *   ENODATA /proc/self/status does not tell the charge
 *   ENOMEM  for the ledger
 *   ENOENT, EACCES and others of open(2): it cannot be read
 */
int lof_stats(struct lof_stats *stats, size_t size);

/*
 * lof_sync() - make the ledger what the kernel says
 *
 * What was locked behind the library's back, or before it was loaded, is
 * tracked from now on, and what is gone is forgotten; also MCL_FUTURE. Then the
 * same as lof_catch_up().
 *
 * Errors:
 *   EBUSY   as lof_walk(); or other threads lock and unlock faster than the
 *           kernel's answer can be read; it is made good when that is over
 *   ENOMEM  for the ledger
 *   ENOENT, EACCES and others of open(2): /proc/self/smaps cannot be read
 */
int lof_sync(void);

/*
 * lof_catch_up() - lock what was mapped or touched unseen
 *
 * Where the library stands in for the kernel's MCL_FUTURE (LOF_FUTURE): what libc
 * has mapped for itself, thread stacks and its own heap, is locked on fault as
 * far as the limit allows. Where there are budgets (lof_lock_budget()): what was
 * touched is locked. Else nothing is done. lof_sync() does it too, and with
 * LOF_SYNC_MS a thread.
 *
 * Errors:
 *   ENOENT, EACCES and others of open(2): /proc/self/smaps cannot be read
 */
int lof_catch_up(void);

/*
 * lof_set() - set a policy of the process, for all threads, at any time
 * lof_get() - read it
 *
 * A child of fork inherits it, and with LOF_SYNC_MS has a thread of its own; to
 * set that is not async-signal-safe.
 *
 * Errors:
 *   EAGAIN  LOF_SYNC_MS: there is no thread to be had; it is 0 then
 *   EINVAL  unknown option or value
 */
int lof_set(int option, unsigned long value);
int lof_get(int option, unsigned long *value);

/* lof_version() - the version of the library that runs, as LOF_VERSION */
const char *lof_version(void);

/* The calls under the names that libc does not have. */
int munlock2(const void *addr, size_t len, unsigned int flags);
#ifdef LOF_DECLARE_MLOCK2
#undef LOF_DECLARE_MLOCK2
int mlock2(const void *addr, size_t len, unsigned int flags);
#endif

#ifdef __cplusplus
}
#endif

#endif /* LOCKONFAULT_H */
