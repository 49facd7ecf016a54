/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The front of the books: all that a call looks at which is on memory where
 * nothing is tracked, as most are. No lock, no system call, and nothing written.
 */
#ifndef LOF_GLANCE_H
#define LOF_GLANCE_H

#include "summary.h"

/* The race test leaves a part of the protocol out to see that it notices. */
#ifndef LOF_LEFT_OUT
#define LOF_LEFT_OUT(part)	false
#endif

/* To be built into what is called all the time, or just not. */
#define LOF_HOT		inline __attribute__((always_inline))
#define LOF_COLD	__attribute__((noinline, cold))

struct lof_front {
	_Atomic uint64_t future;	/* private to future.h */
	_Atomic uint32_t blind;		/* calls in flight that may book what
					   is locked where no bit is set */
	_Atomic uint32_t derived;	/* times that something was booked by
					   what was tracked elsewhere */
	struct lof_summary summary;	/* where something may be tracked */
};

/* NULL: nothing was ever tracked. */
extern struct lof_front *_Atomic lof_the_front
	__attribute__((visibility("hidden")));

static LOF_HOT struct lof_front *lof_front_known(void)
{
	return atomic_load_explicit(&lof_the_front, memory_order_acquire);
}

/*
 * A call on memory where nothing is tracked takes no lock:
 *
 *	struct lof_glance glance;
 *
 *	if (lof_glance_is_clear(&glance, range)) {
 *		err = lof_sys_munmap(addr, len);
 *		if (!lof_glance_holds(&glance))
 *			lof_glance_settle(&glance, LOF_UNMAPPED);
 *		return err;
 *	}
 *
 * Who locks something in a range sets its bit in the summary before its system
 * call, or counts as blind. So a call that comes after it in the kernel finds
 * that when it looks again; one that came before it does not matter to it. Not
 * for a call that locks, or moves what may be locked: nobody would know of it.
 */
struct lof_glance {
	struct lof_range range;
	struct lof_front *front;
	uint32_t cleared, derived;
};

/* Nothing is tracked or held in range. */
static LOF_HOT bool lof_glance_is_clear(struct lof_glance *glance,
				       struct lof_range range)
{
	struct lof_front *front = lof_front_known();

	glance->range = range;
	glance->front = front;
	glance->derived = 0;
	if (!front)
		return true;
	glance->derived = atomic_load(&front->derived);
	glance->cleared = atomic_load(&front->summary.cleared);
	return !lof_summary_has(&front->summary, range);
}

/*
 * It was so all the while. The range may be another one by now, that the kernel
 * chose for what is mapped anew. Whoever is blind sets bits before it is not: so
 * the count is read first.
 */
static LOF_HOT bool lof_glance_holds(const struct lof_glance *glance)
{
	struct lof_front *front = lof_front_known();

	if (!front || LOF_LEFT_OUT(SECOND_LOOK))
		return true;
	return front == glance->front && atomic_load(&front->blind) == 0 &&
	       !lof_summary_has(&front->summary, glance->range) &&
	       atomic_load(&front->summary.cleared) == glance->cleared;
}

/* What the call did to what was mapped in the range. */
enum lof_glanced {
	LOF_UNLOCKED,		/* it is still there */
	LOF_UNMAPPED,		/* it is not, or something else is */
	LOF_MAPPED_ANEW,	/* there was nothing: the kernel chose it */
};

/* It was not: see to it. */
void lof_glance_settle(const struct lof_glance *glance,
		       enum lof_glanced did);

#endif
