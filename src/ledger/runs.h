/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The ledger's notes, run by run. The kernel is not asked. */
#ifndef LOF_LEDGER_RUNS_H
#define LOF_LEDGER_RUNS_H

#include "base/range_tree.h"
#include "ledger/notes.h"

/*
 * Visit the runs of range in order, clipped to range: each longest run of pages
 * with the same attribute, and each gap (attr 0) between runs. Suspect runs are
 * visited, too. No lock is held during a visit.
 *
 * 0         all runs were visited
 * -EBUSY    this is a signal handler that interrupted the ledger's own code, or
 *           the owner of the lock makes no progress: the rest was not visited
 * other     the last visit returned this value
 */
typedef int lof_run_visit(const struct lof_entry *run, void *arg);

__attribute__((warn_unused_result))
int lof_ledger_each_run(enum lof_note note, struct lof_range range,
			lof_run_visit *visit, void *arg);

/* Get the first noted run of range, clipped. 1; 0: there is none; -EBUSY. */
__attribute__((warn_unused_result))
int lof_ledger_first(enum lof_note note, struct lof_range range,
		     struct lof_entry *run);

/* Get the whole run of locks, or gap, that addr lies in. 0 or -EBUSY. */
__attribute__((warn_unused_result))
int lof_ledger_around(uintptr_t addr, struct lof_entry *run);

/* Is anything noted in range? 1, 0 or -EBUSY. */
__attribute__((warn_unused_result))
int lof_ledger_has(enum lof_note note, struct lof_range range);

#endif
