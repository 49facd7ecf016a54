/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The policies of the process, as the other rooms read them. */
#ifndef LOF_BASE_OPTIONS_H
#define LOF_BASE_OPTIONS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "lockonfault.h"

/* Private to policy.c and the one below. */
#define LOF_NOPTIONS	(LOF_MAX + 1)
extern _Atomic unsigned long lof_policies[LOF_NOPTIONS]
	__attribute__((visibility("hidden")));

static inline unsigned long lof_policy(enum lof_option option)
{
	return atomic_load_explicit(&lof_policies[option],
				    memory_order_relaxed);
}

bool lof_policy_exists(int option);

/* 0 or -EINVAL. */
int lof_policy_set(int option, unsigned long value);

/* Count a lock that LOF_CONVERT turned into lock-on-fault. */
void lof_policy_count_converted(void);
uint64_t lof_policy_converted(void);

#endif
