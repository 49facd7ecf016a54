/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Put a range into lock-on-fault by whatever this kernel allows. No books. */
#include "config.h"

#include "arm.h"

#include "lockonfault.h"
#include "sys.h"
#include "sys_caps.h"

int lof_arm(struct lof_range range)
{
	/* A filter that refuses mlock2 may say EPERM; that is no privilege. */
	if (!lof_cap_is_there(LOF_CAP_MLOCK2))
		return -ENOSYS;
	return lof_sys_mlock2(range, MLOCK_ONFAULT);
}

int lof_arm_as(struct lof_range range, unsigned int kind)
{
	return kind == LOF_ONFAULT ? lof_arm(range) : lof_sys_mlock(range);
}

int lof_arm_again(struct lof_range range, unsigned int kind)
{
	int err = lof_arm(range);

	if (kind == LOF_ONFAULT || (err && err != -ENOSYS))
		return err;
	/* On fault it is charged and flagged; populating is the rest. */
	return lof_sys_mlock(range) ? 1 : 0;
}
