/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Lock a range on fault, in the way that this kernel allows, or in full.
 * These functions do not write to the ledger.
 */
#ifndef LOF_LOCK_ONFAULT_H
#define LOF_LOCK_ONFAULT_H

#include <stdbool.h>

#include "base/range.h"

/*
 * 0         locked
 * -ENOSYS   the kernel or a seccomp filter allows no way to lock on fault
 * other     the negative errno of the lock
 */
int lof_lock_onfault(struct lof_range range);

/*
 * Has the process the privilege to lock? 0 or a negative errno; 0 also if a
 * filter refuses the question.
 */
int lof_may_lock(void);

/* Lock range in this kind, LOF_ONFAULT or LOF_FULL. */
int lof_lock_as(struct lof_range range, unsigned int kind);

/*
 * lof_lock_as() for the program's own call of mlock() or mlock2(): the next
 * library sees it (kernel/next.h).
 */
int lof_lock_as_asked(struct lof_range range, unsigned int kind,
		      bool by_mlock2);

/* The ledger's attribute for a range that lof_lock_as() locked in this kind. */
unsigned int lof_attr_of_lock(unsigned int kind);

/*
 * Lock a range again that was unlocked for a moment. kind: its former kind.
 *
 * 0         locked in this kind
 * 1         the lock on fault was made, or this kernel has none, but the lock
 *           in full failed: ask smaps for the state of the range
 * negative  the errno of the lock
 */
int lof_lock_again(struct lof_range range, unsigned int kind);

#endif
