/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * lof_set and lof_get: what the process wants. Nothing is done here but to
 * remember it.
 */
#include "config.h"

#include "policy.h"

#include "api.h"

/* The highest value of each option; 0: there is no such option. */
static const unsigned long highest[LOF_NOPTIONS] = {
	[LOF_CONVERT] = LOF_CONVERT_POPULATE,
	[LOF_DISCARD] = LOF_DISCARD_TRANSLATE,
	[LOF_FORK] = LOF_FORK_RELOCK,
	[LOF_HUGE] = LOF_HUGE_SPLIT,
	[LOF_HOLDS] = LOF_HOLDS_WIN,
	[LOF_FALLBACK] = LOF_FALLBACK_REFUSE,
};

_Atomic unsigned long lof_policies[LOF_NOPTIONS];
static _Atomic uint64_t converted;

void lof_policy_count_converted(void)
{
	atomic_fetch_add_explicit(&converted, 1, memory_order_relaxed);
}

uint64_t lof_policy_converted(void)
{
	return atomic_load_explicit(&converted, memory_order_relaxed);
}

LOF_PUBLIC int lof_set(int option, unsigned long value)
{
	if (option < 0 || option >= LOF_NOPTIONS || !highest[option] ||
	    value > highest[option])
		return lof_return(-EINVAL);
	atomic_store(&lof_policies[option], value);
	return 0;
}

LOF_PUBLIC int lof_get(int option, unsigned long *value)
{
	if (option < 0 || option >= LOF_NOPTIONS || !highest[option])
		return lof_return(-EINVAL);
	*value = atomic_load(&lof_policies[option]);
	return 0;
}

LOF_PUBLIC const char *lof_version(void)
{
	return PACKAGE_VERSION;
}
