/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Wrappers of some functions of sys.c, linked with --wrap. They count the
 * system calls of the library and make some fail. A test can act during a call.
 */
#ifndef UNIT_SYS_H
#define UNIT_SYS_H

#include <stdbool.h>

#include "kernel/sys.h"

/* The flags for the memory that a test maps. */
#define UNIT_MAP	(MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE)

struct unit_sys {
	bool no_memory;		/* -ENOMEM for the ledger's memory */
	int mlock2_err;		/* not 0: the result of mlock2 */
	int open_err;		/* not 0: the result of open */
	_Atomic int read_err;	/* not 0: the result of the next read */
	size_t read_max;	/* not 0: the most bytes of a read */

	/* Called once, before or after the next system call. */
	void (*_Atomic before)(void);
	void (*_Atomic after)(void);

	/* Called after read number reading_at. */
	void (*reading)(void);
	int reading_at;

	/* Numbers of calls, without the calls for the library's own memory. */
	_Atomic int mmap, munmap, mremap, mlock, mlock2, munlock, mlockall;
	_Atomic int own_map, futex_wait, open, read;
	_Atomic int scan_untouched;	/* PAGEMAP_SCAN, for untouched pages */

	_Atomic uintptr_t unmapped;	/* the address of the last munmap */
};

extern struct unit_sys unit_sys;

#endif
