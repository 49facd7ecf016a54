/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The hooks of setuid and its kin: the process is about to give up privileges.
 * libc carries these calls out in each thread, so they need libc's functions.
 * Their callers are no malloc: so dlsym is called here.
 */
#include "config.h"

#include <dlfcn.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "api/hooked.h"
#include "api/result.h"
#include "preload/preload.h"

/* Look up libc's function; store it in *function, a pointer to a function. */
static bool find(const char *name, void *function)
{
	void *found = dlsym(RTLD_NEXT, name);

	memcpy(function, &found, sizeof(found));
	if (!found)
		errno = ENOSYS;
	return found;
}

static void before(void)
{
	int saved = errno;

	if (lof_preload_is_active())
		lof_hooked_before_setuid();
	errno = saved;
}

LOF_PUBLIC int setuid(uid_t user)
{
	int (*next)(uid_t user);

	before();
	return find("setuid", &next) ? next(user) : -1;
}

LOF_PUBLIC int setreuid(uid_t real, uid_t effective)
{
	int (*next)(uid_t real, uid_t effective);

	before();
	return find("setreuid", &next) ? next(real, effective) : -1;
}

LOF_PUBLIC int setresuid(uid_t real, uid_t effective, uid_t saved)
{
	int (*next)(uid_t real, uid_t effective, uid_t saved);

	before();
	return find("setresuid", &next) ? next(real, effective, saved) : -1;
}
