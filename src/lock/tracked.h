/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* lof_mlock2() and lof_munlock() for the library itself. */
#ifndef LOF_LOCK_TRACKED_H
#define LOF_LOCK_TRACKED_H

#include "base/range.h"

/* kind: LOF_ONFAULT or LOF_FULL. 0 or a negative errno. */
int lof_lock_range(struct lof_range range, unsigned int kind);

/* The range stays under its budget, and a scan may lock the range again. */
int lof_unlock_range(struct lof_range range);

/* The same for the program's own munlock(): the next library sees it. */
int lof_unlock_range_as_asked(struct lof_range range);

#endif
