/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The bitmap of blocks of 2 MiB: a bit for each block that may hold something
 * tracked, so that a lookup is two loads. A bit is set before anything is
 * locked in its block. It may stay set when nothing is locked there any more.
 * There is no lock here: any thread sets bits, and only the owner of the
 * ledger's lock clears bits.
 */
#ifndef LOF_LEDGER_BLOCKS_H
#define LOF_LEDGER_BLOCKS_H

#include <stdatomic.h>

#include "base/range.h"

#ifndef LOF_BLOCK_BITS
#define LOF_BLOCK_BITS	21
#endif
#define LOF_BLOCK		((uintptr_t)1 << LOF_BLOCK_BITS)

/*
 * A chunk is 64 GiB: its bits are a page of 4 KiB. Addresses that the kernel
 * does not choose without a hint (above 128 TiB; on arm64, 256 TiB) have no bits,
 * and count as tracked as soon as any bit was set.
 */
#define LOF_CHUNK_WORDS		512
#define LOF_CHUNK_BITS		(LOF_BLOCK_BITS + 15)
#if defined(__aarch64__)
#define LOF_BLOCKS_ADDRESS_BITS	48
#elif UINTPTR_MAX > UINT32_MAX
#define LOF_BLOCKS_ADDRESS_BITS	47
#else
#define LOF_BLOCKS_ADDRESS_BITS	32
#endif
#define LOF_NCHUNKS \
	(LOF_CHUNK_BITS > LOF_BLOCKS_ADDRESS_BITS ? 1 : \
	 (size_t)1 << (LOF_BLOCKS_ADDRESS_BITS - LOF_CHUNK_BITS))

typedef _Atomic uint64_t lof_bits;

/* Pages of bits that need no mmap: for the heap, the stack, ... */
#define LOF_NFIRST		8

/* All zero: nothing is tracked. */
struct lof_blocks {
	_Atomic uint32_t is_used;	/* 0: no bit was ever set */
	_Atomic uint32_t cleared;	/* times that bits were cleared */
	_Atomic uint32_t nfirst;	/* pages of first[] in use */
	lof_bits *_Atomic chunk[LOF_NCHUNKS];
	lof_bits first[LOF_NFIRST][LOF_CHUNK_WORDS];
};

/* Instead of a page of bits: the whole chunk counts as tracked. */
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
 * Get the bits of a range that lies within one word, as most ranges do. If the
 * whole chunk is tracked all bits are found.
 *
 * true      *found are the bits that are set, *mask all bits of the range
 * false     the range spans words, or lies above the addresses with bits
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

/* True: the bits of all blocks of range are set. False: look further. */
static inline bool lof_blocks_has_all(struct lof_blocks *summary,
				       struct lof_range range)
{
	uint64_t found, mask;

	return lof_range_is_empty(range) ||
	       (lof_blocks_look(summary, range, &found, &mask) &&
		found == mask);
}

/*
 * Get the pages for the bits of range. This maps memory: never call it with a
 * lock held. A chunk without a page is tracked as a whole from its first bit
 * on.
 */
void lof_blocks_prepare_many(struct lof_blocks *summary,
			      struct lof_range range);

static inline void lof_blocks_prepare(struct lof_blocks *summary,
				       struct lof_range range)
{
	if (!lof_blocks_has_all(summary, range))
		lof_blocks_prepare_many(summary, range);
}

/* Set the bits of range. True: at least one was not set before. */
bool lof_blocks_set_many(struct lof_blocks *summary, struct lof_range range);

static inline bool lof_blocks_set(struct lof_blocks *summary,
				   struct lof_range range)
{
	return !lof_blocks_has_all(summary, range) &&
	       lof_blocks_set_many(summary, range);
}

/* Clear the bits of the blocks that range touches: they hold nothing. */
void lof_blocks_clear(struct lof_blocks *summary, struct lof_range range);

/* Widen range to whole blocks. */
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
