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

#endif
