/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The shim's log: a line for each call, without stdio and without malloc. */
#include "config.h"

#include "preload/log.h"

#include <limits.h>
#include <stdatomic.h>
#include <string.h>

#include "api/hooked.h"
#include "kernel/sys.h"
#include "kernel/syscall.h"
#include "lockonfault.h"
#include "preload/message.h"

#define NAME_BYTES	32

static char log_path[PATH_MAX];
static char log_name[NAME_BYTES];
static _Atomic int is_open;

void lof_log_open(const char *path, const char *name)
{
	if (!path || strlen(path) >= sizeof(log_path))
		return;
	strcpy(log_path, path);
	/* A space would end the name in the log. */
	for (size_t i = 0; i < NAME_BYTES - 1 && name[i]; i++)
		log_name[i] = name[i] == ' ' ? '?' : name[i];
	atomic_store_explicit(&is_open, 1, memory_order_release);
}

bool lof_log_is_open(void)
{
	return atomic_load_explicit(&is_open, memory_order_acquire);
}

void lof_log(const char *call, uintptr_t addr, size_t len, int err)
{
	struct lof_message message = { .len = 0 };

	if (!lof_log_is_open() || !lof_hooked_permits_log())
		return;
	lof_message_add_number(&message, (uintptr_t)lof_syscall_raw(SYS_getpid,
			       0, 0, 0, 0, 0, 0), 10);
	lof_message_add(&message, " ");
	lof_message_add(&message, log_name);
	lof_message_add(&message, ": ");
	lof_message_add(&message, call);
	lof_message_add(&message, " ");
	lof_message_add_number(&message, addr, 16);
	lof_message_add(&message, " ");
	lof_message_add_number(&message, len, 10);
	lof_message_add(&message, " ");
	lof_message_add_number(&message, (uintptr_t)err, 10);
	lof_message_append(&message, log_path);
}

void lof_log_left_out(void)
{
	struct lof_stats stats;

	if (lof_log_is_open() && !lof_stats(&stats, sizeof(stats)) &&
	    stats.left_out + stats.passed_over)
		lof_log("left out", 0, (size_t)stats.left_out, 0);
}

__attribute__((destructor))
static void log_end(void)
{
	lof_log_left_out();
}
