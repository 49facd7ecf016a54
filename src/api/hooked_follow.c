/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* For the shim: libc mapped the stack of a thread without a hook. */
#include "config.h"

#include "api/hooked.h"

#include <sys/mman.h>

#include "api/result.h"
#include "emulate/mclfuture_emulated.h"
#include "kernel/sys.h"

LOF_PUBLIC void lof_hooked_follow(const void *addr, size_t len)
{
	struct lof_range range;

	if (!lof_range_of(&range, addr, len))
		lof_emulate(range, PROT_READ | PROT_WRITE);
}
