/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * MCL_FUTURE emulated by the library (option LOF_FUTURE): a wrapper that maps
 * memory locks it on fault. Memory that libc maps unseen is locked by
 * lof_sync() and lof_catch_up().
 */
#ifndef LOF_EMULATE_MCLFUTURE_EMULATED_H
#define LOF_EMULATE_MCLFUTURE_EMULATED_H

#include "base/range.h"
#include "emulate/mclfuture.h"

/*
 * Choose the way of MCL_FUTURE on fault.
 *
 * 0                               the kernel's, not emulated
 * LOF_MCLFUTURE_OURS              emulated
 * | LOF_MCLFUTURE_OURS_LIMITED    and the limit applies to this process, or
 *                                 LOF_CONVERT is set with LOF_CONVERT_MAX
 */
unsigned int lof_emulate_choose(bool is_converted);

/* Private to lof_emulate(). */
void lof_emulate_now(struct lof_range range, int prot);

/* A wrapper mapped range, or made range accessible. */
static inline void lof_emulate(struct lof_range range, int prot)
{
	if (lof_mclfuture_emulated())
		lof_emulate_now(range, prot);
}

/* Begin to emulate. Present mappings are locked too only if wants_current. */
void lof_emulate_from_now(bool wants_current);

/*
 * Put present writable mappings into the process's own budget. Returns as
 * lof_emulate_all().
 */
int lof_emulate_into_budget(void);

/*
 * Lock present mappings, if MCL_FUTURE is emulated.
 *
 * 0         done
 * negative  the errno: smaps could not be read
 */
int lof_emulate_all(void);

/*
 * Unlock the lowest page of each stack, after all memory was locked: the process
 * would be killed if the growth of a locked stack did not fit the limit.
 */
void lof_emulate_spare_stacks(void);

/* The program maps a stack of its own (MAP_GROWSDOWN). */
void lof_emulate_note_stack(void);

/*
 * Bytes that are not locked: writable memory that would be, if the limit had
 * room, and other memory.
 */
struct lof_unemulated {
	uint64_t writable, other;
	uint64_t skipped;	/* of the writable: not to be locked (skip.h) */
};

/*
 * While MCL_FUTURE is emulated: all such bytes. Otherwise: the bytes that
 * lof_emulate_note_left() noted, if no call changed MCL_FUTURE since, or 0.
 * Returns as lof_emulate_all().
 */
int lof_emulate_count(struct lof_unemulated *count);

/* mlockall(MCL_CURRENT) left these bytes out. */
void lof_emulate_note_left(const struct lof_unemulated *count);

#endif
