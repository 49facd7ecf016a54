/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A call that locks or unlocks takes time for each resident page, and all
 * threads that map memory wait for it. So a large process is locked piece by
 * piece, in many stops. smaps would tell more than maps and pagemap do, but its
 * reader holds the lock of the memory while it looks at a whole VMA.
 */
#include "config.h"

#include "attach.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

/* The time of a stop, as planned, and its parts; in ns. Seen on 6.18. */
#define STOP_NS		1000000
#define CALL_NS		10000
#define VMA_NS		2000
#define LOCK_NS		40000	/* for 1 MiB resident, in 4-KiB pages */
#define UNLOCK_NS	95000

#define MIB		((uint64_t)1 << 20)
#define SMALL		((uint64_t)128 << 10)
#define LARGE		((uint64_t)64 << 30)
#define MOST_PIECES	1024	/* of a large and sparse VMA */

#define BLOCK_PAGES	512	/* looked at at once */
#define BLOCKS_AT_A_TIME 32	/* 1 ms, then a pause */
#define PAUSE_NS	200000
#define IS_PRESENT	(UINT64_C(1) << 63)	/* in pagemap */

struct planner {
	struct lof_plan *plan;
	bool undo;
	uint64_t page;
	uint64_t resident;		/* of the process, in bytes */
	uint64_t mib_ns;		/* for 1 MiB resident */
	uint64_t stop_ns;		/* of the stop that is planned */
	size_t nvmas;
	size_t nblocks;			/* looked at */
	int pagemap;
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

static uint64_t time_of(const struct planner *planner, uint64_t resident)
{
	return resident / 1024 * planner->mib_ns / 1024;
}

/* Add a piece to the last call if it is its neighbour, and there is time. */
static bool extend_call(struct planner *planner, uint64_t start, uint64_t len,
			uint64_t ns)
{
	struct lof_plan *plan = planner->plan;
	struct lof_injected *last;

	if (planner->stop_ns == 0 || planner->stop_ns + ns > STOP_NS)
		return false;
	last = &plan->calls[plan->ncalls - 1];
	if (last->args[0] + last->args[1] != start)
		return false;
	last->args[1] += len;
	planner->stop_ns += ns;
	return true;
}

static int add_piece(struct planner *planner, uint64_t start, uint64_t len,
		     uint64_t ns)
{
	struct lof_injected *call;

	if (extend_call(planner, start, len, ns))
		return 0;
	call = add_call(planner->plan);
	if (!call)
		return -ENOMEM;
	ns += CALL_NS;
	call->call = planner->undo ? LOF_TRACED_MUNLOCK : LOF_TRACED_MLOCK2;
	call->args[0] = start;
	call->args[1] = len;
	call->args[2] = planner->undo ? 0 : MLOCK_ONFAULT;
	call->joins = planner->stop_ns > 0 && planner->stop_ns + ns <= STOP_NS;
	planner->stop_ns = call->joins ? planner->stop_ns + ns : ns;
	return 0;
}

/*
 * A reader of pagemap takes the lock of the memory again before a thread that
 * waits for it to map memory has woken up; such a thread waited 8 ms.
 */
static void pause_now_and_then(struct planner *planner)
{
	const struct timespec time = { 0, PAUSE_NS };

	if (++planner->nblocks % BLOCKS_AT_A_TIME == 0)
		nanosleep(&time, NULL);
}

/* The resident bytes of a block; as if all were, if that is unknown. */
static uint64_t resident_of(struct planner *planner, uint64_t start,
			    uint64_t len)
{
	uint64_t entries[BLOCK_PAGES], n = 0, npages = len / planner->page;
	ssize_t size = (ssize_t)(npages * sizeof(*entries));

	pause_now_and_then(planner);
	if (pread(planner->pagemap, entries, (size_t)size,
		  (off_t)(start / planner->page * sizeof(*entries))) != size)
		return len;
	for (uint64_t i = 0; i < npages; i++)
		n += entries[i] & IS_PRESENT ? planner->page : 0;
	return n;
}

/* A VMA whose pages are not worth a look, because there are so many. */
static int add_sparse(struct planner *planner, uint64_t start, uint64_t end)
{
	uint64_t len = ((end - start) / MOST_PIECES + MIB - 1) & ~(MIB - 1);
	int err = 0;

	for (; !err && start < end; start += len)
		err = add_piece(planner, start,
				end - start < len ? end - start : len, STOP_NS);
	return err;
}

static int add_vma(struct planner *planner, uint64_t start, uint64_t end)
{
	uint64_t len, block = BLOCK_PAGES * planner->page, ns = VMA_NS;
	int err = 0;

	if (end - start <= SMALL)
		return add_piece(planner, start, end - start,
				 ns + time_of(planner, end - start));
	if (end - start > LARGE && planner->resident < (end - start) / 8)
		return add_sparse(planner, start, end);
	for (; !err && start < end; start += len, ns = 0) {
		len = end - start < block ? end - start : block;
		ns += time_of(planner, resident_of(planner, start, len));
		err = add_piece(planner, start, len, ns);
	}
	return err;
}

/* vsyscall, in the upper half, is no memory of the process. */
static bool parse_vma(const char *line, uint64_t *start, uint64_t *end)
{
	return sscanf(line, "%" SCNx64 "-%" SCNx64, start, end) == 2 &&
	       *start < UINT64_MAX / 2;
}

static FILE *open_proc(int pid, const char *name)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	return fopen(path, "re");
}

/* Call add(), or only count. */
static int each_vma(struct planner *planner, int pid,
		    int (*add)(struct planner *planner, uint64_t start,
			       uint64_t end))
{
	FILE *maps = open_proc(pid, "maps");
	uint64_t start, end;
	char *line = NULL;
	size_t size = 0;
	int err = 0;

	if (!maps)
		return -errno;
	planner->nvmas = 0;
	while (!err && getline(&line, &size, maps) > 0) {
		planner->nvmas++;
		if (add && parse_vma(line, &start, &end))
			err = add(planner, start, end);
	}
	free(line);
	fclose(maps);
	return err;
}

static void read_resident(struct planner *planner, int pid)
{
	FILE *statm = open_proc(pid, "statm");
	uint64_t npages = 0;

	if (!statm)
		return;
	if (fscanf(statm, "%*u %" SCNu64, &npages) != 1)
		npages = 0;
	fclose(statm);
	planner->resident = npages * planner->page;
}

static bool is_short(const struct planner *planner)
{
	return planner->nvmas * VMA_NS + time_of(planner, planner->resident) <=
	       STOP_NS;
}

static int add_pieces(struct planner *planner, int pid)
{
	char path[32];
	int err;

	snprintf(path, sizeof(path), "/proc/%d/pagemap", pid);
	planner->pagemap = open(path, O_RDONLY | O_CLOEXEC);
	err = each_vma(planner, pid, add_vma);
	if (planner->pagemap >= 0)
		close(planner->pagemap);
	return err;
}

/* mlockall() has a stop of its own. */
static int add_lockall(struct lof_plan *plan, int flags)
{
	struct lof_injected *call = add_call(plan);

	if (!call)
		return -ENOMEM;
	call->call = flags ? LOF_TRACED_MLOCKALL : LOF_TRACED_MUNLOCKALL;
	call->args[0] = (uint64_t)(flags ? flags | MCL_ONFAULT : 0);
	return 0;
}

/*
 * The pieces are of the memory that is mapped now. Memory that is mapped
 * meanwhile is locked by MCL_FUTURE, or by the last call, which finds nearly
 * all done.
 */
static int plan_pieces(struct planner *planner, int pid, int flags)
{
	int err = each_vma(planner, pid, NULL);

	read_resident(planner, pid);
	if (err || is_short(planner))
		return err;
	if (flags & MCL_FUTURE)
		err = add_lockall(planner->plan, MCL_FUTURE);
	return err ? err : add_pieces(planner, pid);
}

int lof_plan_make(struct lof_plan *plan, int pid,
		  const struct lof_attach *attach)
{
	struct planner planner = {
		.plan = plan,
		.undo = attach->undo,
		.page = (uint64_t)sysconf(_SC_PAGESIZE),
		.mib_ns = attach->undo ? UNLOCK_NS : LOCK_NS,
	};
	int err = 0;

	if (attach->undo || attach->flags & MCL_CURRENT)
		err = plan_pieces(&planner, pid, attach->flags);
	return err ? err : add_lockall(plan, attach->flags);
}
