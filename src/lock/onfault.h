/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Lock a range on fault, by whatever this kernel allows, or in full. No books
 * are written.
 */
#ifndef LOF_LOCK_ONFAULT_H
#define LOF_LOCK_ONFAULT_H

#include "base/range.h"

/* 0, or a negative errno; -ENOSYS: the kernel or a filter has no way. */
int lof_lock_onfault(struct lof_range range);

/* Lock it as kind says, an enum lof_kind that is not LOF_NONE. */
int lof_lock_as(struct lof_range range, unsigned int kind);

/* What a range is booked as that was locked so. */
unsigned int lof_attr_of_lock(unsigned int kind);

/*
 * Lock in the way it was what was unlocked for a moment. 0; 1: it is locked,
 * but not populated in full, and smaps has to tell how; a negative errno.
 */
int lof_lock_again(struct lof_range range, unsigned int kind);

#endif
