/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The system calls that the library makes of its own accord, and that a seccomp
 * filter of the program refuses. Such a call might kill the process, so it is
 * never made again.
 */
#ifndef LOF_KERNEL_PERMIT_H
#define LOF_KERNEL_PERMIT_H

#include <linux/filter.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum lof_own_call {
	LOF_CALL_MLOCK,		/* these two: if the process would be killed */
	LOF_CALL_MUNLOCK,
	LOF_CALL_MLOCK2,
	LOF_CALL_MLOCKALL,	/* with MCL_ONFAULT */
	LOF_CALL_MSYNC,
	LOF_CALL_MINCORE,
	LOF_CALL_FILES,		/* openat, read, lseek, close */
	LOF_CALL_PAGEMAP_SCAN,
	LOF_CALL_PRLIMIT,
	LOF_CALL_FUTEX,
	LOF_CALL_SIGALTSTACK,
	LOF_CALL_SHMCTL,
	LOF_CALL_OWN_MEMORY,	/* mmap, munmap, mremap, munlock, madvise */
	LOF_CALL_ADVISE,	/* MADV_POPULATE_READ and _WRITE */
	LOF_CALL_DISCARD,	/* MADV_DONTNEED_LOCKED */
	LOF_CALL_PROBE_HUGETLB,	/* mremap that changes nothing */
	LOF_CALL_LOG,		/* of the shim */
	LOF_CALL_READLINK,
	LOF_CALL_THREAD,	/* to start and to end the thread of our own */
	LOF_NCALLS
};

#define LOF_ALL_CALLS	(((uint32_t)1 << LOF_NCALLS) - 1)

/* Private to permit.c, sys.c and lof_permits(). */
extern _Atomic uint32_t lof_refused_calls __attribute__((visibility("hidden")));

static inline bool lof_permits(enum lof_own_call call)
{
	return !(atomic_load_explicit(&lof_refused_calls,
				      memory_order_relaxed) >> call & 1);
}

/* Is a call of this set, a bit for each call, refused? */
static inline bool lof_permits_not(uint32_t calls)
{
	return atomic_load_explicit(&lof_refused_calls, memory_order_relaxed) &
	       calls;
}

/* The set of calls, a bit for each, that a filter refuses. */
uint32_t lof_permit_judge(const struct sock_filter *code, size_t len);

/*
 * Call begin before the system call that installs a filter, and end after it.
 * If the filter was not installed, end permits the calls again.
 */
struct lof_permit_update {
	uint32_t added;
	uint32_t number;
	bool overlaps;
};

struct lof_permit_update lof_permit_begin(uint32_t refused);
void lof_permit_end(struct lof_permit_update update, bool installed);

#endif
