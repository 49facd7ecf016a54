/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How MCL_FUTURE locks new mappings. If calls that change MCL_FUTURE overlap,
 * the last call to return leaves the kind unknown. A probe then finds the kind.
 */
#ifndef LOF_EMULATE_MCLFUTURE_H
#define LOF_EMULATE_MCLFUTURE_H

#include "ledger/fastpath.h"
#include "lockonfault.h"

/* Values besides enum lof_kind. */
#define LOF_MCLFUTURE_UNKNOWN	3
#define LOF_MCLFUTURE_SAME		(-1)

/*
 * OURS: the kernel's MCL_FUTURE is off, and the wrappers lock their new
 * mappings on fault. OURS_LIMITED: RLIMIT_MEMLOCK applies to the process, or
 * LOF_CONVERT is set with LOF_CONVERT_MAX, and the wrappers lock
 * within the limit (mclfuture_emulated.h).
 */
#define LOF_MCLFUTURE_OURS		0x80
#define LOF_MCLFUTURE_OURS_LIMITED	0x40

struct lof_mclfuture_update {
	uint32_t number;
	bool overlaps;
};

/*
 * Call begin before a system call that may change MCL_FUTURE, and end after it.
 * kind is the new state:
 *
 * an enum lof_kind                      the kernel's MCL_FUTURE
 * LOF_MCLFUTURE_OURS                    emulated
 * OURS | LOF_MCLFUTURE_OURS_LIMITED     emulated within the limit
 * LOF_MCLFUTURE_SAME                    the call failed
 */
struct lof_mclfuture_update lof_mclfuture_begin(void);
void lof_mclfuture_end(struct lof_mclfuture_update turn, int kind);

/* The word: the kind, the count of in-flight calls, the count of changes. */
#define LOF_MCLFUTURE_KIND(word)		((unsigned int)((word) & 0x3f))
#define LOF_MCLFUTURE_EMULATED(word)	((unsigned int)((word) & \
						LOF_PUBLISHED_EMULATED))
#define LOF_MCLFUTURE_CHANGING(word)	((word) >> 8 & 0xffff)

/*
 * The kind that is known without a probe. lof_mclfuture_is_still() tells if no
 * call has changed the kind since.
 */
static inline uint64_t lof_mclfuture_look(unsigned int *kind)
{
	uint64_t word = atomic_load(&lof_the_front->live.future);

	*kind = LOF_MCLFUTURE_CHANGING(word) ? LOF_MCLFUTURE_UNKNOWN
					  : LOF_MCLFUTURE_KIND(word);
	return word;
}

/* 0, or the bits LOF_MCLFUTURE_OURS and LOF_MCLFUTURE_OURS_LIMITED. */
static inline unsigned int lof_mclfuture_emulated(void)
{
	return LOF_MCLFUTURE_EMULATED(
		atomic_load_explicit(&lof_the_front->live.future,
				     memory_order_relaxed));
}

static inline bool lof_mclfuture_is_still(uint64_t look)
{
	unsigned int kind;

	return LOF_MCLFUTURE_CHANGING(look) == 0 &&
	       lof_mclfuture_look(&kind) == look;
}

/* The kernel's kind, an enum lof_kind. Probes the kernel if it is unknown. */
unsigned int lof_mclfuture_known(void);

/* Probe the kernel in any case. */
void lof_mclfuture_sync(void);

#endif
