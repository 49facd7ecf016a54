/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Put a range into lock-on-fault by whatever this kernel allows, or lock it in
 * full. No books.
 */
#ifndef LOF_ARM_H
#define LOF_ARM_H

#include "range.h"

/* 0 or a negative errno; -ENOSYS: this kernel or sandbox has no way. */
int lof_arm(struct lof_range range);

/* Lock in the way that an enum lof_kind says. */
int lof_arm_as(struct lof_range range, unsigned int kind);

/*
 * Lock again what was locked as kind. A page that cannot be populated did not
 * keep it from being locked the first time, and does not now: what mlock then
 * says is 1. 0: it is as it was; a negative errno: the limit is in the way.
 */
int lof_arm_again(struct lof_range range, unsigned int kind);

#endif
