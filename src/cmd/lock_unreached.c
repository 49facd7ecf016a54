/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* run --all, for a program that the shim does not reach. */
#include "config.h"

#include "cmd.h"

#include <err.h>
#include <errno.h>

#include "trace/lock_at_exec.h"

/*
 * Under a limit the kernel's MCL_FUTURE would make later mappings of the
 * program fail.
 */
bool lof_lock_unreached(const char *name)
{
	char text[LOF_SIZE_CHARS];
	uint64_t bytes;
	int err;

	if (lof_lock_limit(&bytes)) {
		warnx("%s will not be locked: RLIMIT_MEMLOCK is %s, and no "
		      "CAP_IPC_LOCK", name, lof_size_text(text, bytes));
		return false;
	}
	err = lof_lock_at_exec();
	if (err) {
		errno = -err;
		warn("%s will not be locked: cannot trace it", name);
	} else {
		warnx("%s is made to call mlockall when it starts", name);
	}
	return !err;
}
