/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The memory of the random driver: an arena and a stack at fixed addresses far
 * from all other memory, and slots for mappings whose address the kernel chose.
 */
#include "config.h"

#include "random/calls.h"

#include <stdlib.h>
#include <unistd.h>

#include "random/random.h"

size_t page;

/* No huge page fits in the arena: one would make all of it resident. */
#define ARENA_START	((uintptr_t)0x40200000 - 70 * page)
#define STACK_START	((uintptr_t)0x50000000)

static struct span slots[NSLOTS];
static int files[NFILES];
static size_t arena_npages;

void memory_make(void)
{
	char name[] = "/tmp/random_ops.XXXXXX";

	files[BAD_FD] = 9999;
	files[ANONYMOUS] = -1;
	files[REGULAR] = mkstemp(name);
	files[MEMFD] = memfd_create("random_ops", MFD_CLOEXEC);
	for (int i = REGULAR; i <= MEMFD; i++)
		if (files[i] < 0 ||
		    ftruncate(files[i], (off_t)(FILE_NPAGES * page)))
			complain("a file cannot be made");
	unlink(name);
	files[SECRET] = kinds_file(SECRET);
	files[SPECIAL] = kinds_file(SPECIAL);
	kinds_make_heap();
	arena_npages = ARENA_NPAGES;
	for (int i = 0; i < NSLOTS; i++)
		slots[i] = (struct span){ NULL, 0 };
}

void memory_resize(size_t len)
{
	size_t npages = len / page;

	if (npages >= ARENA_NPAGES_MIN && npages <= ARENA_NPAGES)
		arena_npages = npages;
}

void memory_drop(void)
{
	const size_t npages = ARENA_NPAGES + 2 * MARGIN_NPAGES;

	for (int i = 0; i < NSLOTS; i++)
		slot_evict(i);
	CALL(munmap)((char *)ARENA_START - MARGIN_NPAGES * page,
		     npages * page);
	CALL(munmap)((char *)STACK_START, STACK_NPAGES * page);
	/* Also what mremap added behind it, where nothing else is mapped. */
	CALL(munmap)(kinds_heap().addr, 2 * kinds_heap().len);
}

/* An address in an empty slot stands for the arena. */
static struct span place_of(int64_t addr)
{
	int place = ADDR_PLACE(addr);

	if (place == NOWHERE)
		return (struct span){ NULL, MARGIN_NPAGES * page };
	/* On 32-bit machines the last page may be the program's stack. */
	if (place == TOP && sizeof(void *) == 4)
		return (struct span){ (char *)(MARGIN_NPAGES * page), page };
	if (place == TOP)
		return (struct span){ (char *)(UINTPTR_MAX - page + 1), page };
	if (place == STACK)
		return (struct span){ (char *)STACK_START,
				      STACK_NPAGES * page };
	if (place == HEAP)
		return kinds_heap();
	if (place >= SLOTS && place < SLOTS + NSLOTS &&
	    slots[place - SLOTS].len)
		return slots[place - SLOTS];
	return (struct span){ (char *)ARENA_START,
			      (arena_npages + MARGIN_NPAGES) * page };
}

char *memory_at(int64_t addr)
{
	struct span place = place_of(addr);

	if (ADDR_PLACE(addr) >= SLOTS)
		return place.addr + (size_t)ADDR_OFF(addr) % place.len;
	return (char *)((uintptr_t)place.addr + (uintptr_t)ADDR_OFF(addr));
}

struct span memory_span(int64_t addr, int64_t len)
{
	struct span place = place_of(addr);
	char *at = memory_at(addr);
	size_t room = place.len - ((uintptr_t)at - (uintptr_t)place.addr);

	/*
	 * The kernel must refuse a length that wraps. From address 0 no length
	 * wraps, nor does any for a 64-bit kernel in a 32-bit program: there it
	 * is clipped, or it would reach the whole program.
	 */
	if ((sizeof(size_t) > 4 &&
	     (uintptr_t)at + (size_t)len < (uintptr_t)at) ||
	    (size_t)len <= room)
		return (struct span){ at, (size_t)len };
	return (struct span){ at, room };
}

bool memory_is_place(const char *addr)
{
	uintptr_t at = (uintptr_t)addr;
	struct span heap = kinds_heap();

	return (at - STACK_START < STACK_NPAGES * page) ||
	       (at - (uintptr_t)heap.addr < heap.len) ||
	       at - (ARENA_START - MARGIN_NPAGES * page) <
		       (ARENA_NPAGES + 2 * MARGIN_NPAGES) * page;
}

int memory_file(int64_t which)
{
	return files[which];
}

bool memory_is_mapped(const void *addr)
{
	return msync((void *)((uintptr_t)addr & ~(page - 1)), page,
		     MS_ASYNC) == 0;
}

void slot_evict(int64_t slot)
{
	if (slots[slot].len)
		CALL(munmap)(slots[slot].addr, slots[slot].len);
	holds_clear(slots[slot].addr, slots[slot].len);
	slots[slot] = (struct span){ NULL, 0 };
}

void memory_keep_in_child(void)
{
	for (size_t i = 0; i < NSLOTS; i++)
		if (slots[i].len)
			CALL(madvise)(slots[i].addr, slots[i].len,
				      MADV_DOFORK);
}

static size_t whole(size_t len)
{
	return (len + page - 1) & ~(page - 1);
}

void slot_put(int64_t slot, char *addr, size_t len)
{
	slots[slot] = (struct span){ addr, whole(len) };
}

void slot_grow(int64_t addr, const char *end)
{
	struct span *slot;

	if (ADDR_PLACE(addr) < SLOTS)
		return;
	slot = &slots[ADDR_PLACE(addr) - SLOTS];
	if (slot->len && end > slot->addr + slot->len)
		slot->len = whole((size_t)(end - slot->addr));
}

static bool is_there(const char *addr, struct span gone)
{
	return (uintptr_t)addr - (uintptr_t)gone.addr >= gone.len &&
	       memory_is_mapped(addr);
}

/*
 * The kernel may put other memory into a hole. So a slot has no holes: keep its
 * first mapped pages, and unmap the pages behind a hole. The range `gone`
 * counts as a hole: the library's own memory may be there already.
 */
void slot_trim(int64_t addr, struct span gone)
{
	struct span *slot, old;
	size_t first = 0, end;

	if (ADDR_PLACE(addr) < SLOTS)
		return;
	slot = &slots[ADDR_PLACE(addr) - SLOTS];
	old = *slot;
	gone.len = whole(gone.len);
	while (first < old.len && !is_there(old.addr + first, gone))
		first += page;
	end = first;
	while (end < old.len && is_there(old.addr + end, gone))
		end += page;
	*slot = (struct span){ old.addr + first, end - first };
	for (size_t at = end; at < old.len; at += page)
		if (is_there(old.addr + at, gone)) {
			CALL(munmap)(old.addr + at, page);
			holds_clear(old.addr + at, page);
		}
}
