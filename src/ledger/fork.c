/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The ledger's memory at a fork: see state.c. */
#include "config.h"

#include "ledger/fork.h"

#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>

#include "kernel/sys.h"
#include "ledger/lock.h"

static bool is_owner(void)
{
	struct lof_guard *owner = lof_ledger_guard();

	return owner && (owner == lof_self.owned || owner == lof_self.guard);
}

void lof_ledger_before_fork(void)
{
	if (is_owner())
		lof_ledger_advise(MADV_KEEPONFORK);
}

void lof_ledger_after_fork(void)
{
	if (is_owner())
		lof_ledger_advise(MADV_WIPEONFORK);
}

void lof_ledger_after_fork_in_child(void)
{
	lof_ledger_after_fork();
	if (is_owner())
		lof_ledger.is_inherited = true;
	/* The kernel is older than 4.14, or the program set MADV_KEEPONFORK. */
	else if (atomic_load(&lof_ledger.epoch))
		memset((void *)&lof_ledger, 0, sizeof(lof_ledger));
}
