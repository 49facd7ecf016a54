/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The random driver calls the functions of the library or, with RANDOM_SHIM,
 * the functions of libc, which the shim hooks.
 */
#ifndef RANDOM_CALLS_H
#define RANDOM_CALLS_H

#include "lockonfault.h"

#include <sys/mman.h>

#ifdef RANDOM_SHIM
#define CALL(name) name
#else
#define CALL(name) lof_##name
#endif

#ifndef MREMAP_DONTUNMAP
#define MREMAP_DONTUNMAP 4
#endif
#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif
#ifndef MAP_32BIT
#define MAP_32BIT 0x40	/* of x86; ignored elsewhere */
#endif
#ifndef MAP_DROPPABLE
#define MAP_DROPPABLE 0x08	/* instead of MAP_PRIVATE */
#endif
#ifndef MADV_DONTNEED_LOCKED
#define MADV_DONTNEED_LOCKED 24
#endif
#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#define MADV_GUARD_REMOVE 103
#endif
#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#define MADV_POPULATE_WRITE 23
#endif

#endif
