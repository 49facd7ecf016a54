/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * lof_set and lof_get: what the process wants. Nothing is done here but to
 * remember it.
 */
#include "config.h"

#include "policy.h"

#include <stdatomic.h>

#include "api.h"

/* The highest value of each option; 0: there is no such option. */
static const unsigned long highest[] = {
	[LOF_CONVERT] = LOF_CONVERT_POPULATE,
	[LOF_DISCARD] = LOF_DISCARD_TRANSLATE,
	[LOF_FORK] = LOF_FORK_RELOCK,
	[LOF_HUGE] = LOF_HUGE_SPLIT,
	[LOF_HOLDS] = LOF_HOLDS_WIN,
};

#define NOPTIONS ((int)(sizeof(highest) / sizeof(highest[0])))

static _Atomic unsigned long values[sizeof(highest) / sizeof(highest[0])];
static _Atomic uint64_t converted;

unsigned long lof_policy(enum lof_option option)
{
	return atomic_load_explicit(&values[option], memory_order_relaxed);
}

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
	if (option < 0 || option >= NOPTIONS || !highest[option] ||
	    value > highest[option])
		return lof_return(-EINVAL);
	atomic_store(&values[option], value);
	return 0;
}

LOF_PUBLIC int lof_get(int option, unsigned long *value)
{
	if (option < 0 || option >= NOPTIONS || !highest[option])
		return lof_return(-EINVAL);
	*value = atomic_load(&values[option]);
	return 0;
}

LOF_PUBLIC const char *lof_version(void)
{
	return PACKAGE_VERSION;
}
