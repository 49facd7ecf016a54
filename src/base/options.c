/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The values of lof_set(). They are only stored here. */
#include "config.h"

#include "base/options.h"

#include <errno.h>
#include <limits.h>

#include "base/published.h"

/* The highest value of each option; 0: there is no such option. */
static const unsigned long highest[LOF_NOPTIONS] = {
	[LOF_CONVERT] = LOF_CONVERT_POPULATE,
	[LOF_DISCARD] = LOF_DISCARD_TRANSLATE,
	[LOF_FORK] = LOF_FORK_RELOCK,
	[LOF_HUGE] = LOF_HUGE_SPLIT,
	[LOF_HOLDS] = LOF_HOLDS_WIN,
	[LOF_FALLBACK] = LOF_FALLBACK_REFUSE,
	[LOF_FUTURE] = LOF_FUTURE_EMULATE,
	[LOF_SYNC_MS] = LOF_SYNC_MS_MAX,
	[LOF_CONVERT_MAX] = ULONG_MAX,
};

_Atomic unsigned long lof_options[LOF_NOPTIONS];
static _Atomic uint64_t converted;

void lof_count_converted(void)
{
	atomic_fetch_add_explicit(&converted, 1, memory_order_relaxed);
}

uint64_t lof_converted(void)
{
	return atomic_load_explicit(&converted, memory_order_relaxed);
}

bool lof_option_exists(int option)
{
	return option >= 0 && option < LOF_NOPTIONS && highest[option];
}

int lof_option_set(int option, unsigned long value)
{
	if (!lof_option_exists(option) || value > highest[option])
		return -EINVAL;
	atomic_store(&lof_options[option], value);
	if (option == LOF_CONVERT_MAX)
		atomic_store(&lof_published.bound, value);
	if (option == LOF_SYNC_MS)
		atomic_store(&lof_published.sync_ms, (uint32_t)value);
	return 0;
}
