/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Drift: the ledger is not as the kernel has it. libc maps and unmaps without a
 * hook, and code without the library may lock.
 */
#ifndef LOF_API_DRIFT_H
#define LOF_API_DRIFT_H

#include "ledger/runs.h"

/*
 * Ask the kernel about suspect ranges, and correct drift.
 *
 * 0         done, or smaps cannot be read
 * -EBUSY    the ledger is busy
 * -ENOMEM   no memory for the ledger
 */
int lof_check_drift(void);

/*
 * Correct drift without smaps if possible, for scans: a thread that maps memory
 * waits while smaps is read. Suspect ranges stay suspect.
 */
void lof_follow_drift(void);

/*
 * Ask the kernel about a suspect run before the visit: a visit of lof_walk()
 * may have changed locks ahead.
 */
int lof_visit_settled(const struct lof_entry *run, lof_run_visit *visit,
		      void *arg);

#endif
