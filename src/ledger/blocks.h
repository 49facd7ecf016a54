/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which granules of 2 MiB may hold something tracked: a bit for each, so that
 * the question is two loads. A bit is set before anything is locked in its
 * granule, and may stay when nothing is any more. No locking here: bits are
 * set by anybody, and cleared by who holds the lock of the books.
 */
#ifndef LOF_LEDGER_BLOCKS_H
#define LOF_LEDGER_BLOCKS_H

#include <stdatomic.h>

#include "base/range.h"

#ifndef LOF_BLOCK_BITS
#define LOF_BLOCK_BITS	21
#endif
#define LOF_BLOCK		((uintptr_t)1 << LOF_BLOCK_BITS)

/* A page of bits is 4 KiB, for 64 GiB. Above 128 TiB all may be tracked. */
#define LOF_CHUNK_WORDS		512
#define LOF_CHUNK_BITS		(LOF_BLOCK_BITS + 15)
#if UINTPTR_MAX > UINT32_MAX
#define LOF_BLOCKS_ADDRESS_BITS	47
#else
#define LOF_BLOCKS_ADDRESS_BITS	32
#endif
#define LOF_NCHUNKS		(LOF_CHUNK_BITS > LOF_BLOCKS_ADDRESS_BITS ? 1 : \
				 (size_t)1 << (LOF_BLOCKS_ADDRESS_BITS - LOF_CHUNK_BITS))

typedef _Atomic uint64_t lof_bits;

/* Pages of bits that need not be mapped: for the heap, the stack, ... */
#define LOF_NFIRST		8

/* All zero: nothing is tracked. */
struct lof_blocks {
	_Atomic uint32_t is_used;	/* 0: nothing was ever set */
	_Atomic uint32_t cleared;	/* times that bits were cleared */
	_Atomic uint32_t nfirst;	/* of the first pages in use */
	lof_bits *_Atomic chunk[LOF_NCHUNKS];
	lof_bits first[LOF_NFIRST][LOF_CHUNK_WORDS];
};

/* Of a chunk that there is no memory for; or that is tracked as a whole. */
#define LOF_BLOCKS_ALL		((lof_bits *)1)

/* The bits of a range within one word. */
struct lof_word {
	size_t chunk, word;
	uint64_t mask;
};

static inline struct lof_word lof_blocks_word(uintptr_t addr, uintptr_t last)
{
	uint64_t first = addr >> LOF_BLOCK_BITS, end = last >> LOF_BLOCK_BITS;
	uint64_t mask = ~(uint64_t)0 << first % 64;

	if (end / 64 == first / 64)
		mask &= ~(uint64_t)0 >> (63 - end % 64);
	return (struct lof_word){
		(size_t)((uint64_t)addr >> LOF_CHUNK_BITS),
		(size_t)(first / 64 % LOF_CHUNK_WORDS), mask
	};
}

bool lof_blocks_has_many(struct lof_blocks *summary, struct lof_range range);

/*
 * The bits of a range that lies within one word, as most do; all of them if the
 * whole chunk is tracked. False: it does not.
 */
static inline bool lof_blocks_look(struct lof_blocks *summary,
				    struct lof_range range, uint64_t *found,
				    uint64_t *mask)
{
	struct lof_word at = lof_blocks_word(range.start, range.end - 1);
	lof_bits *bits;

	if (range.start >> LOF_BLOCK_BITS >> 6 !=
	    (range.end - 1) >> LOF_BLOCK_BITS >> 6 ||
	    at.chunk >= LOF_NCHUNKS)
		return false;
	bits = atomic_load_explicit(&summary->chunk[at.chunk],
				    memory_order_acquire);
	*mask = *found = at.mask;
	if (!bits)
		*found = 0;
	else if (bits != LOF_BLOCKS_ALL)
		*found &= atomic_load_explicit(&bits[at.word],
					       memory_order_acquire);
	return true;
}

/* False: nothing in range is tracked. */
static inline bool lof_blocks_has(struct lof_blocks *summary,
				   struct lof_range range)
{
	uint64_t found, mask;

	if (!atomic_load_explicit(&summary->is_used, memory_order_acquire) ||
	    lof_range_is_empty(range))
		return false;
	return lof_blocks_look(summary, range, &found, &mask) ?
	       found : lof_blocks_has_many(summary, range);
}

/* True: all of it has bits, for certain. */
static inline bool lof_blocks_has_all(struct lof_blocks *summary,
				       struct lof_range range)
{
	uint64_t found, mask;

	return lof_range_is_empty(range) ||
	       (lof_blocks_look(summary, range, &found, &mask) &&
		found == mask);
}

/*
 * Get the pages that bits of range lie in. Maps memory: not with a lock held.
 * What it cannot get is tracked as a whole from the first bit on.
 */
void lof_blocks_prepare_many(struct lof_blocks *summary,
			      struct lof_range range);

static inline void lof_blocks_prepare(struct lof_blocks *summary,
				       struct lof_range range)
{
	if (!lof_blocks_has_all(summary, range))
		lof_blocks_prepare_many(summary, range);
}

/* Set bits. True: some of them were not. */
bool lof_blocks_set_many(struct lof_blocks *summary, struct lof_range range);

static inline bool lof_blocks_set(struct lof_blocks *summary,
				   struct lof_range range)
{
	return !lof_blocks_has_all(summary, range) &&
	       lof_blocks_set_many(summary, range);
}

/* The granules that range touches hold nothing. */
void lof_blocks_clear(struct lof_blocks *summary, struct lof_range range);

/* The whole granules that range touches. */
static inline struct lof_range lof_blocks_whole(struct lof_range range)
{
	uintptr_t mask = LOF_BLOCK - 1, end;

	range.start &= ~mask;
	if (__builtin_add_overflow(range.end, mask, &end))
		end = ~(uintptr_t)0;
	range.end = end & ~mask;
	return range;
}

#endif
