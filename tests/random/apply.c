/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Do an operation: calls that lock, unlock, or change memory in place. */
#include "config.h"

#include "random/calls.h"

#include <errno.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "random/random.h"

#define NOBODY 65534

static int limit_memlock(size_t soft, size_t hard)
{
	struct rlimit limit = { soft, hard };

	return setrlimit(RLIMIT_MEMLOCK, &limit);
}

static int apply_limit(const struct op *op)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_MEMLOCK, &limit))
		return -1;
	return limit_memlock((size_t)op->arg[0], limit.rlim_max);
}

static int apply_nobody(const struct op *op)
{
	if (geteuid() != 0)
		return apply_limit(op);
	if (limit_memlock((size_t)op->arg[0], (size_t)op->arg[0]) ||
	    setresgid(NOBODY, NOBODY, NOBODY) ||
	    setresuid(NOBODY, NOBODY, NOBODY))
		return -1;
	/* Own /proc/self again. */
	return prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
}

static int apply_to_lock(const struct op *op)
{
	struct span span = memory_span(op->arg[0], op->arg[1]);
	unsigned int flags = (unsigned int)op->arg[2];
	char *addr = span.addr;
	size_t len = span.len;

	/*
	 * Only within the slot, unless lof_walk() may read /proc: behind a
	 * slot may be the vdso. The kernel does not lock it, and the library
	 * learns that from /proc only.
	 */
	if (oracle_repairs || ADDR_PLACE(op->arg[0]) < SLOTS)
		len = (size_t)op->arg[1];

	switch (op->kind) {
	case OP_MLOCK:
		return CALL(mlock)(addr, len);
	case OP_MLOCK2:
		return CALL(mlock2)(addr, len, flags);
	case OP_MUNLOCK:
		return CALL(munlock)(addr, len);
	default:
		return lof_munlock2(addr, len, flags);
	}
}

static int apply_truncate(const struct op *op)
{
	return ftruncate(memory_file(op->arg[0]), (off_t)op->arg[1]);
}

static int apply_set(const struct op *op)
{
	return lof_set((int)op->arg[0], (unsigned long)op->arg[1]);
}

#ifdef LOF_MREMAP_NOPOPULATE
static int apply_later(const struct op *op)
{
	struct span span = memory_span(op->arg[0], op->arg[1]);
	bool may_drop;
	int ret;

	switch (op->kind) {
	case OP_POPULATE:
		return lof_populate(span.addr, span.len, (int)op->arg[2]);
	case OP_DISCARD:
		return lof_discard(span.addr, span.len);
	case OP_HOLD:
		ret = lof_hold(span.addr, span.len, (unsigned int)op->arg[2]);
		if (!ret)
			holds_changed(span.addr, span.len, 1);
		return ret;
	case OP_DROP:
		may_drop = holds_all(span.addr, span.len);
		ret = lof_drop(span.addr, span.len);
		if (!ret && !may_drop)
			complain("lof_drop dropped a hold that was not there");
		if (!ret)
			holds_changed(span.addr, span.len, -1);
		return ret;
	case OP_CATCH_UP:
		return lof_catch_up();
	case OP_BUDGET:
		return lof_lock_budget(span.addr, span.len, (size_t)op->arg[2],
				       (int)op->arg[3]);
	default:
		return lof_sync();
	}
}
#else
static int apply_later(const struct op *op)
{
	(void)op;
	return 1;
}
#endif

int apply(const struct op *op)
{
	struct span span;

	switch (op->kind) {
	case OP_NOBODY:
		return apply_nobody(op);
	case OP_REPAIR:
		oracle_repairs = op->arg[0];
		return 0;
	case OP_ARENA:
		memory_resize((size_t)op->arg[0]);
		return 0;
	case OP_LIMIT:
		return apply_limit(op);
	case OP_MLOCK: case OP_MLOCK2: case OP_MUNLOCK: case OP_MUNLOCK2:
		return apply_to_lock(op);
	case OP_MLOCKALL:
		return CALL(mlockall)((int)op->arg[0]);
	case OP_MUNLOCKALL:
		return CALL(munlockall)();
	case OP_MUNLOCKALL2:
		return lof_munlockall2((int)op->arg[0]);
	case OP_MMAP: case OP_MMAP_ONFAULT:
		return apply_mmap(op);
	case OP_MUNMAP:
		return apply_munmap(op);
	case OP_MREMAP:
		return apply_mremap(op);
	case OP_MPROTECT:
		span = memory_span(op->arg[0], op->arg[1]);
		return CALL(mprotect)(span.addr, span.len, (int)op->arg[2]);
	case OP_MADVISE:
		span = memory_span(op->arg[0], op->arg[1]);
		return CALL(madvise)(span.addr, span.len, (int)op->arg[2]);
	case OP_TOUCH:
		return apply_touch(op);
	case OP_TRUNCATE:
		return apply_truncate(op);
	case OP_QUERY:
		return oracle_query(memory_at(op->arg[0]));
	case OP_STATS:
		return oracle_stats();
	case OP_SET:
		return apply_set(op);
	case OP_SHMAT: case OP_SHMDT: case OP_REMAP_FILE: case OP_BRK:
		return kinds_apply(op);
	case OP_FORK: case OP_END:
		return 1;	/* run() does them */
	default:
		return apply_later(op);
	}
}
