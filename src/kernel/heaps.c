/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Finds glibc's heaps. The heap of an arena begins at a multiple of HEAP_MAX
 * with this header (since glibc 2.10), which is checked:
 *
 *	arena      its state lies in the first page of its first heap
 *	previous   heap of the arena
 *	size       used or free
 *	mapped     size that is readable and writable, at least the above
 *
 * The state of the arena begins with its lock, a futex: 0 not locked, 1 locked,
 * 2 locked, and threads wait. It also has the address of the last free chunk,
 * which must end where its heap ends. If any of this is not so, glibc has
 * changed, and the memory is left alone.
 *
 * All of it is read from /proc/self/mem, because another thread may unmap a
 * heap. The first heap of an arena, with the lock, stays for ever.
 */
#include "config.h"

#include "kernel/heaps.h"

#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kernel/sys.h"

#define HEAP_MAX	((uintptr_t)(sizeof(long) == 4 ? 1 << 20 : 64 << 20))

struct header {
	uintptr_t arena, previous;
	size_t size, mapped;
};

struct search {
	struct lof_range brk;	/* the heap of brk */
	uintptr_t end;		/* of the VMA before */
	int mem;
	lof_heap_visit *visit;
	void *arg;
};

static bool can_be_heap(const struct lof_vma *vma)
{
	return vma->anonymous && vma->writable;
}

/* The heap of brk is the row of VMAs that ends where brk ends. */
static int find_brk(const struct lof_vma *vma, void *arg)
{
	struct search *search = arg;

	if (vma->range.start >= search->brk.end)
		return 1;
	if (!can_be_heap(vma))
		search->brk.start = vma->range.end;
	else if (vma->range.start != search->end)
		search->brk.start = vma->range.start;
	search->end = vma->range.end;
	return 0;
}

static bool peek(int mem, uintptr_t addr, void *to, size_t size)
{
	return lof_sys_seek_read(mem, to, size, addr) == (long)size;
}

/* Is a heap of an arena at start? */
static bool get_header(int mem, uintptr_t start, struct header *header)
{
	uintptr_t first, arena, page = lof_sys_page_size();

	if (!peek(mem, start, header, sizeof(*header)) ||
	    header->arena % HEAP_MAX < sizeof(*header) ||
	    header->arena % HEAP_MAX > page || header->size > header->mapped ||
	    header->mapped % page || header->mapped > HEAP_MAX)
		return false;
	first = header->arena - header->arena % HEAP_MAX;
	return first && peek(mem, first, &arena, sizeof(arena)) &&
	       arena == header->arena;
}

static struct lof_range heap_at(int mem, uintptr_t start)
{
	struct header header;

	return get_header(mem, start, &header) ?
	       (struct lof_range){ start, start + header.mapped } :
	       LOF_NO_RANGE;
}

/* Each heap of an arena that begins in the VMA, or before it. */
static int visit_arenas(const struct search *search, const struct lof_vma *vma)
{
	uintptr_t start = vma->range.start - vma->range.start % HEAP_MAX;
	struct lof_heap heap;
	int ret = 0;

	for (; !ret && start < vma->range.end; start += HEAP_MAX) {
		heap.start = start;
		heap.part = lof_range_both(heap_at(search->mem, start),
					   vma->range);
		if (!lof_range_is_empty(heap.part))
			ret = search->visit(vma, &heap, search->arg);
	}
	return ret;
}

static int visit_vma(const struct lof_vma *vma, void *arg)
{
	const struct search *search = arg;
	struct lof_heap heap = { .start = 0 };

	if (!can_be_heap(vma) || !vma->locked)
		return 0;
	heap.part = lof_range_both(vma->range, search->brk);
	if (!lof_range_is_empty(heap.part))
		return search->visit(vma, &heap, search->arg);
	/* A heap has a header: so a VMA without any page has none. */
	return search->mem >= 0 && vma->rss ? visit_arenas(search, vma) : 0;
}

int lof_heaps_each(lof_heap_visit *visit, void *arg)
{
	struct search search = { .visit = visit, .arg = arg };
	size_t page = lof_sys_page_size();
	int ret;

	/* libc remembers the answer: this is no system call. */
	search.brk.end = ((uintptr_t)sbrk(0) + page - 1) & ~(page - 1);
	search.brk.start = search.brk.end;
	ret = lof_smaps_each(find_brk, &search);
	if (ret < 0)
		return ret;
	search.mem = lof_sys_open("/proc/self/mem");
	ret = lof_smaps_each(visit_vma, &search);
	if (search.mem >= 0)
		lof_sys_close(search.mem);
	return ret;
}

/* Is this the last free chunk of the arena? */
static bool is_top(int mem, uintptr_t arena, uintptr_t chunk)
{
	uintptr_t start = chunk - chunk % HEAP_MAX;
	struct header header;
	size_t field[2];	/* the second: the size, and 3 flags */

	return chunk % sizeof(field) == 0 &&
	       peek(mem, start, &header, sizeof(header)) &&
	       header.arena == arena &&
	       peek(mem, chunk, field, sizeof(field)) &&
	       chunk + (field[1] & ~(size_t)7) == start + header.size;
}

/* Has the arena the state that this file knows? */
static bool is_known(int mem, uintptr_t arena)
{
	uintptr_t state[32];
	uint32_t lock;

	if (!peek(mem, arena, state, sizeof(state)))
		return false;
	memcpy(&lock, state, sizeof(lock));
	if (lock > 2)
		return false;
	for (size_t i = 1; i < sizeof(state) / sizeof(state[0]); i++)
		if (is_top(mem, arena, state[i]))
			return true;
	return false;
}

static bool take(_Atomic uint32_t *lock)
{
	for (int i = 0; i < 100; i++) {
		uint32_t not_locked = 0;

		if (atomic_compare_exchange_strong(lock, &not_locked, 1))
			return true;
		lof_sys_yield();
	}
	return false;
}

static void release(_Atomic uint32_t *lock)
{
	if (atomic_exchange(lock, 0) > 1)
		lof_sys_futex_wake(lock);
}

/* With the lock of the arena held. */
static void discard_end(int mem, uintptr_t start, uintptr_t arena)
{
	size_t page = lof_sys_page_size();
	struct header header;
	struct lof_range end;

	/* The heap may have been unmapped, and another may be there. */
	if (!get_header(mem, start, &header) || header.arena != arena ||
	    !is_known(mem, arena))
		return;
	end.start = start + ((header.size + page - 1) & ~(page - 1));
	end.end = start + header.mapped;
	if (!lof_range_is_empty(end))
		lof_sys_madvise(end.start, lof_range_len(end), MADV_DONTNEED);
}

void lof_heap_discard_end(uintptr_t start)
{
	int mem = lof_sys_open("/proc/self/mem");
	_Atomic uint32_t *lock;
	struct header header;

	if (mem < 0)
		return;
	if (get_header(mem, start, &header) && is_known(mem, header.arena)) {
		lock = (_Atomic uint32_t *)header.arena;
		if (take(lock)) {
			discard_end(mem, start, header.arena);
			release(lock);
		}
	}
	lof_sys_close(mem);
}
