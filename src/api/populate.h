/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Bring pages in, and give them back, with the locks left as they are. */
#ifndef LOF_API_POPULATE_H
#define LOF_API_POPULATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/range.h"

/* lof_populate(), with a negative errno; prot: PROT_WRITE or not. */
int lof_populate_range(struct lof_range range, int prot);

#endif
