/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The program gets the results and errors of its own calls. mlock() and
 * mlockall() on fault fail like those in full. mmap() takes several calls; if
 * one of them fails, they are undone.
 */
#include "config.h"

#include "trace/rewrite.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#ifndef MLOCK_ONFAULT
#define MLOCK_ONFAULT 1
#endif
#ifndef MCL_ONFAULT
#define MCL_ONFAULT (MCL_CURRENT << 2)
#endif
#ifndef MAP_DROPPABLE
#define MAP_DROPPABLE 0x08
#endif
#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif
#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#define MADV_POPULATE_WRITE 23
#endif

/* The arguments of mmap. */
enum { ADDR, LEN, PROT, FLAGS };

static bool is_over_limit(const struct lof_thread_status *status, pid_t tid,
			  uint64_t len)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	struct rlimit limit;

	if (status->may_lock || prlimit(tid, RLIMIT_MEMLOCK, NULL, &limit) ||
	    limit.rlim_cur == RLIM_INFINITY)
		return false;
	return len > UINT64_MAX - page ||
	       status->locked / page + (len + page - 1) / page >
		       limit.rlim_cur / page;
}

bool lof_rewrite_may(const struct lof_locking_call *call, pid_t tid,
		     const struct lof_thread_status *status)
{
	uint64_t flags = call->args[FLAGS];

	if (call->call != LOF_TRACED_MMAP || !(flags & MAP_LOCKED))
		return true;
	/* The first is not locked by mlock2, the second never. */
	if (flags & MAP_HUGETLB || (flags & MAP_TYPE) == MAP_DROPPABLE)
		return false;
	return !(flags & MAP_FIXED) || flags & MAP_FIXED_NOREPLACE ||
	       !is_over_limit(status, tid, call->args[LEN]);
}

/* Like MAP_POPULATE, ignore the result. Linux 5.14 has this advice. */
static int populate(struct lof_tracee *tracee,
		    const struct lof_locking_call *call, uint64_t addr)
{
	bool writes = (call->args[FLAGS] & MAP_TYPE) == MAP_PRIVATE &&
		      call->args[PROT] & PROT_WRITE;
	const uint64_t args[6] = {
		addr, call->args[LEN],
		writes ? MADV_POPULATE_WRITE : MADV_POPULATE_READ
	};
	long result;

	if ((call->args[FLAGS] & (MAP_POPULATE | MAP_NONBLOCK)) !=
		    MAP_POPULATE || call->strips_populate)
		return 0;
	return lof_tracee_call(tracee, LOF_TRACED_MADVISE, args, &result);
}

/* Lock a new mapping on fault, or unmap it. */
static int arm(struct lof_tracee *tracee, const struct lof_locking_call *call,
	       uint64_t addr)
{
	const uint64_t args[6] = { addr, call->args[LEN], MLOCK_ONFAULT };
	long result;
	int err = lof_tracee_call(tracee, LOF_TRACED_MLOCK2, args, &result);

	if (err || result >= 0)
		return err ? err : populate(tracee, call, addr);
	err = lof_tracee_call(tracee, LOF_TRACED_MUNMAP, args, &result);
	return err ? err : -EAGAIN;
}

/*
 * Is a result an errno? An address of a 32-bit program may look negative; the
 * errors are the last 4095 numbers.
 */
static bool is_error(long result)
{
	return result < 0 && result >= -4095;
}

static int rewrite_mmap(struct lof_tracee *tracee,
			const struct lof_locking_call *call, long *result)
{
	uint64_t args[6];
	int err;

	for (int i = 0; i < 6; i++)
		args[i] = call->args[i];
	if (args[FLAGS] & MAP_LOCKED || call->strips_populate)
		args[FLAGS] &= ~(uint64_t)MAP_POPULATE;
	args[FLAGS] &= ~(uint64_t)MAP_LOCKED;
	err = lof_tracee_call(tracee, LOF_TRACED_MMAP, args, result);
	if (err)
		return err;
	/* With MAP_LOCKED another error may come first. */
	if (is_error(*result))
		return -EAGAIN;
	return call->args[FLAGS] & MAP_LOCKED ?
	       arm(tracee, call, call->is_32 ? (uint32_t)*result :
						(uint64_t)*result) : 0;
}

int lof_rewrite(struct lof_tracee *tracee, const struct lof_locking_call *call,
		long *result)
{
	const uint64_t *made = call->args;
	const uint64_t mlock2[6] = { made[0], made[1], MLOCK_ONFAULT };
	const uint64_t mlockall[6] = { made[0] | MCL_ONFAULT };

	switch (call->call) {
	case LOF_TRACED_MLOCK:
		return lof_tracee_call(tracee, LOF_TRACED_MLOCK2, mlock2,
				       result);
	case LOF_TRACED_MLOCKALL:
		return lof_tracee_call(tracee, LOF_TRACED_MLOCKALL, mlockall,
				       result);
	case LOF_TRACED_MMAP:
		/* mmap of 64 bits counts the offset otherwise. */
		if (call->is_32 == tracee->saved.is_32)
			return rewrite_mmap(tracee, call, result);
		return -EAGAIN;
	default:
		return -EAGAIN;
	}
}
