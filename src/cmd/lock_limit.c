/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How much can a program lock that this process executes? */
#include "config.h"

#include "cmd.h"

#include <err.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/size.h"

/*
 * Does the kernel exempt this process from the limit? A capability in a user
 * namespace does not count, so ask: under a limit of 0 only an exempt process
 * may lock, and a lock of no bytes changes nothing.
 */
static bool is_exempt(const struct rlimit *limit)
{
	const struct rlimit none = { 0, limit->rlim_max };
	bool exempt;

	if (setrlimit(RLIMIT_MEMLOCK, &none))
		return false;
	exempt = mlock(NULL, 0) == 0;
	setrlimit(RLIMIT_MEMLOCK, limit);
	return exempt;
}

/* A capability that the file of this command gave is lost in execve. */
static bool keeps_capability(void)
{
	int bits = prctl(PR_GET_SECUREBITS, 0, 0, 0, 0);

	if (geteuid() == 0 && !(bits > 0 && bits & SECBIT_NOROOT))
		return true;
	return prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, CAP_IPC_LOCK, 0,
		     0) == 1;
}

uint64_t lof_lock_bound(void)
{
	const char *max = getenv("LOCKONFAULT_MAX");
	uint64_t bound;

	return max && lof_size_parse(max, &bound) == 0 ? bound : 0;
}

bool lof_lock_limit(uint64_t *bytes)
{
	uint64_t bound = lof_lock_bound();
	struct rlimit limit;

	if (getrlimit(RLIMIT_MEMLOCK, &limit) ||
	    limit.rlim_cur == RLIM_INFINITY)
		return false;
	/* Then the bound is less than the limit, and known to the user. */
	if (bound > 0 && bound < limit.rlim_cur)
		return false;
	if (keeps_capability() && is_exempt(&limit))
		return false;
	*bytes = limit.rlim_cur;
	return true;
}

static const char *limit_text(char *buf, rlim_t limit)
{
	return limit == RLIM_INFINITY ? "unlimited" : lof_size_text(buf, limit);
}

void lof_lock_limit_raise(bool verbose)
{
	char text[2][LOF_SIZE_CHARS];
	struct rlimit limit, raised = { RLIM_INFINITY, RLIM_INFINITY };

	if (getrlimit(RLIMIT_MEMLOCK, &limit))
		return;
	if (setrlimit(RLIMIT_MEMLOCK, &raised)) {
		raised = (struct rlimit){ limit.rlim_max, limit.rlim_max };
		if (setrlimit(RLIMIT_MEMLOCK, &raised))
			raised = limit;
	}
	if (verbose)
		warnx("RLIMIT_MEMLOCK: %s, was %s",
		      limit_text(text[0], raised.rlim_cur),
		      limit_text(text[1], limit.rlim_cur));
}

/* Only the scanning thread locks pages under a bound. */
static bool is_never_scanned(void)
{
	const char *interval = getenv("LOCKONFAULT_SYNC_MS");

	return interval && *interval && strtoul(interval, NULL, 10) == 0 &&
	       lof_lock_bound() > 0;
}

void lof_lock_limit_warn(void)
{
	char text[LOF_SIZE_CHARS];
	uint64_t bytes;

	if (is_never_scanned())
		warnx("nothing will be locked under LOCKONFAULT_MAX: "
		      "LOCKONFAULT_SYNC_MS is 0");
	else if (!lof_lock_limit(&bytes))
		return;
	else if (bytes < (uint64_t)sysconf(_SC_PAGESIZE))
		warnx("nothing can be locked: RLIMIT_MEMLOCK is %s, and no "
		      "CAP_IPC_LOCK", lof_size_text(text, bytes));
	else
		warnx("at most %s can be locked: RLIMIT_MEMLOCK, and no "
		      "CAP_IPC_LOCK", lof_size_text(text, bytes));
}
