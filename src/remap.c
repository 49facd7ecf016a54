/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * mremap: every part of the memory keeps its way of being locked, in all the
 * forms the call has.
 */
#include "config.h"

#include "lockonfault.h"

#include <stdarg.h>

#include "api.h"
#include "arm.h"
#include "ledger.h"

struct remap {
	struct lof_range old;	/* as it was; a page if the length was 0 */
	struct lof_range new;	/* as it is asked for, or came out */
	int flags;
	bool copies;		/* old length 0: a second view of it */
};

/* Book what the kernel did. */
static void book(struct lof_call *call, const struct remap *r)
{
	struct lof_range tail = r->new, kept = r->old;
	struct lof_entry last;
	size_t both;
	bool grows;

	both = lof_range_len(r->old) < lof_range_len(r->new) ?
	       lof_range_len(r->old) : lof_range_len(r->new);
	kept.end = kept.start + both;
	tail.start += both;
	if (r->copies)
		tail.start = r->new.start;
	/* What is added is locked as the last page before it. */
	grows = lof_call_find_in(call, (struct lof_range){
		kept.end - lof_sys_page_size(), kept.end }, &last);
	if (r->new.start != r->old.start) {
		lof_call_clear(call, r->new);
		if (!r->copies) {
			lof_call_copy(call, kept, r->new.start);
			lof_call_clear(call, r->old);
		}
	} else {
		lof_call_clear(call, (struct lof_range){
			kept.end, r->old.end });
		lof_call_clear(call, tail);
	}
	if (grows)
		lof_call_set(call, tail, last.attr);
}

/*
 * A move onto a fixed place unmaps what was there, but (seen on 6.18) not where
 * the old range has a hole. Only the kernel knows of holes.
 */
static bool may_leave_holes(struct lof_call *call, const struct remap *r)
{
	struct lof_entry entry;

	return r->flags & MREMAP_FIXED &&
	       lof_call_find_in(call, r->new, &entry);
}

/* The system call has returned: book what it did, or ask. */
static void settle(struct lof_call *call, const struct remap *r,
		   enum lof_outcome outcome)
{
	if (lof_call_land(call, outcome)) {
		if (may_leave_holes(call, r))
			lof_call_unsure(call);
		else
			book(call, r);
	}
	lof_call_end(call);
}

static void unsure_of_all(struct lof_call *call)
{
	call->range[0] = lof_range_all(lof_sys_page_size());
	lof_call_unsure(call);
}

static int announce(struct lof_call *call, const struct remap *r)
{
	return lof_call_begin(call, LOF_MOVES, r->old,
			      r->flags & MREMAP_FIXED ? r->new : LOF_NO_RANGE);
}

/* The system call; what the kernel chose goes into r and is announced. */
static int call_kernel(struct lof_call *call, struct remap *r, size_t old_len,
		       size_t new_len)
{
	uintptr_t result;
	int err;

	err = lof_sys_mremap(r->old.start, old_len, new_len, r->flags,
			     r->new.start, &result);
	if (!err) {
		r->new.end = r->new.end - r->new.start + result;
		r->new.start = result;
		call->range[1] = r->new;
	}
	return err;
}

/* One mremap that does to locks what it should. */
static int remap_plain(struct remap *r, size_t old_len, size_t new_len)
{
	struct lof_call call;
	int err;

	err = announce(&call, r);
	if (err)
		return err;
	err = call_kernel(&call, r, old_len, new_len);
	/* A move of several areas may stop at any one of them. */
	settle(&call, r, err && r->flags & MREMAP_FIXED ? LOF_UNSURE
							: lof_outcome(err));
	return err;
}

static void unlock_tracked(struct lof_range range)
{
	struct lof_entry entry;

	while (lof_ledger_find_in(range, &entry) > 0) {
		lof_sys_munlock(entry.range);
		range.start = entry.range.end;
	}
}

/*
 * Lock what is tracked in from as it is, at the same distance from to. 0, 1 or
 * a negative errno, as lof_arm_again() says; the worst of them.
 */
static int lock_as_tracked(struct lof_range from, uintptr_t to)
{
	uintptr_t start = from.start;
	struct lof_entry entry;
	int worst = 0, ret;

	while (lof_ledger_find_in(from, &entry) > 0) {
		ret = lof_arm_again((struct lof_range){
			entry.range.start - start + to,
			entry.range.end - start + to,
		}, LOF_ATTR_KIND(entry.attr));
		if (!worst || ret < 0)
			worst = ret;
		from.start = entry.range.end;
	}
	return worst;
}

/*
 * With MREMAP_DONTUNMAP the kernel (seen on 6.18) unlocks all of the old area,
 * also what does not move, and charges what moves for ever. Unlocked memory it
 * moves well: so unlock what moves, move it, and lock it where it went.
 */
static int remap_dontunmap(struct remap *r, size_t len)
{
	enum lof_outcome outcome = LOF_UNSURE;
	struct lof_call call;
	int err;

	err = announce(&call, r);
	if (err)
		return err;
	/* Locking it again must be allowed; the limit may have come down. */
	err = lock_as_tracked(r->old, r->old.start) < 0 ? -EAGAIN : 0;
	if (!err) {
		unlock_tracked(r->old);
		err = call_kernel(&call, r, len, len);
		if (err)
			lock_as_tracked(r->old, r->old.start);
		else if (!lock_as_tracked(r->old, r->new.start))
			outcome = LOF_DONE;
	}
	if (lof_call_land(&call, outcome) && !may_leave_holes(&call, r))
		book(&call, r);
	else
		/* Another thread may have locked it: then look all over. */
		unsure_of_all(&call);
	lof_call_end(&call);
	return err;
}

/*
 * Is anything in the old range locked, by the kernel's word? Then the ledger is
 * made to agree, so that no stranger's memory is locked or unlocked for it.
 */
static bool is_locked(struct lof_range old)
{
	if (lof_sys_msync(old, MS_ASYNC | MS_INVALIDATE) != -EBUSY)
		return false;
	lof_ledger_read_back(old);
	return true;
}

static int remap(uintptr_t addr, size_t old_len, size_t new_len, int flags,
		 uintptr_t new_addr, uintptr_t *result)
{
	size_t page = lof_sys_page_size();
	struct remap r = { .flags = flags, .copies = old_len == 0 };
	int err;

	/* What cannot be a range is the kernel's to refuse. */
	if (addr & (page - 1) || new_addr & (page - 1) ||
	    lof_range_widen(&r.old, addr, old_len ? old_len : page, page) ||
	    lof_range_widen(&r.new, new_addr, new_len, page))
		return lof_sys_mremap(addr, old_len, new_len, flags, new_addr,
				      result);
	if (flags & MREMAP_DONTUNMAP && flags & MREMAP_MAYMOVE &&
	    old_len == new_len && is_locked(r.old))
		err = remap_dontunmap(&r, new_len);
	else
		err = remap_plain(&r, old_len, new_len);
	*result = r.new.start;
	return err;
}

LOF_PUBLIC void *lof_mremap(void *addr, size_t old_len, size_t new_len,
			    int flags, ...)
{
	uintptr_t new_addr = 0, result = 0;
	va_list args;
	int err;

	/* The kernel looks at it in no other case, nor does libc. */
	if (flags & (MREMAP_FIXED | MREMAP_DONTUNMAP)) {
		va_start(args, flags);
		new_addr = (uintptr_t)va_arg(args, void *);
		va_end(args);
	}
	err = remap((uintptr_t)addr, old_len, new_len, flags, new_addr,
		    &result);
	return lof_return_ptr(err, result);
}
