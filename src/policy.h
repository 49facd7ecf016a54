/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The policies of the process, as the other rooms read them. */
#ifndef LOF_POLICY_H
#define LOF_POLICY_H

#include <stdint.h>

#include "lockonfault.h"

unsigned long lof_policy(enum lof_option option);

/* Count a lock that LOF_CONVERT turned into lock-on-fault. */
void lof_policy_count_converted(void);
uint64_t lof_policy_converted(void);

#endif
