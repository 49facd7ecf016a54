/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The system calls of exhaust.c, on an array of pages. Each takes effect at
 * once, between two seams. Only the features that exhaust.c needs are here.
 */
#include "config.h"

#include "ledger/exhaust_kernel.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "api/sync_thread.h"
#include "emulate/budget.h"
#include "emulate/mclfuture_emulated.h"
#include "emulate/skip.h"
#include "kernel/own_memory.h"
#include "kernel/permit.h"
#include "kernel/smaps.h"
#include "kernel/sys.h"

struct kernel kernel;
bool kernel_refused;

_Atomic size_t lof_page_size = PAGE;
_Atomic uint32_t lof_refused_calls;

size_t lof_sys_ask_page_size(void)
{
	return PAGE;
}

static size_t first_page(uintptr_t addr)
{
	return addr <= WINDOW ? 0 : addr >= WINDOW + NPAGES * PAGE ? NPAGES :
	       (size_t)((addr - WINDOW) / PAGE);
}

static bool is_inside(uintptr_t addr, size_t len)
{
	return addr >= WINDOW && len <= NPAGES * PAGE &&
	       addr - WINDOW <= NPAGES * PAGE - len;
}

static void set(uintptr_t addr, size_t len, enum state state)
{
	memset(kernel.page + first_page(addr), (int)state, len / PAGE);
}

/* Lock or unlock the pages up to the first hole. */
static int change_locks(struct lof_range range, enum state state)
{
	size_t at = first_page(range.start), end = first_page(range.end);
	int err = 0;

	exhaust_syscall();
	for (; !err && at < end; at++)
		if (kernel.page[at] == HOLE)
			err = -ENOMEM;
		else
			kernel.page[at] = (char)state;
	kernel_refused |= err != 0;
	exhaust_syscall();
	return err;
}

int lof_sys_mlock(struct lof_range range)
{
	return change_locks(range, FULL);
}

int lof_sys_mlock2(struct lof_range range, unsigned int flags)
{
	if (flags & ~(unsigned int)MLOCK_ONFAULT)
		return -EINVAL;
	return change_locks(range, flags ? ONFAULT : FULL);
}

int lof_sys_munlock(struct lof_range range)
{
	return change_locks(range, FREE);
}

/* The lowest hole of len bytes; 0: there is none. */
static uintptr_t lowest_hole(size_t len)
{
	size_t pages = len / PAGE, run = 0;

	for (size_t i = 0; i < NPAGES; i++) {
		run = kernel.page[i] == HOLE ? run + 1 : 0;
		if (run == pages)
			return WINDOW + (i + 1 - pages) * PAGE;
	}
	return 0;
}

int lof_sys_mmap(uintptr_t addr, size_t len, int prot, int flags, int fd,
		 int64_t off, uintptr_t *result)
{
	(void)prot;
	(void)fd;
	(void)off;
	exhaust_syscall();
	*result = flags & MAP_FIXED ? addr : lowest_hole(len);
	if (*result)
		set(*result, len, flags & MAP_LOCKED ? FULL : FREE);
	kernel_refused |= !*result;
	exhaust_syscall();
	return *result ? 0 : -ENOMEM;
}

int lof_sys_munmap(uintptr_t addr, size_t len)
{
	exhaust_syscall();
	set(addr, len, HOLE);
	exhaust_syscall();
	return 0;
}

/* Is the range mapped and, if it must be one VMA, locked with one kind? */
static bool can_move(uintptr_t addr, size_t len, bool is_one)
{
	const char *page = kernel.page + first_page(addr);

	for (size_t i = 0; i < len / PAGE; i++)
		if (page[i] == HOLE || (is_one && page[i] != page[0]))
			return false;
	return true;
}

static bool is_hole(uintptr_t addr, size_t len)
{
	const char *page = kernel.page + first_page(addr);

	if (!is_inside(addr, len))
		return false;
	for (size_t i = 0; i < len / PAGE; i++)
		if (page[i] != HOLE)
			return false;
	return true;
}

/* The added pages are locked as the first page of the mapping. */
static void move(uintptr_t addr, size_t old_len, size_t new_len, uintptr_t to)
{
	size_t from = first_page(addr), at = first_page(to);
	char moved[NPAGES];

	memcpy(moved, kernel.page + from, old_len / PAGE);
	memset(moved + old_len / PAGE, moved[0], (new_len - old_len) / PAGE);
	set(addr, old_len, HOLE);
	memcpy(kernel.page + at, moved, new_len / PAGE);
}

static int remap(uintptr_t addr, size_t old_len, size_t new_len, int flags,
		 uintptr_t new_addr, uintptr_t *result)
{
	bool is_fixed = flags & MREMAP_FIXED;

	if (!can_move(addr, old_len, !is_fixed || new_len != old_len))
		return -EFAULT;
	if (is_fixed) {
		*result = new_addr;
		set(new_addr, new_len, HOLE);
	} else if (is_hole(addr + old_len, new_len - old_len)) {
		*result = addr;
	} else {
		*result = lowest_hole(new_len);
	}
	if (!*result)
		return -ENOMEM;
	move(addr, old_len, new_len, *result);
	return 0;
}

int lof_sys_mremap(uintptr_t addr, size_t old_len, size_t new_len, int flags,
		   uintptr_t new_addr, uintptr_t *result)
{
	int err;

	exhaust_syscall();
	err = remap(addr, old_len, new_len, flags, new_addr, result);
	kernel_refused |= err != 0;
	exhaust_syscall();
	return err;
}

/* If the range has both a locked page and a hole, EBUSY wins over ENOMEM. */
int lof_sys_msync(struct lof_range range, int flags)
{
	size_t at = first_page(range.start), end = first_page(range.end);
	int err = is_inside(range.start, lof_range_len(range)) ? 0 : -ENOMEM;

	exhaust_syscall();
	for (; at < end; at++)
		if (kernel.page[at] == HOLE && !err)
			err = -ENOMEM;
		else if (flags & MS_INVALIDATE && (kernel.page[at] == ONFAULT ||
						   kernel.page[at] == FULL))
			err = -EBUSY;
	exhaust_syscall();
	return err;
}

int lof_sys_madvise(uintptr_t addr, size_t len, int advice)
{
	(void)addr;
	(void)len;
	if (advice == MADV_WIPEONFORK || advice == MADV_KEEPONFORK)
		kernel.wipes = advice == MADV_WIPEONFORK;
	return 0;
}

void kernel_fork(void)
{
	for (size_t i = 0; i < NPAGES; i++)
		if (kernel.page[i] != HOLE)
			kernel.page[i] = FREE;
}

/* The next VMA from a page on, in its present state. */
static bool next_vma(size_t from, struct lof_vma *vma)
{
	size_t end;

	while (from < NPAGES && kernel.page[from] == HOLE)
		from++;
	if (from == NPAGES)
		return false;
	for (end = from; end < NPAGES; end++)
		if (kernel.page[end] != kernel.page[from])
			break;
	*vma = (struct lof_vma){
		.range = { WINDOW + from * PAGE, WINDOW + end * PAGE },
		.accessible = true, .writable = true, .anonymous = true,
		.locked = kernel.page[from] != FREE,
		.onfault = kernel.page[from] == ONFAULT,
		.rss = (end - from) * PAGE,
	};
	return true;
}

int lof_smaps_each(int (*visit)(const struct lof_vma *vma, void *arg),
		   void *arg)
{
	struct lof_vma vma;
	size_t from = 0;
	int ret = 0;

	for (exhaust_syscall(); !ret && next_vma(from, &vma);
	     exhaust_syscall()) {
		ret = visit(&vma, arg);
		from = first_page(vma.range.end);
	}
	return ret;
}

/* A call that waits lets another call run. */
int lof_sys_futex_wait(_Atomic uint32_t *word, uint32_t value, int ms)
{
	if (ms)
		exhaust_wait();
	return atomic_load(word) == value ? -ETIMEDOUT : -EAGAIN;
}

int lof_sys_sigaltstack(stack_t *old)
{
	*old = (stack_t){ .ss_flags = SS_DISABLE };
	return 0;
}

/* --- calls made when the library is loaded, and calls never made here */

int lof_sys_mlockall(int flags)
{
	(void)flags;
	return -EINVAL;
}

int lof_sys_mprotect(uintptr_t addr, size_t len, int prot)
{
	(void)addr;
	(void)len;
	(void)prot;
	return 0;
}

int lof_sys_open(const char *path)
{
	(void)path;
	return -ENOENT;
}

int lof_smaps_hugetlb(uint64_t *bytes)
{
	*bytes = 0;
	return 0;
}

__attribute__((noreturn))
static void never(const char *call)
{
	fprintf(stderr, "exhaust: %s was called\n", call);
	abort();
}

#define NEVER_OF(type, call, params) \
	type call params \
	{ \
		never(#call); \
	}
#define NEVER(call, params)		NEVER_OF(int, call, params)
#define NEVER_VOID(call, params)	NEVER_OF(void, call, params)
#define NEVER_LONG(call, params)	NEVER_OF(long, call, params)

/* These functions abort, so they use no argument. */
#pragma GCC diagnostic ignored "-Wunused-parameter"

NEVER(lof_own_map, (size_t bytes, struct lof_range *memory))
NEVER(lof_own_scratch, (size_t bytes, int prot, struct lof_range *memory))
NEVER_VOID(lof_own_return, (struct lof_range memory))
NEVER_VOID(lof_unlock_skipped_now, (struct lof_range range))
NEVER_VOID(lof_emulate_now, (struct lof_range range, int prot))
NEVER_VOID(lof_emulate_note_stack, (void))
NEVER(lof_maps_each, (int (*visit)(const struct lof_vma *vma, void *arg),
		      void *arg))
NEVER(lof_budget_add, (struct lof_range range))
NEVER_VOID(lof_sync_thread_begin, (void))
NEVER(lof_sys_mincore, (struct lof_range range, unsigned char *pages))
NEVER(lof_sys_touch_read, (uint32_t *word))
NEVER(lof_sys_touch_write, (uint32_t *word))
NEVER(lof_sys_close, (int fd))
NEVER(lof_sys_memlock_limit, (uint64_t *limit))
NEVER(lof_sys_shmat, (int id, uintptr_t addr, int flags, uintptr_t *result))
NEVER(lof_sys_shmdt, (uintptr_t addr))
NEVER(lof_sys_remap_file_pages, (uintptr_t addr, size_t len, int prot,
				 size_t pgoff, int flags))
NEVER(lof_sys_munlockall, (void))
NEVER_LONG(lof_sys_read, (int fd, void *buf, size_t size))
NEVER_LONG(lof_sys_seek_read, (int fd, void *buf, size_t size, uintptr_t off))
NEVER_LONG(lof_sys_pagemap_scan,
	   (int fd, const struct lof_pm_question *question,
	    struct lof_pm_region *regions, size_t nregions, uint64_t *walked))
