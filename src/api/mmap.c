/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The calls that map, unmap and protect memory: lof_mmap, lof_mmap_onfault,
 * lof_munmap, lof_mprotect. mremap.c has mremap, discard.c has madvise.
 */
#include "config.h"

#include "lockonfault.h"

#include "api/populate.h"
#include "api/result.h"
#include "api/sync_thread.h"
#include "base/options.h"
#include "emulate/budget.h"
#include "emulate/mclfuture.h"
#include "emulate/mclfuture_emulated.h"
#include "kernel/caps.h"
#include "kernel/next.h"
#include "kernel/probe.h"
#include "kernel/sys.h"
#include "ledger/change.h"
#include "ledger/fastpath.h"
#include "ledger/runs.h"
#include "lock/giant.h"
#include "lock/onfault.h"
#include "lock/quirks.h"
#include "lock/relock.h"
#include "lock/unlock.h"

#ifndef MAP_DROPPABLE
#define MAP_DROPPABLE 0x08
#endif
#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif

/* The arguments of mmap. */
struct mapping {
	uintptr_t addr;
	size_t len;
	int prot, flags, fd;
	int64_t off;
};

static LOF_HOT int map_raw(const struct mapping *m, uintptr_t *result)
{
	int err;

	if (lof_is_giant_len(m->len))
		lof_giant_was_mapped = true;
	if (m->flags & MAP_HUGETLB)
		lof_cap_found(LOF_CAP_HUGETLB);
	if ((m->flags & MAP_TYPE) == MAP_DROPPABLE)
		lof_cap_found(LOF_CAP_UNLOCKABLE);
	err = lof_next_mmap(m->addr, m->len, m->prot, m->flags, m->fd, m->off,
			    result);
	if (!err && !(m->flags & MAP_ANONYMOUS))
		lof_file_is_mapped(*result);
	return err;
}

/* Do the arguments show that the memory can be locked? */
static bool is_ordinary(const struct mapping *m)
{
	return m->flags & MAP_ANONYMOUS && !(m->flags & MAP_HUGETLB) &&
	       (m->flags & MAP_TYPE) != MAP_DROPPABLE;
}

/* The kernel rounds a length up to huge pages, here of at most 1 GiB. */
#define HUGE_MAX	((uintptr_t)1 << 30)

/* The range that a new mapping replaces; empty if the kernel chooses it. */
static inline struct lof_range replaced(const struct mapping *m)
{
	struct lof_range range;

	if (!(m->flags & MAP_FIXED) ||
	    lof_range_of(&range, (void *)m->addr, m->len))
		return LOF_NO_RANGE;
	if (m->flags & MAP_HUGETLB && range.end < ~HUGE_MAX)
		range.end = (range.end + HUGE_MAX - 1) & ~(HUGE_MAX - 1);
	return range;
}

/*
 * Map, and note how the kernel locked the mapping: in full by MAP_LOCKED, in
 * the kind of MCL_FUTURE by MCL_FUTURE. The kernel skips a VMA that cannot be
 * locked: so a mapping that is not ordinary is suspect.
 */
LOF_COLD
static int map_and_note(const struct mapping *m, unsigned int kind,
			uint64_t future, uintptr_t *result)
{
	bool is_rounded = m->flags & MAP_HUGETLB && m->flags & MAP_FIXED;
	struct lof_range range = replaced(m);
	struct lof_change change;
	int err;

	lof_change_begin(&change, kind ? LOF_MAY_LOCK : LOF_MAY_UNLOCK, range,
			 LOF_NO_RANGE);
	err = map_raw(m, result);
	if (err) {
		/* MAP_FIXED may unmap the old mapping, and then fail. */
		lof_change_end(&change, m->flags & MAP_FIXED ? LOF_UNSURE
							     : LOF_REFUSED);
		return err;
	}
	lof_range_of(&range, (void *)*result, m->len);
	if (!is_rounded)
		change.range[0] = range;
	change.unmapped[0] = range;
	if (kind && kind != LOF_MCLFUTURE_UNKNOWN) {
		change.locked = range;
		change.attr = LOF_ATTR(kind, LOF_BY_KERNEL);
		if (!is_ordinary(m))
			change.attr |= LOF_ATTR_SUSPECT;
	}
	lof_change_end(&change, !is_rounded && kind != LOF_MCLFUTURE_UNKNOWN &&
				lof_mclfuture_is_still(future) ? LOF_DONE
							    : LOF_UNSURE);
	return 0;
}

/*
 * Map without a lock, on the fast path. Nothing is noted in a fixed range. If
 * the kernel chooses the range, a note may be left there from a mapping that
 * libc unmapped without a hook.
 */
static int map_unlocked(const struct mapping *m, uint64_t future,
			struct lof_fastpath *path, uintptr_t *result)
{
	struct lof_range *range = &path->range;
	bool is_fixed = !lof_range_is_empty(*range);
	int err;

	err = map_raw(m, result);
	if (err && !(m->flags & MAP_FIXED))
		return err;
	if (!err && lof_range_of(range, (void *)*result, m->len))
		return 0;
	if (!lof_mclfuture_is_still(future)) {
		lof_ledger_renew(*range);
		/*
		 * The mapping may be locked, and another thread may have moved
		 * the mapping as if it were not locked.
		 */
		lof_ledger_suspect_all();
	}
	if (!lof_fastpath_holds(path))
		lof_fastpath_repair(path, is_fixed ? LOF_UNMAPPED
						   : LOF_MAPPED_ANEW);
	return err;
}

static LOF_HOT int map(const struct mapping *m, uintptr_t *result)
{
	unsigned int kind;
	uint64_t future = lof_mclfuture_look(&kind);
	struct lof_fastpath path;

	if (m->flags & MAP_LOCKED && kind == LOF_NONE)
		kind = LOF_FULL;
	if (kind == LOF_NONE &&
	    lof_fastpath_begin(&path, replaced(m)))
		return map_unlocked(m, future, &path, result);
	return map_and_note(m, kind, future, result);
}

/* mmap() fails with EAGAIN if the lock of the new mapping is refused. */
static int lock_refused(int err)
{
	return err == -ENOMEM ? -EAGAIN : err;
}

/* Does the new mapping replace the old mappings in its range? */
static bool is_over(const struct mapping *m)
{
	return m->flags & MAP_FIXED && !(m->flags & MAP_FIXED_NOREPLACE);
}

/*
 * Lock a new mapping on fault; if that fails, unmap the new mapping. Returns
 * like lof_lock_with_quirks(), but -EAGAIN for -ENOMEM.
 */
static int arm_new(const struct mapping *m, struct lof_range range)
{
	enum lof_outcome did;
	int ret = lof_lock_with_quirks(range, LOF_ONFAULT, !is_ordinary(m),
				       &did);

	if (ret < 0)
		lof_next_munmap(range.start, m->len);
	return ret < 0 ? lock_refused(ret) : ret;
}

/*
 * Could a new mapping be locked? Asked before an old mapping is replaced. Huge
 * pages are neither locked nor charged, but need the privilege. 0 or a negative
 * errno.
 */
static int may_replace(const struct mapping *m)
{
	bool is_huge = m->flags & MAP_HUGETLB;
	int err = 0;

	if ((m->flags & MAP_TYPE) == MAP_DROPPABLE)
		return -EOPNOTSUPP;
	if (is_huge || !lof_cap_is_there(LOF_CAP_MLOCK2))
		err = lof_lock_onfault(LOF_NO_RANGE);
	return err || is_huge ? err : lof_probe_lock(m->addr, m->len);
}

/*
 * Map onto a fixed range with MAP_FIXED_NOREPLACE, which never loses an old
 * mapping. Before Linux 4.17 the kernel does not know the flag: it chooses
 * another range, or has no address space for one (-ENOMEM), or refuses the flag
 * beside MAP_SHARED_VALIDATE (-EOPNOTSUPP).
 *
 * 0         mapped
 * -EEXIST   the range has a mapping, or the kernel may not know the flag
 * other     a negative errno of mmap
 */
LOF_COLD
static int map_onto_nothing(const struct mapping *m, uintptr_t *result)
{
	struct mapping alone = *m;
	struct lof_range range;
	int err;

	alone.flags = (m->flags & ~MAP_FIXED) | MAP_FIXED_NOREPLACE;
	err = map_raw(&alone, result);
	if (err == -ENOMEM || err == -EOPNOTSUPP)
		return -EEXIST;
	if (err)
		return err;
	if (*result == m->addr)
		return 0;
	lof_sys_munmap(*result, m->len);
	if (!lof_range_of(&range, (void *)*result, m->len))
		lof_ledger_renew(range);
	return -EEXIST;
}

/*
 * Map memory that arm_new() will lock. *did, for a failure: LOF_UNSURE if the
 * old mapping may be gone, else LOF_REFUSED.
 */
static int map_to_arm(const struct mapping *m, enum lof_outcome *did,
		      uintptr_t *result)
{
	int err = -EEXIST;

	*did = LOF_REFUSED;
	if (!is_over(m))
		return map_raw(m, result);
	/*
	 * A note in the range means an old mapping: do not even try. The next
	 * library must see one mmap().
	 */
	if (!lof_next_is_there() &&
	    lof_ledger_has(LOF_NOTED_LOCKS, replaced(m)) <= 0)
		err = map_onto_nothing(m, result);
	if (err != -EEXIST)
		return err;
	err = may_replace(m);
	if (err)
		return err;
	*did = LOF_UNSURE;
	return map_raw(m, result);
}

/* Populate like MAP_POPULATE: ignore errors. */
LOF_COLD
static void populate_new(const struct mapping *m, struct lof_range range)
{
	bool is_private = (m->flags & MAP_TYPE) == MAP_PRIVATE;
	unsigned int kind;

	/* The kernel populates nothing if MCL_FUTURE locks on fault. */
	lof_mclfuture_look(&kind);
	if (m->flags & MAP_NONBLOCK || kind == LOF_ONFAULT)
		return;
	lof_populate_range(range, is_private && m->prot & PROT_WRITE ?
			   PROT_WRITE : PROT_READ);
}

/* *is_mapped: the mapping was made, but the lock may have been refused. */
static int map_and_arm(const struct mapping *m, uintptr_t *result,
		       bool *is_mapped)
{
	struct lof_range target = is_over(m) ? replaced(m) : LOF_NO_RANGE;
	struct lof_range range = LOF_NO_RANGE;
	struct lof_change change;
	enum lof_outcome did;
	int ret;

	lof_change_begin(&change, LOF_MAY_LOCK, target, LOF_NO_RANGE);
	ret = map_to_arm(m, &did, result);
	*is_mapped = !ret;
	if (!ret) {
		lof_range_of(&range, (void *)*result, m->len);
		if (lof_range_is_empty(target))
			change.range[0] = range;
		ret = arm_new(m, range);
		change.unmapped[0] = range;
		/* After a munmap() another thread may lock memory there. */
		did = ret ? LOF_UNSURE : LOF_DONE;
	}
	if (!ret) {
		change.locked = range;
		change.attr = lof_attr_of_lock(LOF_ONFAULT);
	}
	lof_change_end(&change, did);
	return ret < 0 ? ret : 0;
}

/* Lock before populating: a mapping over the limit is then not populated. */
static int map_onfault(const struct mapping *m, uintptr_t *result,
		       bool *is_mapped)
{
	struct mapping lazy = *m;
	struct lof_range range;
	int err;

	lazy.flags &= ~MAP_POPULATE;
	err = map_and_arm(&lazy, result, is_mapped);
	if (!err && m->flags & MAP_POPULATE &&
	    !lof_range_of(&range, (void *)*result, m->len))
		populate_new(m, range);
	return err;
}

/*
 * MAP_LOCKED under LOF_CONVERT: lock on fault instead of in full. If the mapping
 * is refused without MAP_LOCKED, it is refused with MAP_LOCKED too, but perhaps
 * for another reason: the kernel compares the limit before it looks at the kind of
 * the file, at the address space and at the memory, but after it looked for the
 * file (EBADF). A filter may also refuse the lock.
 */
LOF_COLD
static int map_converted(const struct mapping *m, uintptr_t *result)
{
	struct mapping unlocked = *m;
	bool is_mapped = true;
	struct lof_range range;
	int err;

	if ((m->flags & MAP_TYPE) == MAP_DROPPABLE)
		return map(m, result);
	unlocked.flags &= ~MAP_LOCKED;
	if (lof_option_value(LOF_CONVERT_MAX)) {
		err = lof_may_lock();
		if (!err)
			err = map(&unlocked, result);
		if (!err && !lof_range_of(&range, (void *)*result, m->len))
			lof_budget_add(range);
	} else if (m->flags & MAP_HUGETLB) {
		/* Never swapped and not charged; needs the privilege. */
		is_mapped = false;
		err = lof_lock_onfault(LOF_NO_RANGE);
		if (!err)
			err = map(&unlocked, result);
	} else {
		err = map_onfault(&unlocked, result, &is_mapped);
	}
	/* ENOSYS, EOPNOTSUPP: this memory cannot be locked on fault. */
	if (err == -ENOSYS || err == -EOPNOTSUPP ||
	    (err && err != -EBADF && !is_mapped))
		return map(m, result);
	if (!err)
		lof_count_converted();
	lof_sync_thread_use();
	return err;
}

/*
 * Map while the library emulates MCL_FUTURE. Like the kernel's MCL_FUTURE on
 * fault, do not populate memory that will be locked. Only lof_catch_up() locks
 * a VMA that grows down; under a limit, not its lowest page.
 */
LOF_COLD
static int map_followed(const struct mapping *m, uintptr_t *result)
{
	struct mapping lazy = *m;
	struct lof_range range;
	int err;

	if (m->prot & PROT_WRITE)
		lazy.flags &= ~MAP_POPULATE;
	err = m->flags & MAP_LOCKED ? map_converted(&lazy, result)
				    : map(&lazy, result);
	if (!err && !(m->flags & MAP_GROWSDOWN) &&
	    !lof_range_of(&range, (void *)*result, m->len))
		lof_emulate(range, m->prot);
	return err;
}

LOF_PUBLIC void *lof_mmap(void *addr, size_t len, int prot, int flags, int fd,
			  int64_t off)
{
	struct mapping m = {
		(uintptr_t)addr, len, prot, flags, fd, off
	};
	uintptr_t result = 0;
	int err;

	/* Also without MAP_LOCKED: the memory may be locked later. */
	if (flags & MAP_POPULATE &&
	    lof_option_value(LOF_CONVERT) == LOF_CONVERT_POPULATE)
		m.flags &= ~MAP_POPULATE;
	if (flags & MAP_GROWSDOWN)
		lof_emulate_note_stack();
	if (lof_mclfuture_emulated())
		err = map_followed(&m, &result);
	else if (flags & MAP_LOCKED && lof_option_value(LOF_CONVERT))
		err = map_converted(&m, &result);
	else
		err = map(&m, &result);
	return lof_return_ptr(err, result);
}

/* As in libc, an offset from 2 GiB on is a negative number here. */
LOF_PUBLIC void *lof_mmap32(void *addr, size_t len, int prot, int flags, int fd,
			    int32_t off)
{
	return lof_mmap(addr, len, prot, flags, fd, (uint32_t)off);
}

LOF_PUBLIC void *lof_mmap_onfault(void *addr, size_t len, int prot, int flags,
				  int fd, int64_t off)
{
	const struct mapping m = {
		(uintptr_t)addr, len, prot, flags & ~MAP_LOCKED, fd, off
	};
	uintptr_t result = 0;
	bool is_mapped;
	int err;

	err = map_onfault(&m, &result, &is_mapped);
	lof_sync_thread_use();
	return lof_return_ptr(err, result);
}

LOF_COLD
static int unmap_noted(uintptr_t addr, size_t len, struct lof_range range)
{
	struct lof_change change;
	int err;

	lof_change_begin(&change, LOF_MAY_UNLOCK, range, LOF_NO_RANGE);
	err = lof_next_munmap(addr, len);
	if (!err)
		change.unmapped[0] = range;
	lof_change_end(&change, lof_outcome(err));
	return err;
}

LOF_PUBLIC int lof_munmap(void *addr, size_t len)
{
	struct lof_fastpath path;
	struct lof_range range;
	int err;

	/* The kernel will refuse a range that wraps. */
	if (lof_range_of(&range, addr, len))
		range = LOF_NO_RANGE;
	if (!lof_fastpath_begin(&path, range))
		return lof_return(unmap_noted((uintptr_t)addr, len, range));
	err = lof_next_munmap((uintptr_t)addr, len);
	if (!lof_fastpath_holds(&path))
		lof_fastpath_repair(&path, LOF_UNMAPPED);
	return lof_return(err);
}

/*
 * Without mlock2: the kernel populates memory locked by mlock when the memory
 * becomes writable, even if the library locked it on fault. So unlock the range
 * during the system call, if the limit allows to lock it again.
 */
LOF_COLD
static int protect_flagged(struct lof_range range, uintptr_t addr, size_t len,
			   int prot)
{
	struct lof_change change;
	struct lof_locks before;
	int err, ret = 0;

	lof_change_begin(&change, LOF_MAY_LOCK, range, LOF_NO_RANGE);
	if (lof_can_relock(range)) {
		lof_locks_note(&before, range);
		ret = lof_unlock_tracked(range);
		err = lof_next_mprotect(addr, len, prot);
		ret |= lof_relock_as(&before, range, range.start);
	} else {
		err = lof_next_mprotect(addr, len, prot);
	}
	lof_change_end(&change, ret ? LOF_UNSURE : LOF_DONE);
	return err;
}

static int is_by_flag(const struct lof_entry *run, void *arg)
{
	(void)arg;
	return LOF_ATTR_HOW(run->attr) == LOF_BY_FLAG;
}

static bool has_flagged(struct lof_range range)
{
	return lof_ledger_each_run(LOF_NOTED_LOCKS, range, is_by_flag,
				   NULL) == 1;
}

LOF_PUBLIC int lof_mprotect(void *addr, size_t len, int prot)
{
	struct lof_range range;
	int err;

	if (lof_range_of(&range, addr, len))
		range = LOF_NO_RANGE;
	if (prot & PROT_WRITE && !lof_range_is_empty(range) &&
	    !lof_cap_is_there(LOF_CAP_MLOCK2) && has_flagged(range))
		err = protect_flagged(range, (uintptr_t)addr, len, prot);
	else
		err = lof_next_mprotect((uintptr_t)addr, len, prot);
	if (!err)
		lof_emulate(range, prot);
	return lof_return(err);
}
