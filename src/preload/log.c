/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The shim's log: a line for each call, without stdio and without malloc. */
#include "config.h"

#include "preload/log.h"

#include <errno.h>
#include <limits.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>

#include "api/hooked.h"
#include "kernel/sys.h"
#include "kernel/syscall.h"
#include "lockonfault.h"

#define NAME_BYTES	32

enum { IN_FILE = 1, IN_WORDS = 2 };

static char log_path[PATH_MAX];
static char log_name[NAME_BYTES];
static _Atomic int written;	/* in which of these ways; 0: not at all */

void lof_log_open(const char *path, const char *name, bool is_verbose)
{
	int ways = is_verbose ? IN_WORDS : 0;

	if (path && strlen(path) < sizeof(log_path)) {
		strcpy(log_path, path);
		ways |= IN_FILE;
	}
	/* A space would end the name in the log. */
	for (size_t i = 0; i < NAME_BYTES - 1 && name[i]; i++)
		log_name[i] = name[i] == ' ' ? '?' : name[i];
	atomic_store_explicit(&written, ways, memory_order_release);
}

/* After a filter that refuses the calls of the log nothing is written. */
static bool is_written(int way)
{
	return atomic_load_explicit(&written, memory_order_acquire) & way &&
	       lof_hooked_permits_log();
}

bool lof_log_is_verbose(void)
{
	return is_written(IN_WORDS);
}

void lof_log_begin(struct lof_message *message)
{
	lof_message_add_number(message, (uintptr_t)lof_syscall_raw(SYS_getpid,
			       0, 0, 0, 0, 0, 0), 10);
	lof_message_add(message, " ");
	lof_message_add(message, log_name);
	lof_message_add(message, ": ");
}

/* The reasons that these calls have for an errno. */
static const char *reason_of(int err)
{
	switch (err) {
	case EAGAIN:
		return "EAGAIN, RLIMIT_MEMLOCK does not allow it, or there is "
		       "no memory";
	case ENOMEM:
		return "ENOMEM, RLIMIT_MEMLOCK does not allow it, or memory "
		       "in the range is not mapped";
	case EPERM:
		return "EPERM, the process has no privilege to lock "
		       "(CAP_IPC_LOCK), and RLIMIT_MEMLOCK is 0";
	case EINVAL:
		return "EINVAL, the arguments are invalid";
	case ENOSYS:
		return "ENOSYS, there is no such system call";
	default:
		return "for another reason, see LOCKONFAULT_LOG";
	}
}

static void say_refused(const char *call, size_t len, int err)
{
	struct lof_message message = { .len = 0 };

	lof_message_add(&message, "lockonfault: ");
	lof_log_begin(&message);
	lof_message_add(&message, call);
	lof_message_add(&message, " refused");
	if (len > MCL_CURRENT + MCL_FUTURE + MCL_ONFAULT) {
		lof_message_add(&message, ", ");
		lof_message_add_number(&message, len, 10);
		lof_message_add(&message, " bytes");
	}
	lof_message_add(&message, ": ");
	lof_message_add(&message, reason_of(err));
	lof_message_say(&message);
}

void lof_log(const char *call, uintptr_t addr, size_t len, int err)
{
	struct lof_message message = { .len = 0 };

	if (err && is_written(IN_WORDS))
		say_refused(call, len, err);
	if (!is_written(IN_FILE))
		return;
	lof_log_begin(&message);
	lof_message_add(&message, call);
	lof_message_add(&message, " ");
	lof_message_add_number(&message, addr, 16);
	lof_message_add(&message, " ");
	lof_message_add_number(&message, len, 10);
	lof_message_add(&message, " ");
	lof_message_add_number(&message, (uintptr_t)err, 10);
	lof_message_append(&message, log_path);
}

void lof_log_limit_faked(uint64_t asked)
{
	struct lof_message message = { .len = 0 };

	lof_log("setrlimit faked", 0, (size_t)asked, 0);
	if (!is_written(IN_WORDS))
		return;
	lof_message_add(&message, "lockonfault: ");
	lof_log_begin(&message);
	lof_message_add(&message, "setrlimit of RLIMIT_MEMLOCK, refused by the "
			"kernel (EPERM), is answered with success");
	lof_message_say(&message);
}

/* Say a number of bytes once: the memory of MCL_CURRENT alone stays the same. */
static void say_left_out(size_t bytes, const char *why)
{
	static _Atomic size_t said;
	struct lof_message message = { .len = 0 };

	if (!bytes || !is_written(IN_WORDS) ||
	    atomic_exchange(&said, bytes) == bytes)
		return;
	lof_message_add(&message, "lockonfault: ");
	lof_log_begin(&message);
	lof_message_add_number(&message, bytes, 10);
	lof_message_add(&message, " bytes are not locked: ");
	lof_message_add(&message, why);
	lof_message_say(&message);
}

void lof_log_skipped(void)
{
	struct lof_message message = { .len = 0 };
	uint64_t bytes;
	int err;

	if (!is_written(IN_FILE | IN_WORDS))
		return;
	bytes = lof_hooked_skipped(&err);
	if (!bytes && !err)
		return;
	lof_log("skipped", 0, (size_t)bytes, 0);
	if (!is_written(IN_WORDS))
		return;
	lof_message_add(&message, "lockonfault: ");
	lof_log_begin(&message);
	if (bytes)
		lof_message_add_number(&message, (uintptr_t)bytes, 10);
	lof_message_add(&message, bytes ? " bytes are not locked: skipped" :
			"nothing is skipped: /proc/self/maps cannot be read");
	lof_message_say(&message);
}

void lof_log_left_out(void)
{
	struct lof_stats stats;
	unsigned long max = 0;

	if (!is_written(IN_FILE | IN_WORDS))
		return;
	/* libc maps memory unseen, which may fit. */
	lof_catch_up();
	if (lof_stats(&stats, sizeof(stats)))
		return;
	if (stats.left_out + stats.passed_over && is_written(IN_FILE))
		lof_log("left out", 0, (size_t)stats.left_out, 0);
	lof_get(LOF_CONVERT_MAX, &max);
	if (max)
		say_left_out((size_t)stats.overrun,
			     "they were touched, and exceed LOCKONFAULT_MAX");
	else
		say_left_out((size_t)lof_hooked_over_limit(stats.left_out),
			     "they do not fit RLIMIT_MEMLOCK");
}

__attribute__((destructor))
static void log_end(void)
{
	lof_log_left_out();
}
