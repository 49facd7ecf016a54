/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* For the shim: the functions that its hooks stand before. */
#include "config.h"

#include "api/hooked.h"

#include "api/result.h"
#include "kernel/next.h"

LOF_PUBLIC void lof_hooked_next_set(const struct lof_next *next)
{
	lof_next_set(next);
}

LOF_PUBLIC enum lof_called lof_hooked_next_set_called(enum lof_called called)
{
	return lof_next_set_called(called);
}

LOF_PUBLIC bool lof_hooked_next_is_making(long nr, long a, long b)
{
	return lof_next_is_making(nr, a, b);
}
