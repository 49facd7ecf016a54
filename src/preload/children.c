/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * LOCKONFAULT_CHILDREN without exec: the shim takes itself out of LD_PRELOAD,
 * but no other library. The variables LOCKONFAULT_* stay, and have no effect
 * without the shim.
 */
#include "config.h"

#include <dlfcn.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "preload/preload.h"

/* ld.so of musl also splits LD_PRELOAD at white space. */
#define SEPARATORS	": \t\n\v\f\r"

static const char *base_name(const char *path, size_t *len)
{
	const char *slash = memrchr(path, '/', *len);

	if (!slash)
		return path;
	*len -= (size_t)(slash + 1 - path);
	return slash + 1;
}

/*
 * Are these the same library? ld.so resolves links and words such as $LIB: so
 * only the names of the files are compared.
 */
static bool is_same(const char *entry, size_t len, const char *shim)
{
	size_t shim_len = strlen(shim);

	entry = base_name(entry, &len);
	shim = base_name(shim, &shim_len);
	return len == shim_len && memcmp(entry, shim, len) == 0;
}

/*
 * In place: the new list is not longer, and the program's environment stays
 * where it is. A program may have pointers to it already.
 */
static void list_drop(char *list, const char *shim)
{
	char *to = list;
	size_t len;

	for (const char *at = list;; at += len + 1) {
		len = strcspn(at, SEPARATORS);
		if (len && !is_same(at, len, shim)) {
			if (to != list)
				*to++ = ':';
			memmove(to, at, len);
			to += len;
		}
		if (!at[len])
			break;
	}
	*to = '\0';
}

void lof_preload_leave_environment(void)
{
	char *list = getenv("LD_PRELOAD");
	Dl_info info;

	if (!list || !dladdr((void *)lof_preload_leave_environment, &info))
		return;
	list_drop(list, info.dli_fname);
	if (!*list)
		unsetenv("LD_PRELOAD");
}
