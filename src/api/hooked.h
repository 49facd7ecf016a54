/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Functions for the shim alone: each makes the system call that libc would
 * make, and notes the effect in the ledger. The names are exported in the node
 * LOCKONFAULT_PRIVATE, and are not part of the API.
 */
#ifndef LOF_API_HOOKED_H
#define LOF_API_HOOKED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernel/next.h"

/*
 * lof_hooked_mlock() obeys LOF_CONVERT. If a lock fails, the pages that the
 * kernel locked before the failure stay locked.
 */
int lof_hooked_mlock(const void *addr, size_t len);
int lof_hooked_mlock2(const void *addr, size_t len, unsigned int flags);

/*
 * With LOCKONFAULT_HOLDS. hold: lof_hooked_mlock2() with these flags, or
 * lof_hooked_mlock(), and a success adds 1 to the count of each page. drop:
 * munlock of the pages whose count is 0 then. drop_all: munlockall, and all
 * counts are 0. In a handler that interrupted the ledger's code, hold and drop
 * fail with EAGAIN and change nothing.
 */
#define LOF_HOOKED_MLOCK	(-1)
int lof_hooked_hold(const void *addr, size_t len, int flags);
int lof_hooked_drop(const void *addr, size_t len);
int lof_hooked_drop_all(void);

void *lof_hooked_shmat(int id, const void *addr, int flags);
int lof_hooked_shmdt(const void *addr);
int lof_hooked_remap_file_pages(void *addr, size_t len, int prot, size_t pgoff,
				int flags);

/*
 * libc mapped a readable and writable range without a hook: lock the range if
 * the library emulates MCL_FUTURE.
 */
void lof_hooked_follow(const void *addr, size_t len);

/* kernel/next.h, in the library: the shim has a copy of that file. */
void lof_hooked_next_set(const struct lof_next *next);
enum lof_called lof_hooked_next_set_called(enum lof_called called);
bool lof_hooked_next_is_making(long nr, long a, long b);

/*
 * Make a call of prctl, seccomp, unshare or setns. Returns the kernel's result,
 * or a negative errno.
 */
long lof_hooked_confine(long nr, const long args[6]);

/* Set LOF_SYNC_MS; the thread begins with the first lock. */
void lof_hooked_sync_ms(unsigned long ms);

/* LOCKONFAULT_SKIP and LOCKONFAULT_ONLY: see lof_select_set(). */
void lof_hooked_select(const char *skip, const char *only,
		       unsigned long scan_ms);

/* After mmap() with MAP_LOCKED. */
void lof_hooked_skip_mapping(const void *addr, size_t len);

/*
 * The bytes that calls left unlocked because of this since the last call of this
 * function. *err: 0, or why maps could not be read, so that all was locked.
 */
uint64_t lof_hooked_skipped(int *err);

/* The part of left_out of lof_stats() that does not fit the limit. */
uint64_t lof_hooked_over_limit(uint64_t left_out);

/* Publish for `lockonfault status` that the shim is loaded. */
void lof_hooked_publish(bool is_active);

/* Publish the number of faults of the process until now. */
void lof_hooked_mark_faults(void);

/*
 * The bytes by which the stack of the first thread can grow below an address in
 * it, because of RLIMIT_STACK and the mapping below; 0 if /proc tells nothing.
 */
size_t lof_hooked_stack_room(uintptr_t here);

/* The locks of this process at its end, for a line of the shim. */
struct lof_summary {
	uint64_t converted, refused;	/* calls */
	uint64_t asked, charged;	/* bytes, as the rest */
	uint64_t locked;		/* and resident */
	uint64_t saved;			/* asked and not resident */
	uint64_t left_out;
	bool is_bound;			/* because of LOF_CONVERT_MAX */
	const char *terminal;		/* standard error is closed now, and
					   was this; or NULL */
};

/*
 * Count from now on, in the children of fork too. A call has asked to lock so
 * many bytes, or was refused; mlockall() has succeeded. begin: false if there is
 * no standard error.
 */
bool lof_hooked_summary_begin(void);
void lof_hooked_summary_count(size_t bytes, bool is_refused);
void lof_hooked_summary_count_all(void);

/*
 * False: not begun, told already, a child of vfork, a child of fork that asked
 * for nothing, the ledger is busy, or standard error is another file now.
 */
bool lof_hooked_summary(struct lof_summary *summary);

/*
 * Does RLIMIT_MEMLOCK not apply to this process, or does the library lock within
 * the limit, so that no mlockall() fails because of it?
 */
bool lof_hooked_limit_is_moot(void);

/* Does each filter permit the calls that write a line of the log? */
bool lof_hooked_permits_log(void);

/*
 * The program is about to change its user. If the kernel's MCL_FUTURE is on for
 * a converted mlockall(), and the limit will apply, emulate MCL_FUTURE instead,
 * and return true: then lof_hooked_after_setuid() must follow.
 */
bool lof_hooked_before_setuid(void);

/*
 * lof_trim() by this malloc_trim(), if LOF_DISCARD allows it. If the heaps
 * cannot be unlocked and locked again, only trim() is called. Returns what it
 * returns.
 */
int lof_hooked_trim(size_t pad, int (*trim)(size_t pad));

/* If the program has kept the privilege, let the kernel go on. */
void lof_hooked_after_setuid(void);

#endif
