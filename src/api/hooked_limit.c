/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* For the shim: does RLIMIT_MEMLOCK matter to the locks of this process? */
#include "config.h"

#include "api/hooked.h"

#include "api/result.h"
#include "base/options.h"
#include "lock/onfault_by_mlock.h"

/* With a limit of 0 nothing can be locked, and mlockall() fails. */
LOF_PUBLIC bool lof_hooked_limit_is_moot(void)
{
	uint64_t limit;

	if (!lof_onfault_by_mlock_is_limited(&limit))
		return true;
	if (!limit || !lof_option_value(LOF_CONVERT))
		return false;
	return lof_option_value(LOF_CONVERT_MAX) ||
	       lof_option_value(LOF_FUTURE) != LOF_FUTURE_KERNEL;
}
