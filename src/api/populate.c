/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* lof_populate: populate a range and keep its locks. */
#include "config.h"

#include "lockonfault.h"

#include "api/populate.h"
#include "api/result.h"
#include "kernel/caps.h"
#include "kernel/probe.h"
#include "kernel/sys.h"

/*
 * Touch a page by a system call: a bad page gives EFAULT, and not a signal as
 * for an instruction.
 */
static int touch(uintptr_t page, bool write)
{
	return write ? lof_sys_touch_write((uint32_t *)page)
		     : lof_sys_touch_read((uint32_t *)page);
}

static int touch_all(struct lof_range range, bool write)
{
	uintptr_t hole = lof_first_hole(range);
	size_t page = lof_sys_page_size();
	int err = 0;

	for (uintptr_t at = range.start; !err && at < hole; at += page)
		err = touch(at, write);
	return !err && hole < range.end ? -ENOMEM : err;
}

int lof_populate_range(struct lof_range range, int prot)
{
	bool write = prot & PROT_WRITE;

	if (lof_cap_is_there(LOF_CAP_POPULATE))
		return lof_sys_madvise(range.start, lof_range_len(range),
				       write ? MADV_POPULATE_WRITE :
				       MADV_POPULATE_READ);
	return touch_all(range, write);
}

static int populate(uintptr_t addr, size_t len, int prot)
{
	struct lof_range range;

	if (!prot || prot & ~(PROT_READ | PROT_WRITE) ||
	    addr & (lof_sys_page_size() - 1) ||
	    lof_range_of(&range, (void *)addr, len))
		return -EINVAL;
	return lof_populate_range(range, prot);
}

LOF_PUBLIC int lof_populate(void *addr, size_t len, int prot)
{
	return lof_return(populate((uintptr_t)addr, len, prot));
}
