/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * MCL_FUTURE by our own hand (LOF_FUTURE): what is mapped is locked on fault
 * when the wrappers map it, and what libc maps unseen when somebody asks.
 */
#ifndef LOF_EMULATE_MCLFUTURE_EMULATED_H
#define LOF_EMULATE_MCLFUTURE_EMULATED_H

#include "base/range.h"
#include "emulate/mclfuture.h"

/*
 * How MCL_FUTURE on fault is to be had: 0, by the kernel; else LOF_MCLFUTURE_OURS,
 * with LOF_MCLFUTURE_OURS_LIMITED where the limit holds for this process.
 */
unsigned int lof_emulate_choose(void);

/* Private to the one below. */
void lof_emulate_now(struct lof_range range, int prot);

/* A wrapper mapped range, or made it accessible. */
static inline void lof_emulate(struct lof_range range, int prot)
{
	if (lof_mclfuture_emulated())
		lof_emulate_now(range, prot);
}

/* Begin: what is mapped now is wanted too, or is not. */
void lof_emulate_from_now(bool wants_current);

/* Put what is mapped now into the process's own budget. As lof_emulate_all(). */
int lof_emulate_into_budget(void);

/* Lock what is mapped now. 0; a negative errno: smaps cannot be read. */
int lof_emulate_all(void);

/* What is not locked, in bytes: that may be written to, and the rest. */
struct lof_unemulated {
	uint64_t writable, other;
};

/* All 0 if nothing is followed. As lof_emulate_all(). */
int lof_emulate_count(struct lof_unemulated *count);

#endif
