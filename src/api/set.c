/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* lof_set and lof_get, the options; lof_version. */
#include "config.h"

#include "lockonfault.h"

#include "api/result.h"
#include "api/sync_thread.h"
#include "base/options.h"

LOF_PUBLIC int lof_set(int option, unsigned long value)
{
	int err = lof_option_set(option, value);

	if (!err && option == LOF_SYNC_MS)
		err = lof_sync_thread_set();
	return lof_return(err);
}

LOF_PUBLIC int lof_get(int option, unsigned long *value)
{
	if (!lof_option_exists(option))
		return lof_return(-EINVAL);
	*value = atomic_load(&lof_options[option]);
	return 0;
}

LOF_PUBLIC const char *lof_version(void)
{
	return PACKAGE_VERSION;
}
