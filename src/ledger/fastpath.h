/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The fast path: all of the ledger that a call reads if nothing is noted in its
 * memory. It makes no system call and writes nothing. It takes the lock only if
 * something is noted nearby, in the same block of 2 MiB.
 */
#ifndef LOF_LEDGER_FASTPATH_H
#define LOF_LEDGER_FASTPATH_H

#include "ledger/front.h"

/*
 * A call on memory where nothing is noted:
 *
 *	struct lof_fastpath path;
 *
 *	if (lof_fastpath_begin(&path, range)) {
 *		err = lof_sys_munmap(addr, len);
 *		if (!lof_fastpath_holds(&path))
 *			lof_fastpath_repair(&path, LOF_UNMAPPED);
 *		return err;
 *	}
 *
 * A call that locks memory sets the bits of its range before its system call,
 * or counts as blind. If the kernel does a fast call after the locking call,
 * the fast call finds the bit or the blind call when it looks again. If the
 * kernel does the fast call first, it does not change the effect of the locking
 * call. Never use the fast path for a call that locks or moves memory: no other
 * call would know of it.
 */
struct lof_fastpath {
	struct lof_range range;
	uint32_t cleared, moves;

	/* A bit was set for other memory, so the trees were searched. */
	bool is_exact;
	uint32_t generation;		/* of the lock at the first look */
	uint64_t landings;		/* logged before the first look */
};

/* Private to the two below: the exact look, and the look after the call. */
bool lof_fastpath_look(struct lof_fastpath *path);
bool lof_fastpath_look_again(const struct lof_fastpath *path);

/* True: nothing is noted in range. */
static LOF_HOT bool lof_fastpath_begin(struct lof_fastpath *path,
				       struct lof_range range)
{
	struct lof_front *front = lof_the_front;
	bool is_noted;

	path->range = range;
	path->moves = atomic_load(&front->moves);
	path->cleared = atomic_load(&front->summary.cleared);
	LOF_SEAM();
	is_noted = lof_blocks_has(&front->summary, range);
	LOF_SEAM();
	path->is_exact = false;
	return !is_noted || lof_fastpath_look(path);
}

/*
 * True: nothing was noted in range from the first look until now. The caller
 * may have set path->range meanwhile to the place that the kernel chose for a
 * new mapping. A blind call sets bits before it stops counting as blind: so the
 * count is read first.
 */
static LOF_HOT bool lof_fastpath_holds(const struct lof_fastpath *path)
{
	struct lof_front *front = lof_the_front;

	if (LOF_LEFT_OUT(SECOND_LOOK))
		return true;
	if (path->is_exact)
		return lof_fastpath_look_again(path);
	if (atomic_load(&front->blind) != 0)
		return false;
	LOF_SEAM();
	if (lof_blocks_has(&front->summary, path->range))
		return false;
	LOF_SEAM();
	return atomic_load(&front->summary.cleared) == path->cleared;
}

/* The change that the call made to the mapping in its range. */
enum lof_fastpath_did {
	LOF_UNLOCKED,		/* the mapping is still there */
	LOF_UNMAPPED,		/* it is gone, or another mapping is there */
	LOF_MAPPED_ANEW,	/* it is new: the kernel chose a free place */
};

/* lof_fastpath_holds() returned false: log this call and mark its range. */
void lof_fastpath_repair(const struct lof_fastpath *path,
			 enum lof_fastpath_did did);

#endif
