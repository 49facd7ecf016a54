/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The linker puts these in the place of some functions of sys.c (--wrap): they
 * count what the library asks of the kernel, refuse some of it, and let a test
 * act in the middle of a call.
 */
#ifndef UNIT_SYS_H
#define UNIT_SYS_H

#include <stdbool.h>

#include "kernel/sys.h"

/* How a test maps memory of its own. */
#define UNIT_MAP	(MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE)

struct unit_sys {
	bool no_memory;		/* -ENOMEM for the ledger's memory */
	int mlock2_err;		/* not 0: what mlock2 says */
	int open_err;		/* not 0: what open says */
	_Atomic int read_err;	/* not 0: what read says once */
	size_t read_max;	/* not 0: most bytes that a read gives */

	/* Called once, in the next call, before or after the kernel. */
	void (*_Atomic before)(void);
	void (*_Atomic after)(void);

	/* Called after the read of this number. */
	void (*reading)(void);
	int reading_at;

	/* How often each was called, but for memory of the library's own. */
	_Atomic int mmap, munmap, mremap, mlock, mlock2, munlock, mlockall;
	_Atomic int own_map, futex_wait, open, read;
	_Atomic int scan_untouched;	/* PAGEMAP_SCAN, for untouched pages */

	_Atomic uintptr_t unmapped;	/* where the last munmap was */
};

extern struct unit_sys unit_sys;

#endif
