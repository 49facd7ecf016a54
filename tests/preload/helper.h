/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The interface between the files of preload_helper. */
#ifndef LOF_TESTS_PRELOAD_HELPER_H
#define LOF_TESTS_PRELOAD_HELPER_H

#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>

#define HELPER_PAGES	16
#define HELPER_ARENA	0x40000000

#define RW	(PROT_READ | PROT_WRITE)
#define ANON	(MAP_PRIVATE | MAP_ANONYMOUS)
#define OVER	(ANON | MAP_FIXED)

#ifndef MLOCK_ONFAULT
#define MLOCK_ONFAULT 1
#endif
#ifndef MCL_ONFAULT
#define MCL_ONFAULT 4
#endif
#ifndef MREMAP_DONTUNMAP
#define MREMAP_DONTUNMAP 4
#endif

extern size_t page;
extern char *arena;

static inline char *at(size_t n)
{
	return arena + n * page;
}

static inline size_t pages(size_t n)
{
	return n * page;
}

/* Map the arena, and set errno to a value that no call sets. */
void helper_begin(void);

/*
 * Print the outcome of a call: "ok", the name of its errno, or "errno changed"
 * if it succeeded and set errno.
 */
void helper_done(int failed);
#define DONE(call)	helper_done((call) != 0)
#define DONE_MAP(call)	helper_done((call) == MAP_FAILED)

/* Print the kinds of n pages and the number of resident pages, from smaps. */
void helper_show(const void *addr, size_t n);
#define SHOW()		helper_show(at(0), 8)

void helper_touch(size_t n);
void helper_become_nobody(size_t limit);

/* Beside the thread of the library, in thread.c. */
void thread_begins(void);
void thread_setuid(void);
void thread_single(void);
void thread_last(void);
void thread_fork(void);
void thread_daemon(void);
void thread_many(void);

/* The program under a seccomp filter, in filter.c. */
void filter_kill(void);
void filter_trap(void);
void filter_errno(void);
void filter_by_number(void);
void filter_refused(void);
void filter_bounded(void);
void filter_strict(void);
void confine_by_name(void);
void confine_by_number(void);

/* By syscall(), in syscalls.c and wide.c; mmap64, in lfs.c. */
void syscall_locks(void);
void syscall_all(void);
void syscall_maps(void);
void syscall_remaps(void);
void syscall_discard(void);
void syscall_others(void);
void syscall_wide(void);
void map_far(void);
void lfs_map(void);
void lfs_map64(void);
void lfs_map_far(void);
void lfs_model(void);

/* shmat, shmdt and remap_file_pages, in shm.c. */
void shm_attach(void);
void shm_attach_by_number(void);
void shm_remap(void);
void shm_remap_by_number(void);

/* Files that hurt a writer, in harm.c. */
void harm_log(void);
void harm_stderr(void);

/* Locks that stack, in holds.c. */
void holds_stack(void);
void holds_by_number(void);
void holds_fail(void);
void holds_live(void);
void holds_many(void);
void holds_nobody(void);
void holds_all(void);
void holds_bound(void);

/* setrlimit and its kin, in rlimit.c. */
void rlimit_all(void);
void rlimit_nobody(void);
void rlimit_none(void);
void rlimit_ways(void);
void rlimit_others(void);

/* Kinds of memory, in skip.c. */
void skip_locks(void);
void skip_fails(void);
void skip_maps(void);
void skip_all(void);
void skip_current(void);
void skip_nobody(void);
void skip_loaded(void);
void skip_bound(void);
void skip_blind(void);
void skip_grows(void);

/* mmap(MAP_LOCKED) of all sizes, in sizes.c. */
void sizes_limited(void);
void sizes_unprivileged(void);
void sizes_narrow(void);

/* On a small stack, in stack.c. */
void stack_used(void);

#endif
