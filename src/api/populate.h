/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Populate a range and keep its locks. */
#ifndef LOF_API_POPULATE_H
#define LOF_API_POPULATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/range.h"

/*
 * lof_populate() for valid arguments. With PROT_WRITE in prot populate for
 * writing, else for reading. 0 or a negative errno.
 */
int lof_populate_range(struct lof_range range, int prot);

#endif
