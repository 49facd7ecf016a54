/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The hooks of setrlimit and its kin. Some programs raise RLIMIT_MEMLOCK before
 * they lock, and give up if that fails, although the limit does not apply to
 * them. With LOCKONFAULT_RLIMIT=fake such a failure becomes a success. The limit
 * stays as it is, and getrlimit tells it: children inherit the true limit.
 */
#include "config.h"

#include "preload/rlimit.h"

#include <dlfcn.h>
#include <errno.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/types.h>

#include "api/hooked.h"
#include "api/result.h"
#include "preload/hooks.h"
#include "preload/log.h"
#include "preload/preload.h"

/* In musl these names are macros; rlim_t has 64 bits there. */
#ifdef setrlimit64
#undef setrlimit64
#undef prlimit64
int setrlimit64(int resource, const struct rlimit64 *new);
int prlimit64(pid_t pid, int resource, const struct rlimit64 *new,
	      struct rlimit64 *old);
#endif

#ifdef __GLIBC__
typedef __rlimit_resource_t resource_t;
#else
typedef int resource_t;
#endif

static struct {
	__typeof__(setrlimit) *setrlimit;
	__typeof__(setrlimit64) *setrlimit64;
	__typeof__(prlimit) *prlimit;
	__typeof__(prlimit64) *prlimit64;
} next;

/*
 * Look up the functions of libc, or of the library next to the shim: in a
 * constructor, because a child of fork may call setrlimit, but not dlsym.
 */
static void find(const char *name, void *function)
{
	void *found = dlsym(RTLD_NEXT, name);

	memcpy(function, &found, sizeof(found));
}

__attribute__((constructor(101)))
static void rlimit_init(void)
{
	find("setrlimit", &next.setrlimit);
	find("setrlimit64", &next.setrlimit64);
	find("prlimit", &next.prlimit);
	find("prlimit64", &next.prlimit64);
	/* The program must not see the error of a name that libc lacks. */
	dlerror();
}

/* A constructor of another library may call before rlimit_init(). */
#define IS_THERE(name)							\
	(next.name || (rlimit_init(), next.name) || (errno = ENOSYS, false))

/* May the call that failed be answered with success? */
static bool is_to_fake(pid_t pid, int resource)
{
	return errno == EPERM && resource == RLIMIT_MEMLOCK &&
	       lof_preload_fakes_limit() &&
	       (!pid || pid == lof_hook_raw(SYS_getpid, 0, 0, 0, 0, 0, 0)) &&
	       lof_hooked_limit_is_moot();
}

/* As the kernel: success does not change errno, and tells the old limit. */
static int fake(uint64_t asked, int saved)
{
	lof_log_limit_faked(asked);
	errno = saved;
	return 0;
}

LOF_PUBLIC int setrlimit(resource_t resource, const struct rlimit *new)
{
	int saved = errno;

	if (!IS_THERE(setrlimit))
		return -1;
	if (!next.setrlimit(resource, new))
		return 0;
	return is_to_fake(0, (int)resource) ? fake(new->rlim_cur, saved) : -1;
}

LOF_PUBLIC int setrlimit64(resource_t resource,
			   const struct rlimit64 *new)
{
	int saved = errno;

	if (!IS_THERE(setrlimit64))
		return -1;
	if (!next.setrlimit64(resource, new))
		return 0;
	return is_to_fake(0, (int)resource) ? fake(new->rlim_cur, saved) : -1;
}

LOF_PUBLIC int prlimit(pid_t pid, resource_t resource,
		       const struct rlimit *new, struct rlimit *old)
{
	int saved = errno;

	if (!IS_THERE(prlimit))
		return -1;
	if (!next.prlimit(pid, resource, new, old))
		return 0;
	if (!new || !is_to_fake(pid, (int)resource) ||
	    (old && next.prlimit(pid, resource, NULL, old)))
		return -1;
	return fake(new->rlim_cur, saved);
}

LOF_PUBLIC int prlimit64(pid_t pid, resource_t resource,
			 const struct rlimit64 *new, struct rlimit64 *old)
{
	int saved = errno;

	if (!IS_THERE(prlimit64))
		return -1;
	if (!next.prlimit64(pid, resource, new, old))
		return 0;
	if (!new || !is_to_fake(pid, (int)resource) ||
	    (old && next.prlimit64(pid, resource, NULL, old)))
		return -1;
	return fake(new->rlim_cur, saved);
}

#ifdef SYS_setrlimit
/* The kernel's limit has the size of a long. */
static long set_by_number(const long args[6])
{
	const unsigned long *new = (const unsigned long *)args[1];
	int saved = errno;

	if (lof_hook_raw(SYS_setrlimit, args[0], args[1], args[2], args[3],
			 args[4], args[5]) == 0)
		return 0;
	return is_to_fake(0, (int)args[0]) ? fake(*new, saved) : -1;
}
#endif

long lof_hook_rlimit(long nr, const long args[6])
{
	const uint64_t *new = (const uint64_t *)args[2];
	int saved = errno;

#ifdef SYS_setrlimit
	if (nr == SYS_setrlimit)
		return set_by_number(args);
#endif
	if (lof_hook_raw(nr, args[0], args[1], args[2], args[3], args[4],
			 args[5]) == 0)
		return 0;
	if (!new || !is_to_fake((pid_t)args[0], (int)args[1]) ||
	    (args[3] && lof_hook_raw(nr, args[0], args[1], 0, args[3], 0, 0)))
		return -1;
	return fake(*new, saved);
}
