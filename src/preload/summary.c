/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The line of LOCKONFAULT_SUMMARY, and the hooks of _exit, which libc's exit()
 * does not call. A child of vfork may call them, and so may a signal handler.
 */
#include "config.h"

#include "preload/summary.h"

#include <dlfcn.h>
#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "api/hooked.h"
#include "api/result.h"
#include "kernel/syscall.h"
#include "preload/log.h"
#include "preload/message.h"

bool lof_summary_is_on;

void lof_summary_begin(void)
{
	if (lof_hooked_summary_begin())
		lof_summary_is_on = true;
}

void lof_summary_add(size_t bytes, int err)
{
	lof_hooked_summary_count(bytes, err != 0);
}

void lof_summary_add_all(int err)
{
	if (err)
		lof_hooked_summary_count(0, true);
	else
		lof_hooked_summary_count_all();
}

static void add(struct lof_message *message, uint64_t number, const char *unit)
{
	lof_message_add_number(message, (uintptr_t)number, 10);
	lof_message_add(message, unit);
}

static void say(const struct lof_summary *summary)
{
	struct lof_message message = { .len = 0 };

	lof_message_add(&message, "lockonfault: ");
	lof_log_begin(&message);
	lof_message_add(&message, "locks: ");
	add(&message, summary->converted, " converted, ");
	add(&message, summary->refused, " refused; bytes: ");
	add(&message, summary->asked, " asked, ");
	add(&message, summary->charged, " charged, ");
	add(&message, summary->locked, " locked, ");
	add(&message, summary->saved, " saved, ");
	add(&message, summary->left_out, " left out");
	if (summary->left_out)
		lof_message_add(&message, summary->is_bound ?
				" (LOCKONFAULT_MAX)" : " (RLIMIT_MEMLOCK)");
	if (summary->terminal)
		lof_message_append(&message, summary->terminal);
	else
		lof_message_say(&message);
}

static void end(void)
{
	struct lof_summary summary;
	int saved = errno;

	if (lof_summary_is_on && lof_hooked_permits_log() &&
	    lof_hooked_summary(&summary))
		say(&summary);
	errno = saved;
}

/* exit(), and the return from main() */
__attribute__((destructor))
static void summary_end(void)
{
	end();
}

static void end_quickly(void *arg)
{
	(void)arg;
	end();
}

typedef void exiter(int status);
static exiter *next_exit, *next_exit_of_c;

static void find(const char *name, exiter **function)
{
	void *found = dlsym(RTLD_NEXT, name);

	memcpy(function, &found, sizeof(found));
}

/* glibc's at_quick_exit(); musl has no such function. */
extern int __cxa_at_quick_exit(void (*function)(void *), void *arg)
	__attribute__((weak));

__attribute__((constructor(101)))
static void exit_init(void)
{
	find("_exit", &next_exit);
	find("_Exit", &next_exit_of_c);
	if (__cxa_at_quick_exit)
		__cxa_at_quick_exit(end_quickly, NULL);
}

__attribute__((noreturn))
static void leave(exiter *next, int status)
{
	end();
	if (next)
		next(status);
	for (;;)
		lof_syscall_raw(SYS_exit_group, status, 0, 0, 0, 0, 0);
}

LOF_PUBLIC void _exit(int status)
{
	leave(next_exit, status);
}

LOF_PUBLIC void _Exit(int status)
{
	leave(next_exit_of_c, status);
}
