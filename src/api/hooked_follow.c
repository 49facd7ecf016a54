/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* For the shim: libc mapped the stack of a thread without a hook. */
#include "config.h"

#include "api/hooked.h"

#include <sys/mman.h>

#include "api/result.h"
#include "emulate/mclfuture_emulated.h"
#include "kernel/probe.h"
#include "kernel/sys.h"
#include "ledger/change.h"
#include "ledger/resync.h"
#include "ledger/runs.h"

LOF_PUBLIC void lof_hooked_follow(const void *addr, size_t len)
{
	struct lof_range range;

	if (!lof_mclfuture_emulated() || lof_range_of(&range, addr, len))
		return;
	/* Notes of an earlier stack there, which libc unmapped. */
	if (lof_ledger_has(LOF_NOTED_LOCKS, range) && !lof_is_locked(range)) {
		lof_ledger_renew(range);
		lof_ledger_resync(range);
	}
	lof_emulate(range, PROT_READ | PROT_WRITE);
}
