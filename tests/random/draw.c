/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Draw operations from a seed, without knowledge of the memory at run time. */
#include "config.h"

#include "random/calls.h"

#include "random/random.h"

static int64_t pages(size_t n)
{
	return (int64_t)(n * page);
}

int64_t draw_addr(struct stream *stream)
{
	size_t what = draw(stream, 100);
	int64_t jitter = chance(stream, 4) ? (int64_t)draw(stream, page) : 0;

	/* In a small arena more ranges overlap. */
	if (stream->arena < ARENA_NPAGES && chance(stream, 50))
		what = draw(stream, 72);
	if (stream->arena < ARENA_NPAGES && what >= 70 && what < 72)
		return ADDR(HEAP, pages(draw(stream, HEAP_NPAGES))) + jitter;
	if (what < 45)
		return ADDR(ARENA, pages(draw(stream, 24))) + jitter;
	if (what < 68)
		return ADDR(ARENA, pages(draw(stream, stream->arena))) + jitter;
	if (what < 70)
		return ADDR(ARENA, pages(draw(stream, stream->arena +
					      2 * MARGIN_NPAGES)) -
				   pages(MARGIN_NPAGES));
	if (what < 78)
		return ADDR(STACK, pages(STACK_NPAGES - 1 -
					 draw(stream, 16))) + jitter;
	if (what < 99)
		return ADDR(SLOTS + (int)draw(stream, NSLOTS),
			    pages(draw(stream, 8))) + jitter;
	return chance(stream, 50) ? ADDR(NOWHERE, pages(draw(stream, 4)))
				  : ADDR(TOP, -pages(draw(stream, 4)));
}

int64_t draw_len(struct stream *stream)
{
	size_t what = draw(stream, 100);
	int64_t jitter = chance(stream, 6) ? (int64_t)draw(stream, page) : 0;

	if (what < 30)
		return pages(1) + jitter;
	if (what < 84)
		return pages(1 + draw(stream, 7)) + jitter;
	if (what < 97)
		return pages(1 + draw(stream, 24)) + jitter;
	if (what < 99)
		return jitter;
	return -pages(draw(stream, 3)) - (int64_t)draw(stream, 2);
}

static int64_t draw_lock_len(struct stream *stream)
{
	return chance(stream, 1) ?
	       (int64_t)((uint64_t)1 << (36 + draw(stream, 28))) :
	       draw_len(stream);
}

static int64_t draw_prot(struct stream *stream)
{
	return PICK(stream, PROT_NONE, PROT_READ, PROT_READ | PROT_WRITE,
		    PROT_READ | PROT_WRITE, PROT_READ | PROT_WRITE,
		    PROT_READ | PROT_WRITE, PROT_READ | PROT_EXEC, PROT_WRITE);
}

static int64_t draw_lock_flags(struct stream *stream)
{
	return chance(stream, 2) ? PICK(stream, 4, 0x10, 0x100000, -1)
				 : PICK(stream, 0, MLOCK_ONFAULT,
					MLOCK_ONFAULT);
}

static int64_t draw_unlock_flags(struct stream *stream)
{
	return chance(stream, 2) ? PICK(stream, 0, 4, -1)
				 : PICK(stream, MLOCK_ONFAULT, MLOCK_LOCKED,
					MLOCK_ONFAULT | MLOCK_LOCKED);
}

/* A target for MAP_FIXED: not address 0, where root may map memory. */
static int64_t draw_target(struct stream *stream)
{
	int64_t addr = draw_addr(stream);

	return ADDR_PLACE(addr) == NOWHERE ? ADDR(ARENA, ADDR_OFF(addr)) : addr;
}

/* d, a, l, P, M, f, n */
void draw_map(struct stream *stream, const struct drawing *how,
	      struct op *op)
{
	int64_t flags = PICK(stream, MAP_PRIVATE, MAP_PRIVATE, MAP_SHARED);

	op->arg[0] = (int64_t)draw(stream, NSLOTS);
	op->arg[1] = ADDR(NOWHERE, 0);
	op->arg[2] = draw_len(stream);
	op->arg[3] = draw_prot(stream);
	if (chance(stream, 75)) {
		op->arg[1] = draw_target(stream);
		if (chance(stream, 40))
			op->arg[2] = pages(4 + draw(stream, 16));
		flags |= PICK(stream, MAP_FIXED, MAP_FIXED, MAP_FIXED,
			      MAP_FIXED_NOREPLACE, 0,
			      MAP_FIXED | MAP_FIXED_NOREPLACE);
	}
	op->arg[5] = PICK(stream, ANONYMOUS, ANONYMOUS, REGULAR, MEMFD);
	if (chance(stream, 1))
		op->arg[5] = BAD_FD;
	if (op->arg[5] == ANONYMOUS)
		flags |= MAP_ANONYMOUS;
	else
		op->arg[6] = (int64_t)draw(stream, FILE_NPAGES + 2);
	if (chance(stream, 25))
		flags |= MAP_LOCKED;
	if (chance(stream, 15))
		flags |= MAP_POPULATE;
	if (chance(stream, 15))
		flags |= MAP_NORESERVE;
	if (chance(stream, 5) && flags & MAP_ANONYMOUS)
		flags |= MAP_GROWSDOWN;
	if (chance(stream, 1))
		flags |= PICK(stream, MAP_32BIT, 0x40000000);
	/*
	 * The kernel rounds the length up to huge pages, and does not lock
	 * them. The library does not know that.
	 */
	if (how->known && chance(stream, 2) && !(flags & MAP_FIXED))
		flags |= MAP_HUGETLB;
	op->arg[4] = flags;
	/*
	 * The kernel locks some kinds without being asked, and never locks
	 * other kinds. Only lof_walk() with /proc finds that.
	 */
	if (how->kinds && how->repair)
		kinds_draw_map(stream, op);
}

/* d, a, l, l, R, a */
void draw_remap(struct stream *stream, struct op *op)
{
	int64_t flags = PICK(stream, 0, MREMAP_MAYMOVE, MREMAP_MAYMOVE,
			     MREMAP_MAYMOVE | MREMAP_FIXED,
			     MREMAP_MAYMOVE | MREMAP_FIXED,
			     MREMAP_MAYMOVE | MREMAP_FIXED,
			     MREMAP_MAYMOVE | MREMAP_DONTUNMAP,
			     MREMAP_MAYMOVE | MREMAP_DONTUNMAP | MREMAP_FIXED);

	op->arg[0] = (int64_t)draw(stream, NSLOTS);
	op->arg[1] = draw_addr(stream);
	op->arg[2] = chance(stream, 5) ? 0 : draw_len(stream);
	op->arg[3] = chance(stream, 60) && op->arg[2] ? op->arg[2]
						      : draw_len(stream);
	if (chance(stream, 2))
		flags = PICK(stream, MREMAP_FIXED, MREMAP_DONTUNMAP, 0x10, 7);
#ifdef LOF_MREMAP_NOPOPULATE
	if (chance(stream, 15))
		flags |= LOF_MREMAP_NOPOPULATE;
#endif
	op->arg[4] = flags;
	op->arg[5] = draw_target(stream);
}

static int64_t draw_advice(struct stream *stream)
{
	return PICK(stream, MADV_DONTNEED, MADV_DONTNEED, MADV_FREE,
		    MADV_DONTNEED_LOCKED, MADV_WILLNEED, MADV_POPULATE_READ,
		    MADV_POPULATE_WRITE, MADV_HUGEPAGE, MADV_NOHUGEPAGE,
		    MADV_COLD, MADV_PAGEOUT, MADV_DONTFORK, MADV_DOFORK,
		    MADV_WIPEONFORK, MADV_KEEPONFORK, MADV_RANDOM, MADV_REMOVE,
		    MADV_GUARD_INSTALL, MADV_GUARD_REMOVE, 9999);
}

static void draw_set(struct stream *stream, struct op *op)
{
#ifdef LOF_MREMAP_NOPOPULATE
	op->arg[0] = PICK(stream, LOF_CONVERT, LOF_DISCARD, LOF_FORK, LOF_HUGE,
			  LOF_HOLDS, LOF_FUTURE, LOF_CONVERT_MAX, 99);
#else
	op->arg[0] = PICK(stream, LOF_CONVERT, LOF_DISCARD, 99);
#endif
	op->arg[1] = (int64_t)draw(stream, op->arg[0] == LOF_CONVERT ? 4 : 3);
#ifdef LOF_MREMAP_NOPOPULATE
	if (op->arg[0] == LOF_CONVERT_MAX)
		op->arg[1] = pages(8 * (size_t)op->arg[1]);
#endif
}

/* How often each kind of operation is drawn. */
static const struct {
	int kind;
	size_t weight;
} weights[] = {
	{ OP_MLOCK, 60 }, { OP_MLOCK2, 150 }, { OP_MUNLOCK, 50 },
	{ OP_MUNLOCK2, 60 }, { OP_MLOCKALL, 3 }, { OP_MUNLOCKALL, 3 },
	{ OP_MUNLOCKALL2, 4 }, { OP_MMAP, 150 }, { OP_MMAP_ONFAULT, 40 },
	{ OP_MUNMAP, 40 }, { OP_MREMAP, 160 }, { OP_MPROTECT, 50 },
	{ OP_MADVISE, 50 }, { OP_TOUCH, 60 }, { OP_TRUNCATE, 5 },
	{ OP_QUERY, 50 }, { OP_STATS, 8 }, { OP_SET, 10 }, { OP_FORK, 3 },
	{ OP_END, 1 }, { OP_LIMIT, 6 },
#ifdef LOF_MREMAP_NOPOPULATE
	{ OP_POPULATE, 20 }, { OP_DISCARD, 20 }, { OP_HOLD, 60 },
	{ OP_DROP, 40 }, { OP_SYNC, 12 }, { OP_CATCH_UP, 4 }, { OP_BUDGET, 12 },
#endif
};

static int draw_kind(struct stream *stream)
{
	static size_t total;
	size_t what;

	if (!total)
		for (size_t i = 0; i < sizeof(weights) / sizeof(*weights); i++)
			total += weights[i].weight;
	what = draw(stream, total);
	for (size_t i = 0;; what -= weights[i++].weight)
		if (what < weights[i].weight)
			return weights[i].kind;
}

static void draw_args(struct stream *stream, struct op *op)
{
	op->arg[0] = draw_addr(stream);
	op->arg[1] = draw_len(stream);
	switch (op->kind) {
	case OP_MLOCK: case OP_MUNLOCK:
		op->arg[1] = draw_lock_len(stream);
		break;
	case OP_MLOCK2:
		op->arg[1] = draw_lock_len(stream);
		op->arg[2] = draw_lock_flags(stream);
		break;
	case OP_MUNLOCK2:
		op->arg[1] = draw_lock_len(stream);
		op->arg[2] = draw_unlock_flags(stream);
		break;
	case OP_MLOCKALL: case OP_MUNLOCKALL2:
		op->arg[0] = chance(stream, 5) ? 8 : (int)draw(stream, 8);
		break;
	case OP_MPROTECT:
		op->arg[2] = draw_prot(stream);
		break;
	case OP_MADVISE:
		op->arg[2] = draw_advice(stream);
		break;
	case OP_TOUCH:
		op->arg[2] = (int64_t)draw(stream, 2);
		break;
	case OP_TRUNCATE:
		op->arg[0] = PICK(stream, REGULAR, MEMFD);
		op->arg[1] = pages(draw(stream, FILE_NPAGES + 1));
		break;
#ifdef LOF_MREMAP_NOPOPULATE
	case OP_POPULATE:
		op->arg[2] = draw_prot(stream);
		break;
	case OP_HOLD:
		op->arg[2] = draw_lock_flags(stream);
		break;
	case OP_BUDGET:
		op->arg[2] = pages(draw(stream, 12));
		op->arg[3] = (int64_t)draw(stream, 3);
		break;
#endif
	default:
		break;
	}
}

void draw_op(struct stream *stream, const struct drawing *how, struct op *op)
{
	*op = (struct op){ .kind = draw_kind(stream) };
	if (how->kinds && chance(stream, 25)) {
		kinds_draw(stream, op);
		return;
	}
	switch (op->kind) {
	case OP_MMAP: case OP_MMAP_ONFAULT:
		draw_map(stream, how, op);
		break;
	case OP_MREMAP:
		draw_remap(stream, op);
		break;
	case OP_SET:
		draw_set(stream, op);
		break;
	case OP_LIMIT:
		op->arg[0] = pages(draw(stream, how->limited ? 200 : 1));
		if (!how->limited)
			op->kind = OP_STATS;
		break;
	default:
		draw_args(stream, op);
		break;
	}
}

/* Adjacent mappings of all files, and a hole. */
static void draw_arena(const struct stream *stream, struct log *log)
{
	static const struct {
		size_t first, n;
		int64_t prot, flags, what;
	} piece[] = {
		{ 0, 16, 3, MAP_PRIVATE | MAP_ANONYMOUS, ANONYMOUS },
		{ 16, 6, 3, MAP_SHARED | MAP_ANONYMOUS, ANONYMOUS },
		{ 22, 6, 3, MAP_PRIVATE, REGULAR },
		{ 28, 12, 3, MAP_SHARED, REGULAR },
		{ 40, 6, 3, MAP_SHARED, MEMFD },
		{ 46, 4, 0, MAP_PRIVATE | MAP_ANONYMOUS, ANONYMOUS },
		{ 54, 10, 3, MAP_PRIVATE | MAP_ANONYMOUS, ANONYMOUS },
	};

	for (size_t i = 0; i < sizeof(piece) / sizeof(*piece); i++)
		if (piece[i].first + piece[i].n <= stream->arena)
			log->op[log->n++] = (struct op){ OP_MMAP, {
				0, ADDR(ARENA, pages(piece[i].first)),
				pages(piece[i].n), piece[i].prot,
				piece[i].flags | MAP_FIXED, piece[i].what, 0 } };
	log->op[log->n++] = (struct op){ OP_MMAP, {
		0, ADDR(STACK, pages(STACK_NPAGES - 4)), pages(4), 3,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_GROWSDOWN | MAP_FIXED,
		ANONYMOUS, 0 } };
}

/* The operation that must follow soon, since this one slows down all others. */
static int ends_with(int kind)
{
	return kind == OP_MLOCKALL ? OP_MUNLOCKALL :
	       kind == OP_FORK ? OP_END : OP_NKINDS;
}

void draw_log(uint64_t seed, const struct drawing *how, struct log *log)
{
	struct stream stream = stream_of(seed);
	size_t n = log->n, end = 0;
	int ending = OP_NKINDS;

	log->n = 0;
	if (how->repair)
		log->op[log->n++] = (struct op){ OP_REPAIR, { 1 } };
	if (how->kinds) {
		stream.arena = ARENA_NPAGES_MIN + draw(&stream, ARENA_NPAGES -
						       ARENA_NPAGES_MIN + 1);
		log->op[log->n++] = (struct op){ OP_ARENA, {
			pages(stream.arena) } };
		/* Without this the shim converts all locks. */
		log->op[log->n++] = (struct op){ OP_SET, {
			LOF_CONVERT, (int64_t)draw(&stream, 2) } };
	}
	draw_arena(&stream, log);
	if (how->limited)
		log->op[log->n++] = (struct op){ OP_NOBODY, {
			pages(16 + draw(&stream, 240)) } };
	while (log->n < n) {
		struct op *op = &log->op[log->n++];

		if (ending != OP_NKINDS && log->n > end) {
			*op = (struct op){ .kind = ending };
			ending = OP_NKINDS;
			continue;
		}
		draw_op(&stream, how, op);
		if (ends_with(op->kind) != OP_NKINDS) {
			ending = ends_with(op->kind);
			end = log->n + 1 + draw(&stream, how->kinds ? 40 : 10);
		}
	}
}
