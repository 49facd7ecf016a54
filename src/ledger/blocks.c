/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The bitmap of blocks, for ranges of any length. A page of bits is got before
 * the first bit in it is set, and is never given back.
 */
#include "config.h"

#include "ledger/blocks.h"

#include "kernel/own_memory.h"
#include "kernel/sys.h"

#define CHUNK_BYTES	(LOF_CHUNK_WORDS * sizeof(uint64_t))

static lof_bits *chunk_of(struct lof_blocks *summary, struct lof_word at)
{
	return atomic_load(&summary->chunk[at.chunk]);
}

static bool is_page(const lof_bits *bits)
{
	return bits && bits != LOF_BLOCKS_ALL;
}

/*
 * Call a visitor for each word that has bits of range, but only once for a
 * chunk that has no page of bits. A visitor that returns true ends the visit.
 */
typedef bool (*visitor)(struct lof_blocks *summary, struct lof_word at);

static bool visit(struct lof_blocks *summary, struct lof_range range,
		  visitor what)
{
	while (!lof_range_is_empty(range)) {
		struct lof_word at = lof_blocks_word(range.start,
						      range.end - 1);
		uint64_t span = LOF_BLOCK * 64;

		if (at.chunk >= LOF_NCHUNKS)
			return false;
		if (what(summary, at))
			return true;
		if (!is_page(chunk_of(summary, at)))
			span = (uint64_t)1 << LOF_CHUNK_BITS;
		range.start = (uintptr_t)(range.start | (span - 1)) + 1;
		if (range.start == 0)
			break;
	}
	return false;
}

static bool has(struct lof_blocks *summary, struct lof_word at)
{
	lof_bits *bits = chunk_of(summary, at);

	if (!is_page(bits))
		return bits;
	return atomic_load(&bits[at.word]) & at.mask;
}

/* A part of range lies above the addresses with bits: it counts as tracked. */
static bool reaches_above(struct lof_range range)
{
	return (uint64_t)(range.end - 1) >> LOF_CHUNK_BITS >= LOF_NCHUNKS;
}

bool lof_blocks_has_many(struct lof_blocks *summary, struct lof_range range)
{
	return reaches_above(range) || visit(summary, range, has);
}

/* True: some of the bits are not set. */
static bool lacks(struct lof_blocks *summary, struct lof_word at)
{
	lof_bits *bits = chunk_of(summary, at);

	return bits != LOF_BLOCKS_ALL &&
	       (!bits || (atomic_load(&bits[at.word]) & at.mask) != at.mask);
}

static bool set(struct lof_blocks *summary, struct lof_word at)
{
	lof_bits *bits = chunk_of(summary, at), *none = NULL;

	if (!bits)
		atomic_compare_exchange_strong(&summary->chunk[at.chunk],
					       &none, LOF_BLOCKS_ALL);
	else if (lacks(summary, at))
		atomic_fetch_or(&bits[at.word], at.mask);
	return false;
}

/* Take one of the first pages. NULL: all are in use. */
static lof_bits *take_first(struct lof_blocks *summary)
{
	uint32_t n = atomic_load(&summary->nfirst);

	while (n < LOF_NFIRST)
		if (atomic_compare_exchange_strong(&summary->nfirst, &n, n + 1))
			return summary->first[n];
	return NULL;
}

static lof_bits *map_page(void)
{
	struct lof_range memory;

	if (lof_own_map(CHUNK_BYTES, &memory))
		return NULL;
	lof_sys_madvise(memory.start, CHUNK_BYTES, MADV_WIPEONFORK);
	return (lof_bits *)memory.start;
}

static void get_chunk(struct lof_blocks *summary, size_t chunk)
{
	lof_bits *none = NULL, *bits;

	if (chunk >= LOF_NCHUNKS || atomic_load(&summary->chunk[chunk]))
		return;
	bits = take_first(summary);
	if (!bits)
		bits = map_page();
	/* If another thread installed a page first, this page is lost. */
	if (bits)
		atomic_compare_exchange_strong(&summary->chunk[chunk], &none,
					       bits);
}

void lof_blocks_prepare_many(struct lof_blocks *summary,
			      struct lof_range range)
{
	if (lof_range_is_empty(range))
		return;
	/* The chunks between these two are tracked as a whole. */
	get_chunk(summary, (size_t)((uint64_t)range.start >> LOF_CHUNK_BITS));
	get_chunk(summary, (size_t)((uint64_t)(range.end - 1) >>
				    LOF_CHUNK_BITS));
}

bool lof_blocks_set_many(struct lof_blocks *summary, struct lof_range range)
{
	bool lacked = visit(summary, range, lacks);

	if (lacked) {
		visit(summary, range, set);
		atomic_store(&summary->is_used, 1);
	} else if (reaches_above(range)) {
		lacked = !atomic_exchange(&summary->is_used, 1);
	}
	return lacked;
}

static bool clear(struct lof_blocks *summary, struct lof_word at)
{
	lof_bits *bits = chunk_of(summary, at);

	if (is_page(bits))
		atomic_fetch_and(&bits[at.word], ~at.mask);
	return false;
}

void lof_blocks_clear(struct lof_blocks *summary, struct lof_range range)
{
	atomic_fetch_add(&summary->cleared, 1);
	visit(summary, range, clear);
}
