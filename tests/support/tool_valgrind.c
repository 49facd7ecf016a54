/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Valgrind 3.19 does not know mlock2: it fails with ENOSYS. This replaces
 * lof_sys_mlock2(), in the program and in the library, by a real system call.
 * The call changes no state that valgrind tracks.
 */
#include "config.h"

#ifdef HAVE_VALGRIND_VALGRIND_H

#include <stdint.h>
#include <valgrind/valgrind.h>

#include "../src/kernel/syscall.h"

struct range {
	uintptr_t start, end;
};

static long mlock2_for_real(long thread, long start, long len, long flags)
{
	(void)thread;
	return lof_syscall_raw(SYS_mlock2, start, len, flags, 0, 0, 0);
}

#define REPLACE(name)							\
int name(struct range range, unsigned int flags);			\
int name(struct range range, unsigned int flags)			\
{									\
	return (int)VALGRIND_NON_SIMD_CALL3(mlock2_for_real,		\
		range.start, range.end - range.start, flags);		\
}

REPLACE(I_REPLACE_SONAME_FNNAME_ZU(NONE, lof_sys_mlock2))
REPLACE(I_REPLACE_SONAME_FNNAME_ZU(liblockonfaultZdsoZd0, lof_sys_mlock2))

#endif
