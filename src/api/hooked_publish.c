/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* For the shim: `lockonfault status` shows whether it is active. */
#include "config.h"

#include "api/hooked.h"

#include "api/result.h"
#include "base/published.h"

LOF_PUBLIC void lof_hooked_publish(bool is_active)
{
	atomic_store(&lof_published.shim, is_active ? LOF_PUBLISHED_ACTIVE :
						      LOF_PUBLISHED_INERT);
}
