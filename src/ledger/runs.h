/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the ledger has, run by run. The kernel is not asked. */
#ifndef LOF_LEDGER_RUNS_H
#define LOF_LEDGER_RUNS_H

#include "base/range_tree.h"
#include "ledger/notes.h"

/*
 * Visit the runs of range in order: each longest run of pages that are noted
 * alike, and each gap (attr 0) between; clipped to range. It is what the ledger
 * has, suspect or not. No lock is held over a visit.
 *
 * 0         all was visited
 * -EBUSY    a signal handler interrupted the ledger's own code, or the thread
 *           that holds its lock does not come on: the rest was not visited
 * other     what the last visit returned
 */
typedef int lof_run_visit(const struct lof_entry *run, void *arg);

__attribute__((warn_unused_result))
int lof_ledger_each_run(enum lof_note note, struct lof_range range,
			lof_run_visit *visit, void *arg);

/* The first run that is noted in range, clipped: 1, 0, -EBUSY. */
__attribute__((warn_unused_result))
int lof_ledger_first(enum lof_note note, struct lof_range range,
		     struct lof_entry *run);

/* The run around addr as far as it goes: 0 or -EBUSY. */
__attribute__((warn_unused_result))
int lof_ledger_around(uintptr_t addr, struct lof_entry *run);

/* Is anything in range noted? 1, 0, -EBUSY. */
__attribute__((warn_unused_result))
int lof_ledger_has(enum lof_note note, struct lof_range range);

#endif
