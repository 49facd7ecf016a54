/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Memory of our own grows in one place, by mremap: so it is neither locked nor
 * populated under MCL_FUTURE, as what is mapped would be, nor charged. Nobody
 * takes a lock here: the kernel decides who of two threads was first.
 */
#include "config.h"

#include "kernel/own_memory.h"

#include <errno.h>
#include <stdatomic.h>
#include <sys/auxv.h>
#include <sys/mman.h>

#include "kernel/sys.h"

#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE	0x100000	/* Linux 4.17; before, a hint */
#endif

/* ThreadSanitizer allows memory only where the kernel usually puts it. */
#if defined(__SANITIZE_THREAD__)
#define LEFT_TO_KERNEL	true
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define LEFT_TO_KERNEL	true
#endif
#endif
#ifndef LEFT_TO_KERNEL
#define LEFT_TO_KERNEL	false
#endif

/* What lies here is apart from what lies in the next one. */
#define BLOCK		((uintptr_t)2 << 20)
#define NTRIES		8

/* The end of the newest region, whose last page is only there to grow by. */
static _Atomic uintptr_t region_end;

/* Behind the newest of all that is there; a hint, the kernel knows better. */
static _Atomic uintptr_t used_up_to;

/*
 * With 64 bits, half-way up to the stack: the program and its heap are in the
 * upper or the lowest part of what is below it, and what the kernel places
 * comes down from the stack. With 32 bits no large hole is to be cut in two, so
 * half-way up to the program, which has the lowest mapping.
 */
static uintptr_t first_place(void)
{
	unsigned long above = getauxval(sizeof(void *) > 4 ? AT_RANDOM
							   : AT_PHDR);

	return ((uintptr_t)above / 2) & ~(BLOCK - 1);
}

/*
 * Where to try: not next to what is there, and then ever farther, by turns above
 * it and in the lower half of what is below.
 */
static uintptr_t place(int try)
{
	uintptr_t used = atomic_load(&used_up_to), at = first_place();

	if (try & 1)
		return at / 2 + (BLOCK << 2 * try);
	if (used)
		at = (used + 2 * BLOCK - 1) & ~(BLOCK - 1);
	return try ? at + (BLOCK << 2 * try) : at;
}

/* At a place; 0: where the kernel says. */
static int map_at(uintptr_t at, size_t len, int prot, struct lof_range *memory)
{
	const int flags = MAP_PRIVATE | MAP_ANONYMOUS |
			  (at ? MAP_FIXED_NOREPLACE : 0);
	uintptr_t got;
	int err;

	err = lof_sys_mmap(at, len, prot, flags, -1, 0, &got);
	if (err)
		return err;
	/* An old kernel chose: that place may be the program's at any time. */
	if (at && got != at) {
		lof_sys_munmap(got, len);
		return -EEXIST;
	}
	*memory = (struct lof_range){ got, got + len };
	return 0;
}

static int map_anywhere(size_t len, int prot, struct lof_range *memory)
{
	int err;

	if (LEFT_TO_KERNEL)
		return map_at(0, len, prot, memory);
	for (int try = 0; try < NTRIES; try++) {
		err = map_at(place(try), len, prot, memory);
		if (!err || err == -EAGAIN)
			return err;
	}
	return -ENOMEM;
}

static uintptr_t align_to(uintptr_t at, size_t align)
{
	return (at + align - 1) & ~(align - 1);
}

/* It may have come locked, under MCL_FUTURE; it is not the program's. */
static int map_unlocked(size_t len, struct lof_range *memory)
{
	int err = map_anywhere(len, PROT_READ | PROT_WRITE, memory);

	if (err)
		return err;
	lof_sys_munlock(*memory);
	atomic_store(&used_up_to, memory->end);
	return 0;
}

/* A region with room for len bytes, and the page to grow by. */
static int begin(size_t len, struct lof_range *memory)
{
	size_t page = lof_sys_page_size();
	int err = map_unlocked(len + page, memory);

	if (err)
		return err;
	atomic_store(&region_end, memory->end);
	memory->end -= page;
	return 0;
}

/*
 * If another thread does so at once, or did in the parent while this process
 * was forked, the page is not the last one of its mapping, and that is refused.
 */
static int grow(size_t len, size_t align, struct lof_range *memory)
{
	size_t page = lof_sys_page_size();
	uintptr_t end = atomic_load(&region_end), used = end, at;
	struct lof_range last = { end - page, end };
	int err;

	if (!end)
		return -ENOMEM;
	len += align_to(last.start, align) - last.start;
	/*
	 * MCL_CURRENT may have locked it, and so all that comes of it. To unlock
	 * it here may be in the middle of a reading that has seen it locked.
	 */
	if (lof_sys_msync(last, MS_ASYNC | MS_INVALIDATE) == -EBUSY)
		return -ENOMEM;
	err = lof_sys_mremap(last.start, page, page + len, 0, 0, &at);
	if (err)
		return err;
	atomic_store(&region_end, end + len);
	atomic_compare_exchange_strong(&used_up_to, &used, end + len);
	*memory = (struct lof_range){
		align_to(last.start, align), last.start + len
	};
	return 0;
}

int lof_own_map(size_t bytes, struct lof_range *memory)
{
	size_t page = lof_sys_page_size(), len = align_to(bytes, page);
	bool is_huge = len >= BLOCK;

	if (grow(len, is_huge ? BLOCK : page, memory) && begin(len, memory))
		return -ENOMEM;
	if (is_huge)
		lof_sys_madvise(memory->start, len, MADV_HUGEPAGE);
	return 0;
}

int lof_own_borrow(size_t bytes, struct lof_range *memory)
{
	return map_unlocked(align_to(bytes, lof_sys_page_size()), memory);
}

int lof_own_scratch(size_t bytes, int prot, struct lof_range *memory)
{
	return map_anywhere(align_to(bytes, lof_sys_page_size()), prot, memory);
}

void lof_own_return(struct lof_range memory)
{
	uintptr_t end = memory.end;

	lof_sys_munmap(memory.start, lof_range_len(memory));
	atomic_compare_exchange_strong(&used_up_to, &end, memory.start - BLOCK);
}

/*
 * What is reserved counts against RLIMIT_AS, and for mlockall: so there is no
 * more yet than the page to grow by.
 */
__attribute__((constructor))
static void own_init(void)
{
	struct lof_range memory;

	if (!atomic_load(&region_end))
		begin(0, &memory);
}
