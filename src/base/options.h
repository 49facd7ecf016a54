/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The options of the process (lof_set()), for the other rooms to read. */
#ifndef LOF_BASE_OPTIONS_H
#define LOF_BASE_OPTIONS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "lockonfault.h"

/* Private to options.c and lof_option_value(). */
#define LOF_NOPTIONS	10	/* options are 1 to 9; 0 is no option */
extern _Atomic unsigned long lof_options[LOF_NOPTIONS]
	__attribute__((visibility("hidden")));

static inline unsigned long lof_option_value(enum lof_option option)
{
	return atomic_load_explicit(&lof_options[option],
				    memory_order_relaxed);
}

bool lof_option_exists(int option);

/* 0 or -EINVAL. */
int lof_option_set(int option, unsigned long value);

/* Count a lock that LOF_CONVERT turned into a lock on fault. */
void lof_count_converted(void);
uint64_t lof_converted(void);

#endif
