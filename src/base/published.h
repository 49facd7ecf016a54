/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Facts that `lockonfault status` reads from outside, with process_vm_readv().
 * It finds them by the mark, in the writable data of liblockonfault.so. The
 * library itself reads none of them but its own `live`.
 */
#ifndef LOF_BASE_PUBLISHED_H
#define LOF_BASE_PUBLISHED_H

#include <stdatomic.h>
#include <stdint.h>

/* The number is that of the layout. */
#define LOF_PUBLISHED_MARK	"<liblockonfault/status-2>"

enum lof_published_shim {
	LOF_PUBLISHED_NO_SHIM	= 0,	/* a program linked with the library */
	LOF_PUBLISHED_INERT	= 1,
	LOF_PUBLISHED_ACTIVE	= 2
};

/* The offsets are the same in 32 and 64 bits. */
struct lof_published {
	char mark[28];
	_Atomic uint32_t shim;		/* enum lof_published_shim */
	_Atomic uint64_t bound;		/* LOF_CONVERT_MAX, bytes; 0: none */
	_Atomic uint64_t live;		/* address of a struct
					   lof_published_live; 0: not yet */
	_Atomic uint32_t sync_ms;	/* LOF_SYNC_MS */
	_Atomic uint32_t is_stalled;	/* the thread of LOF_SYNC_MS could not
					   be started */
};

/* A child of fork finds zeroes here, like its ledger. */
struct lof_published_live {
	_Atomic uint64_t future;	/* private to emulate/mclfuture.h */
	_Atomic uint64_t over;		/* bytes touched and not locked, at the
					   last scan of the budgets */
	_Atomic uint64_t faults;	/* of the process, at its mark; 0: it
					   has no mark */
	/* private to emulate/mclfuture_emulated.c but to `status`: */
	_Atomic uint64_t left_out;	/* bytes that MCL_CURRENT alone had no
					   room for, */
	_Atomic uint64_t passed_over;	/* and did not lock otherwise, */
	_Atomic uint64_t left_at;	/* while `future` has this value */
};

/* The bits of `future` while the library emulates MCL_FUTURE. */
#define LOF_PUBLISHED_EMULATED	0xc0

extern struct lof_published lof_published
	__attribute__((visibility("hidden")));

#endif
