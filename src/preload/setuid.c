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

/* True: after() must follow. */
static bool before(void)
{
	int saved = errno;
	bool is_ours = lof_preload_is_active() && lof_hooked_before_setuid();

	errno = saved;
	return is_ours;
}

static int after(bool is_ours, int ret)
{
	int saved = errno;

	if (is_ours)
		lof_hooked_after_setuid();
	errno = saved;
	return ret;
}

LOF_PUBLIC int setuid(uid_t user)
{
	int (*next)(uid_t user);
	bool is_ours = before();

	return after(is_ours, find("setuid", &next) ? next(user) : -1);
}

LOF_PUBLIC int setreuid(uid_t real, uid_t effective)
{
	int (*next)(uid_t real, uid_t effective);
	bool is_ours = before();

	return after(is_ours, find("setreuid", &next) ? next(real, effective)
						      : -1);
}

LOF_PUBLIC int setresuid(uid_t real, uid_t effective, uid_t saved)
{
	int (*next)(uid_t real, uid_t effective, uid_t saved);
	bool is_ours = before();

	return after(is_ours, find("setresuid", &next) ?
			      next(real, effective, saved) : -1);
}
