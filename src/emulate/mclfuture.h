/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How MCL_FUTURE locks what will be mapped. Calls that change it may overlap;
 * then the last one out leaves it unknown, and a new mapping is looked at.
 */
#ifndef LOF_EMULATE_MCLFUTURE_H
#define LOF_EMULATE_MCLFUTURE_H

#include "ledger/fastpath.h"
#include "lockonfault.h"

/* Besides enum lof_kind */
#define LOF_MCLFUTURE_UNKNOWN	3
#define LOF_MCLFUTURE_SAME		(-1)

/*
 * The kernel has none, and the wrappers lock on fault what they map; within the
 * limit, which the process is subject to (follow.h).
 */
#define LOF_MCLFUTURE_OURS		0x80
#define LOF_MCLFUTURE_OURS_LIMITED	0x40

struct lof_mclfuture_update {
	uint32_t number;
	bool overlaps;
};

/*
 * A system call is about to change it, and has made kind of it: an enum lof_kind,
 * or LOF_MCLFUTURE_OURS, or that and LOF_MCLFUTURE_OURS_LIMITED; LOF_MCLFUTURE_SAME: it failed.
 */
struct lof_mclfuture_update lof_mclfuture_begin(void);
void lof_mclfuture_end(struct lof_mclfuture_update turn, int kind);

/* The word: a kind, how many calls are changing it, how many ever did. */
#define LOF_MCLFUTURE_KIND(word)		((unsigned int)((word) & 0x3f))
#define LOF_MCLFUTURE_EMULATED(word)	((unsigned int)((word) & 0xc0))
#define LOF_MCLFUTURE_CHANGING(word)	((word) >> 8 & 0xffff)

/* What is known without asking, and whether that was so all the while since. */
static inline uint64_t lof_mclfuture_look(unsigned int *kind)
{
	uint64_t word = atomic_load(&lof_the_front->future);

	*kind = LOF_MCLFUTURE_CHANGING(word) ? LOF_MCLFUTURE_UNKNOWN
					  : LOF_MCLFUTURE_KIND(word);
	return word;
}

/* Do the wrappers lock what they map: LOF_MCLFUTURE_OURS, LOF_MCLFUTURE_OURS_LIMITED */
static inline unsigned int lof_mclfuture_emulated(void)
{
	return LOF_MCLFUTURE_EMULATED(atomic_load_explicit(&lof_the_front->future,
							memory_order_relaxed));
}

static inline bool lof_mclfuture_is_still(uint64_t look)
{
	unsigned int kind;

	return LOF_MCLFUTURE_CHANGING(look) == 0 && lof_mclfuture_look(&kind) == look;
}

/* The kernel's, an enum lof_kind; it is asked if need be. */
unsigned int lof_mclfuture_known(void);

/* Ask the kernel in any case. */
void lof_mclfuture_sync(void);

#endif
