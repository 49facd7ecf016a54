/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Do an operation: calls that map, unmap or move memory, and touches. */
#include "config.h"

#include "random/calls.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <string.h>

#include "random/random.h"

#define HUGE_SIZE ((size_t)2 << 20)	/* other sizes fail with EINVAL */

static const struct span nothing;

/*
 * A call may unmap its target and then fail, unless its length exceeds the
 * address space.
 */
static void end_holds_in_holes(struct span span)
{
	if (span.len > SIZE_MAX / 2)
		return;
	for (size_t at = 0; at < span.len; at += page)
		if (msync(span.addr + at, page, MS_ASYNC) && errno == ENOMEM)
			holds_clear(span.addr + at, page);
}

int apply_mmap(const struct op *op)
{
	const int64_t *a = op->arg;
	struct span span = memory_span(a[1], a[2]);
	int fd = memory_file(a[5]), prot = (int)a[3], flags = (int)a[4];
	char *ret;

	if (flags & MAP_HUGETLB && memory_is_place(span.addr))
		return 1;
	if (ADDR_PLACE(a[1]) == NOWHERE)
		span = (struct span){ memory_at(a[1]), (size_t)a[2] };
	slot_evict(a[0]);
	/* The address was in the evicted slot, which is empty now. */
	if (ADDR_PLACE(a[1]) == SLOTS + a[0])
		return 1;
	if (op->kind == OP_MMAP)
		ret = CALL(mmap)(span.addr, span.len, prot, flags, fd,
				 (off_t)a[6] * (off_t)page);
	else
		ret = lof_mmap_onfault(span.addr, span.len, prot, flags, fd,
				       (off_t)a[6] * (off_t)page);
	if (flags & MAP_FIXED && !(flags & MAP_FIXED_NOREPLACE)) {
		if (ret != MAP_FAILED)
			holds_clear(span.addr, span.len);
		else
			end_holds_in_holes(span);
	}
	slot_trim(a[1], nothing);
	if (ret == MAP_FAILED)
		return -1;
	if (!memory_is_place(ret) && !(flags & MAP_FIXED))
		slot_put(a[0], ret, flags & MAP_HUGETLB ?
				    (span.len | (HUGE_SIZE - 1)) + 1 :
				    span.len);
	return 0;
}

int apply_munmap(const struct op *op)
{
	struct span span = memory_span(op->arg[0], op->arg[1]);
	int ret = CALL(munmap)(span.addr, span.len);

	if (!ret)
		holds_clear(span.addr, span.len);
	slot_trim(op->arg[0], ret ? nothing : span);
	return ret;
}

/* Update the model of the holds after mremap. */
static void move_holds(struct span old, const struct op *op, char *new,
		       size_t len)
{
	len = (len + page - 1) & ~(page - 1);
	if (!((old.len + page - 1) & ~(page - 1))) {
		holds_clear(new, len);
		return;
	}
	if (new == old.addr) {
		if (old.len > len)
			holds_clear(old.addr + len, old.len - len);
		return;
	}
	holds_clear(new, len);
	holds_move(old.addr, new, old.len < len ? old.len : len);
	if (!((int)op->arg[4] & MREMAP_DONTUNMAP))
		holds_clear(old.addr, old.len);
}

/*
 * Since Linux 6.17 mremap may fail after it moved some of several VMAs. Returns
 * the bytes moved: the part of the old range that is unmapped.
 */
static size_t moved_by_failure(struct span old, size_t most)
{
	const size_t all = (size_t)1 << 30;	/* more than the test maps */
	size_t moved = 0;

	while (moved < old.len && moved < most && moved < all &&
	       !memory_is_mapped(old.addr + moved))
		moved += page;
	return moved;
}

/* The part of the old range that mremap left unmapped. */
static struct span gone_by(struct span old, int flags, char *ret, size_t len)
{
	if (ret == MAP_FAILED)
		return (struct span){ old.addr, moved_by_failure(old, len) };
	if (flags & MREMAP_DONTUNMAP)
		return nothing;
	if (ret != old.addr)
		return old;
	len = (len + page - 1) & ~(page - 1);
	return old.len > len ? (struct span){ old.addr + len, old.len - len }
			     : nothing;
}

/* The holds are not specified after such a failure: end them by munmap. */
static void holds_after_failure(struct span old, struct span new, bool partly)
{
	if (partly && moved_by_failure(old, new.len) &&
	    (holds_any(old.addr, old.len) || holds_any(new.addr, new.len))) {
		CALL(munmap)(old.addr, old.len);
		CALL(munmap)(new.addr, new.len);
		holds_clear(old.addr, old.len);
	}
	/* Before Linux 6.17 the end of a range that shrinks is unmapped first. */
	end_holds_in_holes(old);
	end_holds_in_holes(new);
}

int apply_mremap(const struct op *op)
{
	const int64_t *a = op->arg;
	int flags = (int)a[4];
	struct span old, new;
	bool was_mapped, leaks;
	char *ret;

	if (flags & MREMAP_MAYMOVE && ADDR_PLACE(a[1]) != SLOTS + a[0])
		slot_evict(a[0]);
	old = memory_span(a[1], a[2]);
	new = memory_span(a[5], a[3]);
	/* With MREMAP_DONTUNMAP the new address is a hint. */
	if (!(flags & (MREMAP_FIXED | MREMAP_DONTUNMAP)))
		new.len = (size_t)a[3];
	else if (a[2] == a[3] && new.len < old.len)
		old.len = new.len;
	if (a[2] == a[3])
		new.len = old.len;	/* clipping must not change the size */
	was_mapped = memory_is_mapped(old.addr);
	leaks = flags & MREMAP_DONTUNMAP && kinds_has_secret(old);
	ret = CALL(mremap)(old.addr, old.len, new.len, flags, new.addr);
	if (ret != MAP_FAILED)
		move_holds(old, op, ret, new.len);
	else if (flags & MREMAP_FIXED)
		holds_after_failure(old, new, was_mapped);
	/* Also on failure: some of several VMAs may have moved. */
	if (leaks)
		oracle_forgive_charge();
	if (ret == old.addr)
		slot_grow(a[1], ret + new.len);
	slot_trim(a[1], gone_by(old, flags, ret, new.len));
	if (flags & MREMAP_FIXED)
		slot_trim(a[5], nothing);
	if (ret == MAP_FAILED)
		return -1;
	if (ret != old.addr && !(flags & MREMAP_FIXED) &&
	    !memory_is_place(ret)) {
		slot_evict(a[0]);
		slot_put(a[0], ret, new.len);
	}
	return 0;
}

static sigjmp_buf fault;
static volatile bool touching;

static void on_fault(int sig)
{
	if (touching)
		siglongjmp(fault, 1);
	signal(sig, SIG_DFL);	/* fault again, and die */
}

void touch_prepare(void)
{
	static char stack[64 << 10];
	const stack_t alternative = {
		.ss_sp = stack, .ss_size = sizeof(stack),
	};
	struct sigaction action = {
		.sa_handler = on_fault, .sa_flags = SA_NODEFER | SA_ONSTACK,
	};

	sigaltstack(&alternative, NULL);
	sigaction(SIGSEGV, &action, NULL);
	sigaction(SIGBUS, &action, NULL);
}

bool touch_byte(volatile char *byte, bool write)
{
	bool done = false;

	touching = true;
	if (!sigsetjmp(fault, 0)) {
		if (write)
			*byte = 1;
		else
			(void)*byte;
		done = true;
	}
	touching = false;
	return done;
}

/*
 * A stack grows without a call, even if the access then faults. If lof_walk()
 * may not read /proc, lof_query() makes the library see the growth.
 */
static bool touch_page(char *addr, bool write)
{
	bool was_mapped = memory_is_mapped(addr);
	bool done = touch_byte(addr, write);
	struct lof_region region;

	if (!was_mapped && !oracle_repairs && memory_is_mapped(addr)) {
		lof_query(addr, &region, sizeof(region));
		oracle_forgives_drift();
	}
	return done;
}

int apply_touch(const struct op *op)
{
	struct span span = memory_span(op->arg[0], op->arg[1]);
	int ret = 0;

	if (op->arg[1] < 0 || ADDR_PLACE(op->arg[0]) < ARENA)
		return 1;
	for (size_t at = 0; at < span.len; at += page)
		if (!touch_page(span.addr + at, op->arg[2]))
			ret = -1;
	return ret;
}
