/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A call that locks or unlocks takes time for each resident page, and all
 * threads that map memory wait for it. So a large process is locked piece by
 * piece, in many stops.
 */
#include "config.h"

#include "attach.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "kernel/smaps.h"

/* The time of a stop, as planned, and its parts; in ns. Seen on 6.18. */
#define STOP_NS		1000000
#define CALL_NS		10000
#define VMA_NS		2000
#define LOOK_NS		200	/* at a VMA that needs no change */
#define LOCK_NS		40000	/* for 1 MiB resident, in 4-KiB pages */
#define UNLOCK_NS	95000

#define MIB		((size_t)1 << 20)
#define LARGE		((size_t)64 << 30)
#define MOST_PIECES	1024	/* of a large and sparse VMA */

struct planner {
	struct lof_plan *plan;
	const struct lof_attach *attach;
	size_t mib_ns;			/* for 1 MiB resident */
	size_t stop_ns;			/* of the stop that is planned */
	size_t at_once_ns;		/* of a call for the whole memory */
	bool has_any;
};

static struct lof_injected *add_call(struct lof_plan *plan)
{
	size_t size = plan->size ? 2 * plan->size : 64;
	struct lof_injected *calls = plan->calls;

	if (plan->ncalls == plan->size) {
		calls = reallocarray(calls, size, sizeof(*calls));
		if (!calls)
			return NULL;
		plan->calls = calls;
		plan->size = size;
	}
	calls += plan->ncalls++;
	*calls = (struct lof_injected){ .joins = false };
	return calls;
}

static bool needs_change(const struct lof_vma *vma, bool undo)
{
	if (undo)
		return vma->locked;
	return !(vma->locked && vma->onfault) && !vma->unlockable &&
	       !vma->secret;
}

/* Add a piece to the last call if it is its neighbour, and there is time. */
static bool extend_call(struct planner *planner, struct lof_range piece,
			size_t ns)
{
	struct lof_plan *plan = planner->plan;
	struct lof_injected *last = plan->calls + plan->ncalls - 1;

	if (planner->stop_ns == 0 || planner->stop_ns + ns > STOP_NS ||
	    last->args[0] + last->args[1] != piece.start)
		return false;
	last->args[1] += lof_range_len(piece);
	planner->stop_ns += ns;
	return true;
}

static int add_piece(struct planner *planner, struct lof_range piece, size_t ns)
{
	struct lof_injected *call;

	if (extend_call(planner, piece, ns))
		return 0;
	call = add_call(planner->plan);
	if (!call)
		return -ENOMEM;
	ns += CALL_NS;
	call->call = planner->attach->undo ? LOF_TRACED_MUNLOCK :
		LOF_TRACED_MLOCK2;
	call->args[0] = piece.start;
	call->args[1] = lof_range_len(piece);
	call->args[2] = planner->attach->undo ? 0 : MLOCK_ONFAULT;
	call->joins = planner->stop_ns > 0 && planner->stop_ns + ns <= STOP_NS;
	planner->stop_ns = call->joins ? planner->stop_ns + ns : ns;
	return 0;
}

/*
 * It is not known which pages of a VMA are resident. A piece is as long as a
 * stop has time for if all its pages are; but a large VMA that is almost empty
 * would have too many pieces.
 */
static size_t piece_len(const struct planner *planner,
			const struct lof_vma *vma)
{
	size_t len = lof_range_len(vma->range);
	size_t piece = STOP_NS / planner->mib_ns * MIB;

	if (vma->rss <= piece)
		return len;
	if (len > LARGE && vma->rss < len / 8)
		return (len / MOST_PIECES + MIB - 1) & ~(MIB - 1);
	return piece;
}

static int add_vma(struct planner *planner, const struct lof_vma *vma)
{
	size_t len = piece_len(planner, vma);
	struct lof_range piece = vma->range;
	int err = 0;

	planner->has_any = true;
	planner->at_once_ns += VMA_NS + vma->rss / 1024 * planner->mib_ns / 1024;
	for (; !err && piece.start < vma->range.end; piece.start = piece.end) {
		size_t rss = vma->rss < len ? vma->rss : len;

		piece.end = vma->range.end - piece.start > len ?
			piece.start + len : vma->range.end;
		err = add_piece(planner, piece, VMA_NS + rss / 1024 *
				planner->mib_ns / 1024);
	}
	return err;
}

/* vsyscall is no memory of the process. */
static bool is_of_kernel(const struct lof_vma *vma)
{
	return vma->range.start > UINTPTR_MAX / 2;
}

static int add_areas(struct planner *planner, int pid)
{
	struct lof_smaps smaps;
	struct lof_vma vma;
	int ret, err = 0;

	ret = lof_smaps_open(&smaps, pid);
	if (ret)
		return ret;
	while (!err && (ret = lof_smaps_next(&smaps, &vma)) > 0) {
		planner->at_once_ns += LOOK_NS;
		if (!is_of_kernel(&vma) &&
		    needs_change(&vma, planner->attach->undo))
			err = add_vma(planner, &vma);
	}
	lof_smaps_close(&smaps);
	return err ? err : ret;
}

void lof_plan_at_once(struct lof_plan *plan, const struct lof_attach *attach)
{
	plan->ncalls = 0;
	*add_call(plan) = (struct lof_injected){
		.call = attach->undo ? LOF_TRACED_MUNLOCKALL :
			LOF_TRACED_MLOCKALL,
		.args[0] = attach->undo ? 0 :
			(uint64_t)(attach->flags | MCL_ONFAULT),
	};
	plan->is_last = true;
}

int lof_plan_make(struct lof_plan *plan, int pid,
		  const struct lof_attach *attach, bool is_first)
{
	struct planner planner = {
		.plan = plan, .attach = attach,
		.mib_ns = attach->undo ? UNLOCK_NS : LOCK_NS,
	};
	bool leads = is_first && attach->flags & MCL_FUTURE && !attach->undo;
	int err;

	plan->ncalls = 0;
	plan->is_last = false;
	/* This call has a stop of its own. */
	if (!add_call(plan))
		return -ENOMEM;
	plan->calls[0].call = LOF_TRACED_MLOCKALL;
	plan->calls[0].args[0] = MCL_FUTURE | MCL_ONFAULT;
	if (!(attach->flags & MCL_CURRENT) && !attach->undo) {
		plan->is_last = true;
		return 0;
	}
	plan->ncalls = leads;
	err = add_areas(&planner, pid);
	if (err)
		return err;
	if (!planner.has_any && !is_first && !attach->undo)
		plan->is_last = true;
	else if (!planner.has_any || planner.at_once_ns <= STOP_NS)
		lof_plan_at_once(plan, attach);
	return 0;
}
