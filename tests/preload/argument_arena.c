/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A part of argument_sets: the memory that the calls are made on, and its state
 * page by page. The arena lies below all other memory of the process, so that
 * the first lines of smaps tell its state.
 */
#include "config.h"

#include "preload/argument_sets.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/uio.h>
#include <unistd.h>

#include "lockonfault.h"

#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif

int mlock2(const void *addr, size_t len, unsigned int flags);

/* Above the heap of a program that is not position-independent. */
uintptr_t arena = sizeof(void *) > 4 ? (uintptr_t)UINT64_C(0x100000000)
				     : 0x10000000;
size_t page_size;
int arena_file = -1, arena_segment[2] = { -1, -1 };

#define RW	(PROT_READ | PROT_WRITE)
#define ANON	(MAP_PRIVATE | MAP_ANONYMOUS)

static uintptr_t page_at(size_t n) { return arena + n * page_size; }

bool arena_is_free(void)
{
	size_t len = ARENA_BIG * page_size + ARENA_BIG_SIZE;
	void *at;

	page_size = (size_t)sysconf(_SC_PAGESIZE);
	at = mmap((void *)arena, len, PROT_NONE,
		  ANON | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
	if (at == MAP_FAILED)
		return false;
	munmap(at, len);
	return (uintptr_t)at == arena;
}

static void place(size_t first, size_t len, int prot, int flags, int fd)
{
	if (mmap((void *)page_at(first), len, prot, flags | MAP_FIXED, fd,
		 0) == MAP_FAILED)
		_exit(98);
}

static void touch(size_t n)
{
	*(volatile char *)page_at(n) = (char)('A' + n);
}

/* A segment ends with its last attachment. */
static int make_segment(size_t npages)
{
	int id = shmget(IPC_PRIVATE, npages * page_size, IPC_CREAT | 0600);

	if (id != -1) {
		shmat(id, NULL, 0);
		shmctl(id, IPC_RMID, NULL);
	}
	return id;
}

/*
 * Page 0, 1, 5	not locked; 0 is touched
 *	2, 3	locked on fault; 2 is touched
 *	4	locked in full
 *	6	a hole
 *	7	without access
 *	8, 9	shared; 8 is touched
 *	10, 11	a private file mapping; the file ends with 10
 *	12	only readable
 *	13 on	a hole
 *	64 on	a mapping of 9 MiB that nothing touches
 */
void arena_build(bool with_segments)
{
	char first = 'k';

	arena_file = memfd_create("argument_sets", 0);
	if (ftruncate(arena_file, (off_t)page_size) ||
	    pwrite(arena_file, &first, 1, 0) != 1)
		_exit(97);
	place(0, 6 * page_size, RW, ANON, -1);
	place(7, page_size, PROT_NONE, ANON, -1);
	place(8, 2 * page_size, RW, MAP_SHARED | MAP_ANONYMOUS, -1);
	place(10, 2 * page_size, RW, MAP_PRIVATE, arena_file);
	place(12, page_size, PROT_READ, ANON, -1);
	place(ARENA_BIG, ARENA_BIG_SIZE, RW, ANON | MAP_NORESERVE, -1);
	madvise((void *)page_at(ARENA_BIG), ARENA_BIG_SIZE, MADV_NOHUGEPAGE);
	touch(0);
	touch(2);
	touch(8);
	mlock2((void *)page_at(2), 2 * page_size, MLOCK_ONFAULT);
	mlock2((void *)page_at(4), page_size, 0);
	if (with_segments) {
		arena_segment[0] = make_segment(1);
		arena_segment[1] = make_segment(3);
	}
}

/* The pages that a state tells of. */
struct pages {
	uintptr_t addr[ARENA_PAGES + 8];
	size_t n;
	struct state *state;
	uintptr_t end;		/* memory from here on is the process's own */
	size_t locked, own;	/* pages */
};

/* A VMA in the text of smaps. */
struct vma {
	uintptr_t start, end;
	char perms[5];
	char lock;
};

static bool is_seen(const struct pages *pages, const struct vma *vma)
{
	for (size_t i = 0; i < pages->n; i++)
		if (pages->addr[i] >= vma->start && pages->addr[i] < vma->end)
			return true;
	return false;
}

/* '!': a guard, which mincore() may call resident. */
static char first_byte(uintptr_t addr)
{
	char byte;
	struct iovec to = { &byte, 1 }, from = { (void *)addr, 1 };

	if (process_vm_readv(getpid(), &to, 1, &from, 1, 0) != 1)
		return errno == EFAULT ? '!' : *(volatile char *)addr;
	return byte ? byte : '0';
}

static void note_page(struct state *state, size_t i, uintptr_t addr,
		      const struct vma *vma)
{
	unsigned char present = 0;
	int perms = (vma->perms[0] == 'r') * 4 + (vma->perms[1] == 'w') * 2 +
		    (vma->perms[2] == 'x') + (vma->perms[3] == 's') * 8;

	mincore((void *)addr, page_size, &present);
	state->locks[i] = vma->lock;
	state->resident[i] = present & 1 ? 'r' : '.';
	state->perms[i] = "0123456789abcdef"[perms];
	state->content[i] = present & 1 && vma->perms[0] == 'r' ?
			    first_byte(addr) : '.';
}

static void note_vma(struct pages *pages, const struct vma *vma)
{
	for (size_t i = 0; i < pages->n; i++)
		if (pages->addr[i] >= vma->start && pages->addr[i] < vma->end)
			note_page(pages->state, i, pages->addr[i], vma);
	if (vma->lock == 'u')
		return;
	pages->locked += (vma->end - vma->start) / page_size;
	if (vma->start >= pages->end && !is_seen(pages, vma))
		pages->own += (vma->end - vma->start) / page_size;
}

/* Read a line of smaps. True: the line begins a VMA from `last` on. */
static bool read_line(struct pages *pages, struct vma *vma, const char *line,
		      uintptr_t last)
{
	unsigned long start, end;
	char perms[5];

	if (strncmp(line, "VmFlags:", 8) == 0) {
		vma->lock = !strstr(line, " lo") ? 'u' :
			    strstr(line, " lf") ? 'o' : 'F';
		note_vma(pages, vma);
	} else if (line[0] < 'A' || line[0] > 'Z') {
		if (sscanf(line, "%lx-%lx %4s", &start, &end, perms) != 3)
			_exit(96);
		vma->start = start;
		vma->end = end;
		memcpy(vma->perms, perms, sizeof(perms));
		return start >= last;
	}
	return false;
}

static void read_smaps(struct pages *pages, uintptr_t last)
{
	static char buf[1 << 16];
	size_t have = 0, used;
	struct vma vma = { .lock = 'u' };
	bool is_end = false;
	char *line, *end;
	ssize_t n;
	int fd = open("/proc/self/smaps", O_RDONLY);

	while (!is_end && (n = read(fd, buf + have, sizeof(buf) - have)) > 0) {
		have += (size_t)n;
		for (line = buf; !is_end &&
		     (end = memchr(line, '\n', have - (size_t)(line - buf)));
		     line = end + 1) {
			*end = '\0';
			is_end = read_line(pages, &vma, line, last);
		}
		used = (size_t)(line - buf);
		have -= used;
		memmove(buf, line, have);
	}
	close(fd);
}

static long read_vmlck(void)
{
	static char buf[1 << 13];
	int fd = open("/proc/self/status", O_RDONLY);
	ssize_t n = read(fd, buf, sizeof(buf) - 1);
	char *line = n > 0 ? strstr(buf, "VmLck:") : NULL;

	close(fd);
	return line ? atol(line + 6) * 1024 / (long)page_size : -1;
}

void state_read(struct state *state, uintptr_t at, size_t len, bool is_all)
{
	struct pages pages = { .state = state };
	size_t big_pages = ARENA_BIG_SIZE / page_size;
	long charge;

	for (; pages.n < ARENA_PAGES; pages.n++)
		pages.addr[pages.n] = page_at(pages.n);
	pages.addr[pages.n++] = page_at(ARENA_BIG);
	pages.addr[pages.n++] = page_at(ARENA_BIG + big_pages - 1);
	pages.addr[pages.n++] = page_at(ARENA_BIG + big_pages);
	pages.end = page_at(ARENA_BIG + big_pages);
	for (size_t i = 0; i < 3 && i * page_size < len; i++)
		pages.addr[pages.n++] = at + i * page_size;
	memset(state, 0, sizeof(*state));
	memset(state->locks, '-', pages.n);
	memset(state->resident, '-', pages.n);
	memset(state->perms, '-', pages.n);
	memset(state->content, '-', pages.n);
	read_smaps(&pages, is_all || len ? UINTPTR_MAX : pages.end);
	charge = read_vmlck();
	state->locked = charge - (long)pages.own;
	state->overcharge = charge - (long)pages.locked;
	state->has_own = pages.own > 0;
}
