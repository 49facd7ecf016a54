/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* lof_lock_budget: lock as many bytes of a range as the budget allows. */
#include "config.h"

#include "lockonfault.h"

#include "api/result.h"
#include "api/sync_thread.h"
#include "emulate/budget.h"

LOF_PUBLIC int lof_lock_budget(void *addr, size_t len, size_t budget,
			       int policy)
{
	int err = lof_budget_lock(addr, len, budget, policy);

	lof_sync_thread_use();
	return lof_return(err);
}
