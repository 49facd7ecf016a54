/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Does the security module Yama permit to trace? */
#include "config.h"

#include "cmd.h"

#include <linux/capability.h>
#include <stdio.h>
#include <unistd.h>

#include "attach.h"

#define BY_PRIVILEGE	2	/* CAP_SYS_PTRACE is needed; above it: nobody */

int lof_yama_scope(void)
{
	FILE *file = fopen("/proc/sys/kernel/yama/ptrace_scope", "re");
	int scope = 0;

	if (!file)
		return 0;
	if (fscanf(file, "%d", &scope) != 1)
		scope = 0;
	fclose(file);
	return scope;
}

bool lof_has_own_capability(int capability)
{
	struct lof_status own;

	return lof_status_read(&own, getpid()) == 0 &&
	       own.capabilities >> capability & 1;
}

bool lof_yama_forbids(void)
{
	int scope = lof_yama_scope();

	return scope > BY_PRIVILEGE ||
	       (scope == BY_PRIVILEGE &&
		!lof_has_own_capability(CAP_SYS_PTRACE));
}
