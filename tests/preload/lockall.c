/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A library that locks all present and future memory before main, to test
 * programs that do not lock memory themselves.
 */
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static const char refused[] = "preload_lockall: mlockall is refused\n";

__attribute__((constructor))
static void lock_all(void)
{
	if (mlockall(MCL_CURRENT | MCL_FUTURE) == 0)
		return;
	if (write(STDERR_FILENO, refused, sizeof(refused) - 1) < 0)
		abort();
	_exit(99);
}
