/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* For the shim: facts that `lockonfault status` shows. */
#include "config.h"

#include "api/hooked.h"

#include "api/result.h"
#include "base/published.h"
#include "kernel/smaps.h"
#include "ledger/front.h"

LOF_PUBLIC void lof_hooked_publish(bool is_active)
{
	atomic_store(&lof_published.shim, is_active ? LOF_PUBLISHED_ACTIVE :
						      LOF_PUBLISHED_INERT);
}

/* The first reading has faults of its own. */
LOF_PUBLIC void lof_hooked_mark_faults(void)
{
	struct lof_process_state state;

	for (int i = 0; i < 2; i++)
		if (!lof_smaps_process(0, &state))
			atomic_store(&lof_the_front->live.faults, state.faults);
}
