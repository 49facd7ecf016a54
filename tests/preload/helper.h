/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the parts of preload_helper share. */
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

/* Make the arena; set errno to what nothing sets. */
void helper_begin(void);

/*
 * Print what a call returned: "ok", the name of its errno, or that it changed
 * errno and should not have.
 */
void helper_done(int failed);
#define DONE(call)	helper_done((call) != 0)
#define DONE_MAP(call)	helper_done((call) == MAP_FAILED)

/* Print what smaps says: of n pages the kinds and how many are resident. */
void helper_show(const void *addr, size_t n);
#define SHOW()		helper_show(at(0), 8)

void helper_touch(size_t n);
void helper_become_nobody(size_t limit);

/* By number, in preload_syscalls.c; in files of their own, the rest. */
void syscall_locks(void);
void syscall_all(void);
void syscall_maps(void);
void syscall_remaps(void);
void syscall_discard(void);
void syscall_others(void);
void syscall_wide(void);
void lfs_map(void);
void lfs_map64(void);
void lfs_map_far(void);
void lfs_model(void);

/* Other ways to map and unmap, in preload_shm.c. */
void shm_attach(void);
void shm_attach_by_number(void);
void shm_remap(void);
void shm_remap_by_number(void);

/* Files that hurt a writer, in harm.c. */
void harm_log(void);
void harm_stderr(void);

/* On a small stack, in preload_stack.c. */
void stack_used(void);

#endif
