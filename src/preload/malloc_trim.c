/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The hook of malloc_trim, which is no system call: it makes some inside libc.
 * Its caller is no malloc: so dlsym is called here.
 */
#include "config.h"

#include <dlfcn.h>
#include <malloc.h>
#include <string.h>

#include "api/hooked.h"
#include "api/result.h"
#include "preload/preload.h"

/* A program asks by this name whether libc has the function: musl has not. */
#ifdef __GLIBC__
LOF_PUBLIC int malloc_trim(size_t pad)
{
	void *found = dlsym(RTLD_NEXT, "malloc_trim");
	int (*next)(size_t pad);

	memcpy(&next, &found, sizeof(found));
	if (!found)
		return 0;
	return lof_preload_is_active() ? lof_hooked_trim(pad, next)
				       : next(pad);
}
#endif
