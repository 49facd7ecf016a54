/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Kinds of memory that mlock and mlockall treat specially: SysV segments,
 * memfd_secret, MAP_DROPPABLE, a ring of kernel pages, huge pages, the heap.
 * The library has no functions for the calls that map them. So lof_sync()
 * follows each call, except under the shim, which hooks all of them but brk.
 */
#include "config.h"

#include "random/calls.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/if_packet.h>
#include <string.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "random/random.h"

#ifndef SYS_memfd_secret
#define SYS_memfd_secret 447
#endif

#define NSEGMENTS 2

static const size_t segment_npages[NSEGMENTS] = { 3, 12 };
static int segments[NSEGMENTS], secret = -1, special = -1;
static struct span heap;

static void say_missing(const char *kind)
{
	printf("without %s: %s\n", kind, strerror(errno));
}

static void open_secret(void)
{
	secret = (int)syscall(SYS_memfd_secret, 0);
	if (secret < 0 || ftruncate(secret, (off_t)(FILE_NPAGES * page)))
		say_missing("memfd_secret");
}

/*
 * A VM_MIXEDMAP mapping, which mlock never locks. The ring of a packet socket
 * can be mapped at any address; the ring of io_uring cannot.
 */
static void open_special(void)
{
	struct tpacket_req ring = {
		.tp_block_size = (unsigned int)(SPECIAL_NPAGES * page),
		.tp_block_nr = 1, .tp_frame_size = 2048,
		.tp_frame_nr = (unsigned int)(SPECIAL_NPAGES * page / 2048),
	};

	special = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (special < 0 || setsockopt(special, SOL_PACKET, PACKET_RX_RING,
				      &ring, sizeof(ring)))
		say_missing("a ring of packets");
}

/* The segment is destroyed when this program ends, its last user. */
static int make_segment(size_t npages)
{
	int id = shmget(IPC_PRIVATE, npages * page, IPC_CREAT | 0666);

	if (id < 0 || shmat(id, NULL, 0) == MAP_FAILED)
		say_missing("shmat");
	if (id >= 0)
		shmctl(id, IPC_RMID, NULL);
	return id;
}

void kinds_open(void)
{
	open_secret();
	open_special();
	for (int i = 0; i < NSEGMENTS; i++)
		segments[i] = make_segment(segment_npages[i]);
}

int kinds_file(int which)
{
	return which == SECRET ? secret : special;
}

void kinds_make_heap(void)
{
	uintptr_t end = (uintptr_t)sbrk(0);

	sbrk((intptr_t)(-end & (page - 1)));
	heap = (struct span){ sbrk(0), HEAP_NPAGES * page };
}

struct span kinds_heap(void)
{
	return heap;
}

static int64_t pages(size_t n)
{
	return (int64_t)(n * page);
}

/* MAP_HUGETLB fails unless the administrator reserved huge pages. */
void kinds_draw_map(struct stream *stream, struct op *op)
{
	size_t what = draw(stream, 100);
	int64_t flags = op->arg[4] & ~(MAP_SHARED | MAP_PRIVATE |
				       MAP_ANONYMOUS | MAP_GROWSDOWN);

	if (what >= 41)
		return;
	op->arg[5] = ANONYMOUS;
	op->arg[6] = 0;
	if (what < 15) {
		op->arg[4] = flags | MAP_SHARED;
		op->arg[5] = SECRET;
		op->arg[6] = (int64_t)draw(stream, FILE_NPAGES);
	} else if (what < 30) {
		op->arg[4] = (flags & ~MAP_LOCKED) | MAP_DROPPABLE |
			     MAP_ANONYMOUS;
	} else if (what < 38) {
		op->arg[2] = pages(SPECIAL_NPAGES);
		op->arg[4] = flags | MAP_SHARED;
		op->arg[5] = SPECIAL;
	} else {
		op->arg[4] = flags | PICK(stream, MAP_PRIVATE, MAP_SHARED) |
			     MAP_ANONYMOUS | MAP_HUGETLB;
	}
}

static void draw_shmat(struct stream *stream, struct op *op)
{
	int64_t addr = draw_addr(stream);

	op->arg[0] = (int64_t)draw(stream, NSLOTS);
	op->arg[1] = ADDR(NOWHERE, 0);
	op->arg[2] = (int64_t)draw(stream, NSEGMENTS);
	op->arg[3] = PICK(stream, 0, 0, 0, SHM_RDONLY, SHM_EXEC);
	if (chance(stream, 20) || ADDR_PLACE(addr) == NOWHERE)
		return;
	op->arg[1] = addr;
	op->arg[3] |= PICK(stream, SHM_REMAP, SHM_REMAP, SHM_REMAP,
			   SHM_REMAP | SHM_RND, SHM_RND, 0);
}

static void draw_shmdt(struct stream *stream, struct op *op)
{
	op->arg[0] = chance(stream, 50) ?
		     ADDR(SLOTS + (int)draw(stream, NSLOTS), 0) :
		     draw_addr(stream);
}

void kinds_draw(struct stream *stream, struct op *op)
{
	op->kind = (int)PICK(stream, OP_SHMAT, OP_SHMAT, OP_SHMAT, OP_SHMDT,
			     OP_SHMDT, OP_REMAP_FILE, OP_REMAP_FILE, OP_BRK,
			     OP_MLOCKALL, OP_MUNLOCKALL2);
	switch (op->kind) {
	case OP_SHMAT:
		draw_shmat(stream, op);
		break;
	case OP_SHMDT:
		draw_shmdt(stream, op);
		break;
	case OP_REMAP_FILE:
		op->arg[0] = draw_addr(stream);
		op->arg[1] = pages(1 + draw(stream, 4));
		op->arg[2] = (int64_t)draw(stream, FILE_NPAGES);
		break;
	case OP_BRK:
		op->arg[0] = pages(draw(stream, HEAP_NPAGES)) -
			     pages(HEAP_NPAGES / 2);
		break;
	default:
		op->arg[0] = 1 + (int64_t)draw(stream, 7);
		break;
	}
}

/* The library did not see the call: let it read the kernel's state. */
static int seen(int ret, bool hooked)
{
#ifndef RANDOM_SHIM
	hooked = false;
#endif
	if (!hooked && lof_sync())
		complain("lof_sync failed: errno %d\n", errno);
	/* The shim's hooks compare the ledger with the kernel afterwards. */
	oracle_forgives_drift();
	return ret;
}

/*
 * If a call that the library does not see unmaps held memory, the model cannot
 * tell the holds. So held memory is left alone.
 */
static int apply_shmat(const struct op *op)
{
	const int64_t *a = op->arg;
	size_t len = segment_npages[a[2]] * page;
	struct span span = memory_span(a[1], (int64_t)len);
	bool anywhere = ADDR_PLACE(a[1]) == NOWHERE;
	char *ret;

	if (anywhere) {
		slot_evict(a[0]);
		span.addr = NULL;
	} else if (span.len < len || holds_any(span.addr, len)) {
		return 1;
	}
	ret = shmat(segments[a[2]], span.addr, (int)a[3]);
	slot_trim(a[1], (struct span){ NULL, 0 });
	if (ret != MAP_FAILED && anywhere)
		slot_put(a[0], ret, len);
	return seen(ret == MAP_FAILED ? -1 : 0, true);
}

struct vma {
	uintptr_t start, end;
	unsigned long off;
	char name[64];
};

/* The VMA around an address, from /proc. */
static bool find_vma(const void *addr, struct vma *vma)
{
	static char maps[1 << 18];
	char *line = maps, *end;
	size_t len = 0;
	ssize_t n;
	int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);

	while ((n = read(fd, maps + len, sizeof(maps) - 1 - len)) > 0)
		len += (size_t)n;
	close(fd);
	maps[len] = '\0';
	for (; (end = strchr(line, '\n')); line = end + 1) {
		*end = *vma->name = '\0';
		sscanf(line, "%" SCNxPTR "-%" SCNxPTR " %*s %lx %*s %*s %63s",
		       &vma->start, &vma->end, &vma->off, vma->name);
		if ((uintptr_t)addr - vma->start < vma->end - vma->start)
			return true;
	}
	return false;
}

#define LONGEST	((size_t)1 << 24)

bool kinds_has_secret(struct span span)
{
	uintptr_t start = (uintptr_t)span.addr;
	struct vma vma;

	/* No mapping here is longer; a longer span wraps, and is refused. */
	for (size_t at = 0; at < span.len && at < LONGEST; at += page)
		if (find_vma((void *)(start + at), &vma) &&
		    strstr(vma.name, "secretmem"))
			return true;
	return false;
}

/* The length of the whole segment attached at addr; 0: there is none. */
static size_t attached_at(const void *addr)
{
	struct vma vma;
	size_t len;

	if (!find_vma(addr, &vma) || strncmp(vma.name, "/SYSV", 5) != 0 ||
	    vma.start != (uintptr_t)addr || vma.off)
		return 0;
	len = vma.end - vma.start;
	for (int i = 0; i < NSEGMENTS; i++)
		if (len == segment_npages[i] * page)
			return len;
	return 0;
}

/*
 * At an address that the kernel chose, other memory may fill the hole at once.
 * So the length is read before the call.
 */
static int apply_shmdt(const struct op *op)
{
	struct span span = { memory_at(op->arg[0]), 0 };
	int ret;

	if (!memory_is_place(span.addr)) {
		span.len = attached_at(span.addr);
		if (!span.len)
			return 1;
	}
	if (holds_any(span.addr, segment_npages[NSEGMENTS - 1] * page))
		return 1;
	ret = shmdt(span.addr);
	slot_trim(op->arg[0], ret ? (struct span){ NULL, 0 } : span);
	return seen(ret, true);
}

static int apply_remap_file(const struct op *op)
{
	struct span span = memory_span(op->arg[0], op->arg[1]);
	int ret;

	if (holds_any(span.addr, span.len))
		return 1;
	ret = remap_file_pages(span.addr, span.len, 0, (size_t)op->arg[2], 0);
	slot_trim(op->arg[0], (struct span){ NULL, 0 });
	return seen(ret, true);
}

static int apply_brk(const struct op *op)
{
	char *old = sbrk(0), *new = old + op->arg[0];

	if (new < heap.addr || new > heap.addr + heap.len ||
	    holds_any(new, heap.len - (size_t)(new - heap.addr)))
		return 1;
	return seen(sbrk((intptr_t)op->arg[0]) == (void *)-1 ? -1 : 0, false);
}

int kinds_apply(const struct op *op)
{
	switch (op->kind) {
	case OP_SHMAT:
		return apply_shmat(op);
	case OP_SHMDT:
		return apply_shmdt(op);
	case OP_REMAP_FILE:
		return apply_remap_file(op);
	default:
		return apply_brk(op);
	}
}
