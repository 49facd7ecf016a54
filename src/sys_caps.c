/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What this kernel and this sandbox can do. Asking has no effect but its
 * answer, so that two threads may ask at once.
 */
#include "config.h"

#include "sys_caps.h"

#include <stdatomic.h>

#include "sys.h"

enum { UNKNOWN, ABSENT, PRESENT };

static _Atomic int answers[LOF_NCAPS];

static bool ask(enum lof_cap cap)
{
	const struct lof_range nothing = { 0, 0 };

	switch (cap) {
	case LOF_CAP_MLOCK2:
		/*
		 * The kernel looks at the flags before the privilege, so that
		 * EINVAL can only come from mlock2 itself: a filter says EPERM
		 * or ENOSYS.
		 */
		return lof_sys_mlock2(nothing, ~0u) == -EINVAL;
	case LOF_CAP_WIPEONFORK:
		return lof_sys_madvise(0, 0, MADV_WIPEONFORK) == 0;
	case LOF_CAP_DONTNEED_LOCKED:
		return lof_sys_madvise(0, 0, MADV_DONTNEED_LOCKED) == 0;
	default:
		return false;
	}
}

bool lof_cap_is_there(enum lof_cap cap)
{
	int answer = atomic_load_explicit(&answers[cap], memory_order_relaxed);

	if (answer == UNKNOWN) {
		answer = ask(cap) ? PRESENT : ABSENT;
		atomic_store_explicit(&answers[cap], answer,
				      memory_order_relaxed);
	}
	return answer == PRESENT;
}

void lof_cap_override(enum lof_cap cap, int answer)
{
	atomic_store(&answers[cap], answer < 0 ? UNKNOWN :
				    answer ? PRESENT : ABSENT);
}
