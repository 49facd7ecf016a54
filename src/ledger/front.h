/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What fast calls read of the ledger, and the words that its files are built
 * with.
 */
#ifndef LOF_LEDGER_FRONT_H
#define LOF_LEDGER_FRONT_H

#include "ledger/blocks.h"

/* The race test leaves a part of the protocol out to see that it notices. */
#ifndef LOF_LEFT_OUT
#define LOF_LEFT_OUT(part)	false
#endif

/* The exhaustive test changes over to another call here. */
#ifndef LOF_SEAM
#define LOF_SEAM()	((void)0)
#endif

/* To be built into what is called all the time, or just not. */
#define LOF_HOT		inline __attribute__((always_inline))
#define LOF_COLD	__attribute__((noinline, cold))

struct lof_front {
	_Atomic uint64_t future;	/* private to future.h */
	_Atomic uint32_t blind;		/* calls in flight that may lock where
					   no bit is set */
	_Atomic uint32_t moves;		/* locks that were noted because of
					   what was noted elsewhere */
	struct lof_blocks summary;	/* where something may be noted */
};

extern struct lof_front *const lof_the_front
	__attribute__((visibility("hidden")));

#endif
