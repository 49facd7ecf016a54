/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A part of preload_helper: a program that raises RLIMIT_MEMLOCK without
 * CAP_SYS_RESOURCE, and locks all memory.
 */
#include "config.h"

#include "preload/helper.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#define LIMIT	((rlim_t)8 << 20)

static const struct rlimit more = { 2 * LIMIT, 2 * LIMIT };
static const struct rlimit64 more_64 = { 2 * LIMIT, 2 * LIMIT };

/* Without this capability only the hard limit can be lowered. */
static void drop_sys_resource(void)
{
	struct __user_cap_header_struct header = {
		_LINUX_CAPABILITY_VERSION_3, 0
	};
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_capget, &header, data))
		exit(3);
	for (int i = 0; i < 2; i++)
		data[i].inheritable = 0;
	data[0].effective &= ~(1u << CAP_SYS_RESOURCE);
	data[0].permitted &= ~(1u << CAP_SYS_RESOURCE);
	if (syscall(SYS_capset, &header, data))
		exit(4);
}

static void begin(rlim_t limit)
{
	const struct rlimit less = { limit, limit };
	int saved = errno;

	if (setrlimit(RLIMIT_MEMLOCK, &less))
		exit(5);
	drop_sys_resource();
	errno = saved;
}

static void show_limit(rlim_t limit)
{
	struct rlimit now = { 0, 0 };

	getrlimit(RLIMIT_MEMLOCK, &now);
	puts(now.rlim_cur == limit && now.rlim_max == limit ?
	     "limit as before" : "limit changed");
}

static void raise_and_lock(rlim_t limit)
{
	/* More than the limit. */
	if (mmap(NULL, 2 * LIMIT, PROT_NONE, ANON, -1, 0) == MAP_FAILED)
		exit(6);
	DONE(setrlimit(RLIMIT_MEMLOCK, &more));
	show_limit(limit);
	DONE(mlockall(MCL_CURRENT | MCL_FUTURE));
}

void rlimit_all(void)
{
	begin(LIMIT);
	raise_and_lock(LIMIT);
}

void rlimit_nobody(void)
{
	helper_become_nobody(LIMIT);
	begin(LIMIT);
	raise_and_lock(LIMIT);
}

void rlimit_none(void)
{
	helper_become_nobody(0);
	begin(0);
	raise_and_lock(0);
}

/* Each way to make the call. */
void rlimit_ways(void)
{
	struct rlimit old = { 0, 0 };
	struct rlimit64 old_64 = { 0, 0 };

	begin(LIMIT);
	DONE(setrlimit64(RLIMIT_MEMLOCK, &more_64));
	DONE(prlimit(0, RLIMIT_MEMLOCK, &more, &old));
	DONE(prlimit64(getpid(), RLIMIT_MEMLOCK, &more_64, &old_64));
	puts(old.rlim_cur == LIMIT && old_64.rlim_max == LIMIT ? "old" : "-");
	old_64.rlim_cur = 0;
	DONE((int)syscall(SYS_prlimit64, 0, RLIMIT_MEMLOCK, &more_64, &old_64));
	puts(old_64.rlim_cur == LIMIT ? "old" : "-");
#ifdef SYS_setrlimit
	DONE((int)syscall(SYS_setrlimit, RLIMIT_MEMLOCK, &more));
#else
	DONE(setrlimit(RLIMIT_MEMLOCK, &more));
#endif
	show_limit(LIMIT);
}

/* Calls that fail, or succeed, as without the shim. */
void rlimit_others(void)
{
	const struct rlimit wrong = { 2 * LIMIT, LIMIT };
	const struct rlimit half = { LIMIT / 2, LIMIT / 2 };
	struct rlimit files;

	begin(LIMIT);
	DONE(setrlimit(RLIMIT_MEMLOCK, &wrong));
	DONE((int)syscall(SYS_prlimit64, 0, RLIMIT_MEMLOCK, 8, NULL));
	DONE((int)syscall(SYS_prlimit64, 0, RLIMIT_MEMLOCK, &more_64, 8));
	DONE(setrlimit((__typeof__(RLIMIT_MEMLOCK))99, &more));
	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_max++;
	DONE(setrlimit(RLIMIT_NOFILE, &files));
	DONE(prlimit(getppid(), RLIMIT_MEMLOCK, &more, NULL));
	DONE(setrlimit(RLIMIT_MEMLOCK, &half));
	show_limit(LIMIT / 2);
}
