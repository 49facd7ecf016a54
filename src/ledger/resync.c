/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Readers ask the kernel about suspect ranges, and note the answer VMA by VMA.
 * The lock is never held while the kernel is asked. A reading is a call in
 * flight like any other call: ranges that other calls land on meanwhile stay
 * suspect and are read again.
 */
#include "config.h"

#include "ledger/resync.h"

#include <stdatomic.h>
#include <sys/mman.h>

#include "kernel/caps.h"
#include "kernel/probe.h"
#include "kernel/smaps.h"
#include "kernel/sys.h"
#include "ledger/inflight.h"
#include "ledger/nodes.h"
#include "ledger/runs.h"
#include "ledger/trees.h"
#include "lockonfault.h"

/* Other calls may land faster than smaps is read. */
#ifndef ATTEMPTS
#define ATTEMPTS	10
#endif

/*
 * Without smaps the kernel is asked about each page of a run that may be
 * locked. A run of more than PAGES_MAX pages stays suspect.
 */
#define PAGES_MAX	16384

struct reading {
	struct lof_change change;	/* announces the range that is read */
	struct lof_range rest;		/* the part that is not noted yet */
	uint32_t doubts;		/* doubts that the reading resolves */
	bool resolves_all;
	bool is_unasked;		/* read ranges that are not suspect */
	bool by_maps;
	bool has_unknown;		/* by maps: locked in an unknown kind */
	bool is_again;			/* a part is still suspect */
};

unsigned int lof_attr_of_vma(const struct lof_vma *vma)
{
	size_t len = lof_range_len(vma->range);

	if (!vma->locked)
		return 0;
	if (vma->onfault)
		return LOF_ATTR(LOF_ONFAULT, LOF_BY_KERNEL);
	if (lof_cap_is_there(LOF_CAP_SMAPS_KIND))
		return LOF_ATTR(LOF_FULL, LOF_BY_KERNEL);
	return LOF_ATTR(vma->rss < len ? LOF_ONFAULT : LOF_FULL,
			LOF_BY_KERNEL) | LOF_ATTR_GUESSED;
}

/* Is this still the process that the reading began in? */
static bool is_ours(const struct reading *reading)
{
	return reading->change.epoch == atomic_load(&lof_ledger.epoch);
}

static bool is_noted_as(struct lof_range range, unsigned int attr)
{
	struct lof_entry entry;

	if (!lof_tree_find_in(&lof_ledger.tree[LOF_NOTED_LOCKS], range, &entry))
		return !attr;
	return entry.attr == attr && entry.range.start == range.start &&
	       entry.range.end == range.end;
}

/*
 * The attribute for a run that the kernel has as locked. If the kernel does not
 * tell the kind, the ledger may know the kind. A run that is not noted was
 * locked by a call that the ledger did not see, or by the last mlockall
 * (assumed).
 */
static unsigned int known_attr(const struct lof_entry *run, unsigned int attr)
{
	if (!(attr & LOF_ATTR_GUESSED))
		return attr;
	if (LOF_ATTR_KIND(run->attr))
		return run->attr & ~LOF_ATTR_SUSPECT;
	return lof_ledger.assumed ? lof_ledger.assumed : attr;
}

static bool is_drift(const struct lof_entry *run, unsigned int attr)
{
	return run->attr != attr && !(run->attr & LOF_ATTR_SUSPECT) &&
	       !lof_all_is_suspect();
}

/* May the kernel's answer come from a call that is not noted yet? */
static bool is_touched(const struct reading *reading, struct lof_range range)
{
	return lof_log_overlaps(reading->change.since, range) ||
	       lof_inflight_overlaps(&reading->change, range) ||
	       atomic_load(&lof_ledger.nleft) > 0;
}

/* Note the attribute of range. With the lock held, and with enough nodes. */
static void note_runs(const struct reading *reading, struct lof_range range,
		      unsigned int attr)
{
	struct lof_range rest = range;
	struct lof_entry run;
	bool drifted = false;

	for (; !lof_range_is_empty(rest); rest.start = run.range.end) {
		run = lof_run_in(LOF_NOTED_LOCKS, rest);
		drifted |= is_drift(&run, known_attr(&run, attr));
		if (attr & LOF_ATTR_GUESSED)
			lof_note_as(LOF_NOTED_LOCKS, run.range,
				    known_attr(&run, attr));
	}
	if (!(attr & LOF_ATTR_GUESSED))
		lof_note_as(LOF_NOTED_LOCKS, range, attr);
	if (drifted && !is_touched(reading, range))
		atomic_fetch_add(&lof_ledger.drift, 1);
}

/*
 * The kernel may have done a call that landed here before or after the reading.
 */
static void landed(struct lof_range part, void *arg)
{
	struct reading *reading = arg;

	reading->is_again = true;
	lof_mark_suspect(part, 0);
}

/* The kernel may do a call in flight here after the reading. */
static void inflight(struct lof_range part, void *arg)
{
	(void)arg;
	lof_mark_suspect(part, 0);
}

static size_t runs_in(struct lof_range range)
{
	size_t n = 0;

	for (; !lof_range_is_empty(range); n++)
		range.start = lof_run_in(LOF_NOTED_LOCKS, range).range.end;
	return n;
}

/*
 * Note the kernel's answer for range.
 *
 * 0         it is noted
 * -EBUSY    the lock could not be taken
 * -ENOMEM   there is no memory for nodes
 * -ECHILD   a signal handler forked, and this is the child
 */
static int note(struct reading *reading, struct lof_range range,
		unsigned int attr)
{
	struct lof_guard guard;
	int err = 0;

	if (lof_range_is_empty(range))
		return 0;
	if (attr)
		lof_blocks_prepare(&lof_ledger.front.summary, range);
	if (!lof_ledger_lock_patiently(&guard))
		return -EBUSY;
	if (!is_noted_as(range, attr))
		err = lof_nodes_get(
			LOF_NOTED_LOCKS,
			lof_tree_need(&lof_ledger.tree[LOF_NOTED_LOCKS],
				      runs_in(range)));
	if (err == -EBUSY)
		return err;
	LOF_SEAM();
	if (!is_ours(reading))
		err = -ECHILD;
	if (!err) {
		lof_edit_begin(LOF_NOTED_LOCKS);
		note_runs(reading, range, attr);
		lof_edit_end();
		lof_log_each(reading->change.since, range, landed, reading);
		lof_inflight_each(range, inflight, NULL);
	}
	lof_ledger_unlock();
	LOF_SEAM();
	return err;
}

/* Nothing is mapped in range: clear the holds and budgets there. */
static int note_hole(struct reading *reading, struct lof_range range)
{
	const struct lof_change ended = { .unmapped = { range } };
	struct lof_guard guard;

	if (lof_range_is_empty(range) || !atomic_load(&lof_ledger.nattrs))
		return 0;
	if (!lof_ledger_lock_patiently(&guard))
		return -EBUSY;
	if (is_ours(reading) &&
	    !lof_log_overlaps(reading->change.since, range))
		lof_apply_to_attrs(&ended);
	lof_ledger_unlock();
	return 0;
}

static int look_for_unknown(const struct lof_entry *run, void *arg)
{
	struct reading *reading = arg;

	reading->has_unknown |= !LOF_ATTR_KIND(run->attr);
	return 0;
}

/* A VMA is locked as a whole or not at all. The kind is as it is noted. */
static int note_locked_or_not(struct reading *reading, struct lof_range vma)
{
	int locked = lof_ask_locked(vma);

	if (locked <= 0)
		return locked ? locked : note(reading, vma, 0);
	return lof_ledger_each_run(LOF_NOTED_LOCKS, vma, look_for_unknown,
				   reading);
}

static int note_vma(const struct lof_vma *vma, void *arg)
{
	struct reading *reading = arg;
	struct lof_range piece = lof_range_both(vma->range, reading->rest);
	struct lof_range before = { reading->rest.start, piece.start };
	int err;

	if (lof_range_is_empty(piece))
		return vma->range.start >= reading->rest.end;
	err = note(reading, before, 0);
	if (!err)
		err = note_hole(reading, before);
	if (!err)
		err = reading->by_maps ? note_locked_or_not(reading, piece) :
		      note(reading, piece, lof_attr_of_vma(vma));
	reading->rest.start = piece.end;
	return err;
}

static int read_vmas(struct reading *reading)
{
	int ret = reading->by_maps ? lof_maps_each(note_vma, reading) :
		  lof_smaps_each(note_vma, reading);

	if (ret < 0)
		return ret;
	ret = note(reading, reading->rest, 0);
	return ret ? ret : note_hole(reading, reading->rest);
}

/*
 * Is all of range unlocked? One msync tells, and smaps may have thousands of
 * lines. Not if anything is held or under a budget: only smaps tells which
 * parts of range are holes, where holds and budgets end.
 */
static bool is_all_unlocked(struct lof_range range)
{
	int err;

	if (atomic_load(&lof_ledger.nattrs) > 0)
		return false;
	err = lof_sys_msync(range, MS_ASYNC | MS_INVALIDATE);
	return err == 0 || err == -ENOMEM;
}

/*
 * Ask about each page of a suspect run. Without smaps the kind of a page that
 * is still locked stays unsure.
 */
static int note_pages(const struct lof_entry *run, void *arg)
{
	struct reading *reading = arg;
	size_t page = lof_sys_page_size();
	struct lof_range one = run->range;
	int err = 0, locked;

	if (!(run->attr & LOF_ATTR_SUSPECT) && !reading->resolves_all)
		return 0;
	if (!run->attr || lof_range_len(one) / page > PAGES_MAX)
		return 0;
	for (; !err && one.start < run->range.end; one.start = one.end) {
		one.end = one.start + page;
		locked = lof_ask_locked(one);
		/* A filter refuses msync: it does not tell. */
		if (locked < 0)
			return 0;
		if (!locked)
			err = note(reading, one, 0);
		else if (!LOF_ATTR_KIND(run->attr))
			err = note(reading, one,
				   LOF_ATTR(LOF_ONFAULT, LOF_BY_KERNEL) |
				   LOF_ATTR_GUESSED | LOF_ATTR_SUSPECT);
	}
	return err;
}

static int read_pages(struct reading *reading)
{
	return lof_ledger_each_run(LOF_NOTED_LOCKS, reading->change.range[0],
				   note_pages, reading);
}

static int read_range(struct reading *reading)
{
	int err, ret;

	if (is_all_unlocked(reading->rest))
		return note(reading, reading->rest, 0);
	err = read_vmas(reading);
	if (!err || err == -EBUSY || err == -ECHILD || reading->by_maps)
		return err;
	ret = read_pages(reading);
	return ret ? ret : err;
}

static void widen(struct lof_range part, void *arg)
{
	struct lof_range *all = arg;

	if (lof_range_is_empty(*all))
		*all = part;
	if (part.start < all->start)
		all->start = part.start;
	if (part.end > all->end)
		all->end = part.end;
}

/*
 * From the first to the last part of range that is suspect or that a call in
 * flight may change.
 */
static struct lof_range suspect_part(struct lof_range range)
{
	struct lof_range part = LOF_NO_RANGE, rest = range;
	struct lof_entry entry;

	lof_inflight_each(range, widen, &part);
	for (; lof_tree_find_in(&lof_ledger.tree[LOF_NOTED_LOCKS], rest,
				&entry);
	     rest.start = entry.range.end)
		if (entry.attr & LOF_ATTR_SUSPECT)
			widen(entry.range, &part);
	return part;
}

/* With the lock held: choose the range to read. Empty: nothing is suspect. */
static struct lof_range to_read(struct reading *reading,
				struct lof_range range)
{
	reading->doubts = atomic_load(&lof_ledger.doubts);
	reading->resolves_all = lof_all_is_suspect();
	if (reading->resolves_all)
		return lof_range_all(lof_sys_page_size());
	return reading->is_unasked ? range : suspect_part(range);
}

static void end_reading(struct reading *reading, int err)
{
	struct lof_guard guard;

	if (!lof_ledger_lock_patiently(&guard))
		return;
	if (is_ours(reading)) {
		lof_log_add(reading->change.range[0], LOF_NO_RANGE);
		if (!err && reading->resolves_all)
			atomic_store(&lof_ledger.resolved, reading->doubts);
	}
	lof_ledger_unlock();
}

enum how { IF_SUSPECT, ALL, ALL_BY_MAPS };

/*
 * Read once. *more: a part is still suspect, and a new reading may help. 1: maps
 * do not tell enough.
 */
static int read_once(struct lof_range range, enum how how, bool *more)
{
	struct reading reading = {
		.is_unasked = how != IF_SUSPECT, .by_maps = how == ALL_BY_MAPS,
	};
	struct lof_guard guard;
	int err;

	*more = false;
	lof_ledger_epoch();
	if (!lof_ledger_lock_patiently(&guard))
		return -EBUSY;
	range = to_read(&reading, range);
	lof_ledger_unlock();
	LOF_SEAM();
	if (reading.by_maps && reading.resolves_all)
		return 1;
	if (lof_range_is_empty(range))
		return 0;
	/* LOF_MAY_READ is blind: locks may be found where no bit is set. */
	lof_change_begin(&reading.change, LOF_MAY_READ, range, LOF_NO_RANGE);
	reading.rest = range;
	atomic_fetch_add(&lof_ledger.read_back, 1);
	err = read_range(&reading);
	LOF_SEAM();
	end_reading(&reading, err);
	lof_change_end(&reading.change, LOF_REFUSED);
	*more = !err && reading.is_again;
	return !err && reading.has_unknown ? 1 : err;
}

static int resync(struct lof_range range, enum how how)
{
	bool more = true;
	int err = 0;

	for (int i = 0; !err && more && i < ATTEMPTS; i++)
		err = read_once(range, how, &more);
	return err == -ECHILD ? read_once(range, how, &more) : err;
}

int lof_ledger_resync(struct lof_range range)
{
	return resync(range, IF_SUSPECT);
}

int lof_ledger_reread(struct lof_range range)
{
	return resync(range, ALL);
}

int lof_ledger_find_unlocked(struct lof_range range)
{
	return resync(range, ALL_BY_MAPS);
}
