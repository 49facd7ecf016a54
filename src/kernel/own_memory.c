/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The library's own memory grows in one place, by mremap. So under MCL_FUTURE
 * it is neither locked, populated nor charged, as a new mapping would be. No
 * lock is taken here: if two threads grow it at once, the kernel decides which
 * is first.
 */
#include "config.h"

#include "kernel/own_memory.h"

#include <errno.h>
#include <stdatomic.h>
#include <sys/auxv.h>
#include <sys/mman.h>

#include "kernel/permit.h"
#include "kernel/sys.h"

/*
 * These sanitizers allow memory only where the kernel usually puts it: the rest
 * of the address space is their shadow of the program's memory.
 */
extern void __msan_init(void) __attribute__((weak));
extern void __tsan_init(void) __attribute__((weak));

/* Memory in one block stays apart from memory in the next block. */
#define BLOCK		((uintptr_t)2 << 20)
#define NTRIES		8

/*
 * The end of the newest region. Its last page is only there for mremap to grow.
 */
static _Atomic uintptr_t region_end;

/* The end of the newest mapping. A hint: the kernel checks the place. */
static _Atomic uintptr_t used_up_to;

/*
 * With 64 bits: a sixth of the way up to the stack. The program and its heap lie
 * from two thirds of the way on, or in the lowest part, and the kernel places
 * mappings downwards from the stack. Half of all addresses must stay one hole,
 * because a program may reserve that much. ZGC of Java uses fixed addresses at
 * an eighth of the way, and below.
 *
 * With 32 bits no large hole may be cut in two: half-way up to the program,
 * which is the lowest mapping.
 */
static uintptr_t first_place(void)
{
	uintptr_t place = sizeof(void *) > 4 ?
			  (uintptr_t)getauxval(AT_RANDOM) / 128 * 21 :
			  (uintptr_t)getauxval(AT_PHDR) / 2;

	return place & ~(BLOCK - 1);
}

/*
 * The address for a try: first not next to the newest mapping, then ever
 * farther away, by turns above that mapping and in the lower half of the
 * addresses below first_place().
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

/* Map memory at an address; 0: the kernel chooses. */
static int map_at(uintptr_t at, size_t len, int prot, struct lof_range *memory)
{
	const int flags = MAP_PRIVATE | MAP_ANONYMOUS |
			  (at ? MAP_FIXED_NOREPLACE : 0);
	uintptr_t got;
	int err;

	err = lof_sys_mmap(at, len, prot, flags, -1, 0, &got);
	if (err)
		return err;
	/* Before Linux 4.17 the kernel may choose: too near the program's. */
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

	if (!lof_permits(LOF_CALL_OWN_MEMORY))
		return -ENOMEM;
	if (__msan_init || __tsan_init)
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

/* Under MCL_FUTURE the new memory is locked: unlock it. */
static int map_unlocked(size_t len, struct lof_range *memory)
{
	int err = map_anywhere(len, PROT_READ | PROT_WRITE, memory);

	if (err)
		return err;
	lof_sys_munlock(*memory);
	atomic_store(&used_up_to, memory->end);
	return 0;
}

/* Begin a region: len bytes, and the page to grow by. */
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
 * Grow the region by mremap of its last page. If another thread grows it at the
 * same time, or did so in the parent during the fork of this process, the page
 * is not the last page of its mapping any more, and the kernel refuses.
 */
static int grow(size_t len, size_t align, struct lof_range *memory)
{
	size_t page = lof_sys_page_size();
	uintptr_t end = atomic_load(&region_end), used = end, at;
	struct lof_range last = { end - page, end };
	int err;

	if (!end || !lof_permits(LOF_CALL_OWN_MEMORY))
		return -ENOMEM;
	len += align_to(last.start, align) - last.start;
	/*
	 * MCL_CURRENT may have locked the page: all memory grown from it would
	 * be locked, too. Do not unlock it here: a reader may be in the middle
	 * of a reading that has seen the page locked.
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
 * Reserved memory counts against RLIMIT_AS, and for mlockall: so map only the
 * page to grow by at load.
 */
__attribute__((constructor))
static void own_init(void)
{
	struct lof_range memory;

	if (!atomic_load(&region_end))
		begin(0, &memory);
}
