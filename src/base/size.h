/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Parse a size as a user writes it. */
#ifndef LOF_BASE_SIZE_H
#define LOF_BASE_SIZE_H

#include <stdint.h>

/*
 * Parse a number with an optional unit K, M, G or T (powers of 1024; "iB" may
 * follow):
 *   0        success
 *   -EINVAL  malformed
 *   -ERANGE  more than UINT64_MAX bytes
 */
int lof_size_parse(const char *text, uint64_t *bytes);

#endif
