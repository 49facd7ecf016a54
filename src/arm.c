/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Lock a range on fault, by whatever this kernel allows, or in full; unlock it.
 * No books.
 */
#include "config.h"

#include "arm.h"

#include "lockonfault.h"
#include "policy.h"
#include "sys.h"
#include "sys_caps.h"

/*
 * The kernel (seen up to 6.18) counts the pages of an area that it locks in an
 * int, which 8 TiB overflow; the charge is wrong ever after.
 */
#define CHUNK	(LOF_GIANT / 2)

/* Built in where it is called, so that what it calls is called directly. */
__attribute__((always_inline))
static inline int in_chunks(struct lof_range range, int (*call)(struct lof_range))
{
	struct lof_range chunk = range;
	uint64_t len;
	int err;

	do {
		chunk.end = range.end;
		len = lof_range_len(chunk);
		if (len > CHUNK)
			chunk.end = chunk.start + (uintptr_t)CHUNK;
		err = call(chunk);
		chunk.start = chunk.end;
	} while (!err && chunk.end < range.end);
	return err;
}

static int mlock_onfault(struct lof_range range)
{
	return lof_sys_mlock2(range, MLOCK_ONFAULT);
}

int lof_arm(struct lof_range range)
{
	/* A filter that refuses mlock2 may say EPERM; that is no privilege. */
	if (!lof_cap_is_there(LOF_CAP_MLOCK2))
		return -ENOSYS;
	if (lof_policy(LOF_HUGE) == LOF_HUGE_SPLIT)
		lof_sys_madvise(range.start, lof_range_len(range),
				MADV_NOHUGEPAGE);
	return in_chunks(range, mlock_onfault);
}

int lof_arm_as(struct lof_range range, unsigned int kind)
{
	return kind == LOF_ONFAULT ? lof_arm(range)
				   : in_chunks(range, lof_sys_mlock);
}

int lof_arm_again(struct lof_range range, unsigned int kind)
{
	int err = lof_arm(range);

	if (kind == LOF_ONFAULT || (err && err != -ENOSYS))
		return err;
	/* On fault it is charged and flagged; populating is the rest. */
	return lof_arm_as(range, LOF_FULL) ? 1 : 0;
}

int lof_disarm(struct lof_range range)
{
	return in_chunks(range, lof_sys_munlock);
}
