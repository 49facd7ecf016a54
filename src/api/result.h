/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The result of a public call: a negative errno becomes -1 (or MAP_FAILED) and
 * errno. No other file makes this conversion.
 */
#ifndef LOF_API_RESULT_H
#define LOF_API_RESULT_H

#include <errno.h>
#include <stdint.h>
#include <sys/mman.h>

#include "kernel/sys.h"

#define LOF_PUBLIC __attribute__((visibility("default")))

static inline int lof_return(int err)
{
	if (!err)
		return 0;
	errno = -err;
	return -1;
}

static inline void *lof_return_ptr(int err, uintptr_t addr)
{
	if (!err)
		return (void *)addr;
	errno = -err;
	return MAP_FAILED;
}

#endif
