/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Bring pages in, and give them back, with the locks left as they are. */
#ifndef LOF_PAGES_H
#define LOF_PAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "range.h"

/* lof_populate(), with a negative errno; prot: PROT_WRITE or not. */
int lof_populate_range(struct lof_range range, int prot);

/* Is it MADV_DONTNEED or MADV_FREE, and LOF_DISCARD says that they do it? */
bool lof_discards(int advice);

/* lof_discard(), with a negative errno. */
int lof_discard_range(uintptr_t addr, size_t len);

#endif
