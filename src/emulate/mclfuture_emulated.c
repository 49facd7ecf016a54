/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * MCL_FUTURE emulated by the library. Under the kernel's MCL_FUTURE, a later
 * mapping that does not fit the limit fails, and if the stack's growth does not
 * fit, the process is killed. The emulation does not lock memory that does not
 * fit. If the limit applies:
 *
 * - an eighth of the limit stays free for locks of the program itself;
 * - only writable memory is locked;
 * - the lowest page of a VMA that grows down, as the stack, is not locked.
 */
#include "config.h"

#include "emulate/mclfuture_emulated.h"

#include "base/options.h"
#include "emulate/budget.h"
#include "emulate/skip.h"
#include "kernel/caps.h"
#include "kernel/probe.h"
#include "kernel/smaps.h"
#include "kernel/sys.h"
#include "ledger/attrs.h"
#include "ledger/runs.h"
#include "lock/giant.h"
#include "lock/onfault_by_mlock.h"
#include "lock/tracked.h"
#include "lockonfault.h"

#define RESERVE(limit)	((limit) / 8)

static bool kernel_can(void)
{
	return lof_cap_is_there(LOF_CAP_MLOCK2) &&
	       lof_cap_is_there(LOF_CAP_MLOCKALL_ONFAULT);
}

static bool can_emulate(void)
{
	return lof_option_value(LOF_FALLBACK) == LOF_FALLBACK_EMULATE &&
	       (lof_cap_is_there(LOF_CAP_MLOCK2) ||
		lof_cap_is_there(LOF_CAP_ONFAULT_BY_MLOCK));
}

unsigned int lof_emulate_choose(bool is_converted)
{
	unsigned long policy = lof_option_value(LOF_FUTURE);
	uint64_t limit, total;
	bool can = kernel_can(), limited;

	if (lof_mclfuture_known() != LOF_NONE)
		return 0;
	if (is_converted && lof_option_value(LOF_CONVERT_MAX))
		return LOF_MCLFUTURE_OURS | LOF_MCLFUTURE_OURS_LIMITED;
	/* The kernel's MCL_FUTURE locks all kinds. */
	if (lof_select_is_on() && (can || can_emulate()) &&
	    !lof_smaps_total(&total))
		return LOF_MCLFUTURE_OURS |
		       (lof_onfault_by_mlock_is_limited(&limit) ?
			LOF_MCLFUTURE_OURS_LIMITED : 0);
	if (policy == LOF_FUTURE_KERNEL || (!can && !can_emulate()) ||
	    (can && policy == LOF_FUTURE_AUTO && !is_converted))
		return 0;
	limited = lof_onfault_by_mlock_is_limited(&limit);
	/* Without /proc the library does not know what to lock. */
	if (can && policy == LOF_FUTURE_AUTO &&
	    (!limited || lof_smaps_total(&total)))
		return 0;
	return LOF_MCLFUTURE_OURS | (limited ? LOF_MCLFUTURE_OURS_LIMITED : 0);
}

/*
 * Bytes that fitted at the last look at the charge, and are not used up yet. To
 * look takes longer than to map and lock a page. They are an eighth of the
 * reserve at most: so much of it the library may take, if the program locks
 * memory between two looks.
 */
static struct {
	_Atomic uint64_t limit, bytes;
} room;

static bool take_room(uint64_t limit, size_t len)
{
	uint64_t bytes = atomic_load(&room.bytes);

	if (atomic_load(&room.limit) != limit)
		return false;
	while (bytes >= len)
		if (atomic_compare_exchange_weak(&room.bytes, &bytes,
						 bytes - len))
			return true;
	return false;
}

static void leave_room(uint64_t limit, uint64_t bytes)
{
	uint64_t most = RESERVE(limit) / 8;

	atomic_store(&room.bytes, bytes < most ? bytes : most);
	atomic_store(&room.limit, limit);
}

/* If the limit or the charge cannot be read, the kernel decides. */
static bool has_room(size_t len)
{
	uint64_t limit, most, charge;

	if (!(lof_mclfuture_emulated() & LOF_MCLFUTURE_OURS_LIMITED) ||
	    lof_sys_memlock_limit(&limit) || take_room(limit, len))
		return true;
	most = limit - RESERVE(limit);
	if (len > most)
		return false;
	if (lof_smaps_charge(0, &charge))
		return true;
	if (charge > most - len)
		return false;
	leave_room(limit, most - len - charge);
	return true;
}

/*
 * Lock a range if it fits the limit. Under LOF_CONVERT_MAX put the range into
 * the process's budget: scans lock its touched pages.
 */
static void lock_piece(struct lof_range range)
{
	if (lof_option_value(LOF_CONVERT_MAX)) {
		lof_budget_try_add(range);
		return;
	}
	if (!has_room(lof_range_len(range)) ||
	    lof_lock_range(range, LOF_ONFAULT))
		return;
	/* Another thread has ended MCL_FUTURE during the lock. */
	if (!lof_mclfuture_emulated())
		lof_unlock_range(range);
}

/*
 * Lock a run that is in no budget and not exempt. Exempt: unlocked by name, or
 * mapped before MCL_FUTURE without MCL_CURRENT.
 */
static int lock_if_free(const struct lof_entry *run, void *arg)
{
	(void)arg;
	if (!run->attr)
		lock_piece(run->range);
	return 0;
}

/* If the ledger cannot be read now, a later lof_emulate_all() locks range. */
static int lock_if_it_fits(struct lof_range range)
{
	return lof_ledger_each_run(LOF_NOTED_BUDGETS, range, lock_if_free,
				   NULL);
}

static int lock_if_unlocked(const struct lof_entry *run, void *arg)
{
	(void)arg;
	return LOF_ATTR_KIND(run->attr) ? 0 : lock_if_it_fits(run->range);
}

/* Does the emulated MCL_FUTURE lock such memory? */
static bool is_wanted(bool writable, bool accessible)
{
	return lof_mclfuture_emulated() & LOF_MCLFUTURE_OURS_LIMITED ? writable
							  : accessible;
}

void lof_emulate_now(struct lof_range range, int prot)
{
	if (!is_wanted(prot & PROT_WRITE,
		       prot & (PROT_READ | PROT_WRITE | PROT_EXEC)))
		return;
	(void)!lof_ledger_each_run(LOF_NOTED_LOCKS, range, lock_if_unlocked,
				   NULL);
	lof_unlock_skipped(range);
}

static bool can_be_locked(const struct lof_vma *vma)
{
	return !vma->locked && !vma->unlockable && !vma->secret;
}

static int find_free(const struct lof_entry *run, void *arg)
{
	*(bool *)arg |= !run->attr;
	return 0;
}

/* Is a part of range in no budget and not exempt? */
static bool has_free(struct lof_range range)
{
	bool has = false;

	return lof_ledger_each_run(LOF_NOTED_BUDGETS, range, find_free, &has) ||
	       has;
}

/* A sum that tells whether a set of VMAs is the same as before. */
static void add_to_sum(uint64_t *sum, const struct lof_vma *vma)
{
	*sum = (*sum + vma->range.start) * 0x9e3779b97f4a7c15;
	*sum = (*sum ^ vma->range.end) * 0x9e3779b97f4a7c15;
}

/* Also the sum of the VMAs that will never be locked. */
static int follow_area(const struct lof_vma *vma, void *arg)
{
	struct lof_range range = vma->range;
	uint64_t *odd = arg;

	if (!lof_mclfuture_emulated())
		return 1;
	if (vma->skipped || vma->locked ||
	    !is_wanted(vma->writable, vma->accessible))
		return 0;
	if (!can_be_locked(vma)) {
		if (!vma->plain && has_free(range))
			add_to_sum(odd, vma);
		return 0;
	}
	if (vma->growsdown &&
	    lof_mclfuture_emulated() & LOF_MCLFUTURE_OURS_LIMITED)
		range.start += lof_sys_page_size();
	(void)!lock_if_it_fits(range);
	/* The kernel's page at a fixed address, [vsyscall], cannot be locked. */
	if (!vma->plain && !lof_is_locked(range) && has_free(range))
		add_to_sum(odd, vma);
	return 0;
}

struct following {
	struct lof_range stack;	/* all VMAs of the first thread's */
	uint64_t odd;		/* a sum of those that only smaps can judge */
};

/* The parts of a stack have one name at most, if some are locked. */
static int find_stack(const struct lof_vma *vma, void *arg)
{
	struct lof_range *stack = arg;

	if (vma->range.start != stack->end || !vma->writable)
		stack->start = vma->range.start;
	stack->end = vma->range.end;
	return vma->growsdown;
}

static int follow_area_of_maps(const struct lof_vma *vma, void *arg)
{
	struct following *following = arg;
	struct lof_range range = vma->range;

	if (!lof_mclfuture_emulated())
		return 1;
	if (vma->skipped || !is_wanted(vma->writable, vma->accessible))
		return 0;
	if (range.start == following->stack.start &&
	    lof_mclfuture_emulated() & LOF_MCLFUTURE_OURS_LIMITED)
		range.start += lof_sys_page_size();
	if (lof_range_is_empty(range) || !has_free(range) ||
	    lof_is_locked(range))
		return 0;
	if (vma->plain)
		(void)!lock_if_it_fits(range);
	else
		add_to_sum(&following->odd, vma);
	return 0;
}

static _Atomic bool has_other_stack;

void lof_emulate_note_stack(void)
{
	atomic_store(&has_other_stack, true);
}

/*
 * Does the limit of the process not matter? Then a VMA that was not locked now
 * need not be tried again.
 */
static bool all_fits(void)
{
	return lof_option_value(LOF_CONVERT_MAX) ||
	       !(lof_mclfuture_emulated() & LOF_MCLFUTURE_OURS_LIMITED);
}

/*
 * maps does not tell whether a VMA can be locked, or grows down. So smaps is
 * read if there is a VMA of which maps does not tell enough, and which smaps has
 * not judged before.
 */
static bool follow_by_maps(uint64_t judged)
{
	struct following following = { .odd = 0 };

	return all_fits() && !atomic_load(&has_other_stack) &&
	       lof_cap_is_there(LOF_CAP_MSYNC) &&
	       lof_maps_each(find_stack, &following.stack) == 1 &&
	       lof_maps_each(follow_area_of_maps, &following) >= 0 &&
	       following.odd == judged;
}

int lof_emulate_all(void)
{
	static _Atomic uint64_t judged;
	uint64_t odd = 0;
	int ret;

	if (!lof_mclfuture_emulated() || follow_by_maps(atomic_load(&judged)))
		return 0;
	ret = lof_smaps_each(follow_area, &odd);
	if (ret < 0)
		return ret;
	atomic_store(&judged, odd);
	return 0;
}

/* Unlock the lowest page of a VMA that grows down, but not between its parts. */
static int spare_lowest(const struct lof_vma *vma, void *arg)
{
	struct lof_range *before = arg, page = vma->range;

	page.end = page.start + lof_sys_page_size();
	if (vma->growsdown && vma->locked && before->end != page.start)
		lof_unlock_range(page);
	*before = vma->growsdown ? vma->range : LOF_NO_RANGE;
	return 0;
}

void lof_emulate_spare_stacks(void)
{
	struct lof_range before = LOF_NO_RANGE;

	(void)!lof_smaps_each(spare_lowest, &before);
}

static int exempt_area(const struct lof_vma *vma, void *arg)
{
	(void)arg;
	lof_budget_assign(vma->range, LOF_BUDGET_EXEMPT);
	return 0;
}

static int end_exemption(const struct lof_entry *run, void *arg)
{
	(void)arg;
	return run->attr == LOF_BUDGET_EXEMPT ?
	       lof_budget_assign(run->range, 0) : 0;
}

void lof_emulate_from_now(bool wants_current)
{
	(void)!lof_ledger_each_run(LOF_NOTED_BUDGETS,
				   lof_range_all(lof_sys_page_size()),
				   end_exemption, NULL);
	if (!wants_current)
		lof_smaps_each(exempt_area, NULL);
}

static int add_area(const struct lof_vma *vma, void *arg)
{
	struct lof_range range = vma->range;

	(void)arg;
	if (vma->growsdown)
		range.start += lof_sys_page_size();
	if (can_be_locked(vma) && vma->writable && !lof_range_is_empty(range))
		lof_budget_add(range);
	return 0;
}

int lof_emulate_into_budget(void)
{
	return lof_smaps_each(add_area, NULL);
}

void lof_emulate_note_left(const struct lof_unemulated *count)
{
	struct lof_published_live *live = &lof_the_front->live;
	unsigned int kind;

	atomic_store(&live->left_out, count->writable);
	atomic_store(&live->passed_over, count->other);
	atomic_store(&live->left_at, lof_mclfuture_look(&kind));
}

static int count_run(const struct lof_entry *run, void *arg)
{
	struct lof_unemulated *count = arg;
	uint64_t *bytes = run->attr == LOF_BUDGET_EXEMPT ? &count->other
							: &count->writable;

	*bytes += lof_range_len(run->range);
	return 0;
}

/* Room would not change that the lowest page of a stack is not locked. */
static int count_area(const struct lof_vma *vma, void *arg)
{
	struct lof_unemulated *count = arg;
	struct lof_range range = vma->range;

	if (!can_be_locked(vma))
		return 0;
	if (!vma->writable) {
		count->other += lof_range_len(range);
		return 0;
	}
	if (vma->skipped) {
		count->skipped += lof_range_len(range);
		count->writable += lof_range_len(range);
		return 0;
	}
	if (vma->growsdown) {
		range.start += lof_sys_page_size();
		count->other += lof_sys_page_size();
	}
	return lof_ledger_each_run(LOF_NOTED_BUDGETS, range, count_run, count);
}

int lof_emulate_count(struct lof_unemulated *count)
{
	const struct lof_published_live *live = &lof_the_front->live;

	*count = (struct lof_unemulated){ .writable = 0 };
	if (lof_mclfuture_emulated())
		return lof_smaps_each(count_area, count);
	if (lof_mclfuture_is_still(atomic_load(&live->left_at)))
		*count = (struct lof_unemulated){
			.writable = atomic_load(&live->left_out),
			.other = atomic_load(&live->passed_over),
		};
	return 0;
}
