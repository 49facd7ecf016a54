/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The part of the ledger that fast calls read, and the macros that the ledger's
 * files use.
 */
#ifndef LOF_LEDGER_FRONT_H
#define LOF_LEDGER_FRONT_H

#include "base/published.h"
#include "ledger/blocks.h"

/* The race test leaves a part of the protocol out: the test must then fail. */
#ifndef LOF_LEFT_OUT
#define LOF_LEFT_OUT(part)	false
#endif

/* The exhaustive test switches to another call here. */
#ifndef LOF_SEAM
#define LOF_SEAM()	((void)0)
#endif

/* Always inline, for code that runs at each call; never inline. */
#define LOF_HOT		inline __attribute__((always_inline))
#define LOF_COLD	__attribute__((noinline, cold))

struct lof_front {
	struct lof_published_live live;	/* private to emulate */
	_Atomic uint32_t blind;		/* calls in flight that may lock where
					   no bit is set */
	_Atomic uint32_t moves;		/* times that a note was copied from
					   another range */
	struct lof_blocks summary;	/* bitmap: something may be noted */
};

extern struct lof_front *const lof_the_front
	__attribute__((visibility("hidden")));

#endif
