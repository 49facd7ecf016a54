/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The shim's log: a line for each call, without stdio and without malloc. */
#include "config.h"

#include "preload/log.h"

#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <string.h>

#include "kernel/syscall.h"

#define NAME_BYTES	32

static char log_path[PATH_MAX];
static char log_name[NAME_BYTES];
static _Atomic int is_open;

struct text {
	size_t len;
	char buf[160];
};

static void add_string(struct text *text, const char *string)
{
	for (; *string && text->len < sizeof(text->buf); string++)
		text->buf[text->len++] = *string;
}

static void add_number(struct text *text, uintptr_t number, unsigned int base)
{
	char digits[24], *at = digits + sizeof(digits);

	*--at = '\0';
	do
		*--at = "0123456789abcdef"[number % base];
	while ((number /= base) > 0);
	add_string(text, base == 16 ? " 0x" : " ");
	add_string(text, at);
}

void lof_log_open(const char *path, const char *name)
{
	if (!path || strlen(path) >= sizeof(log_path))
		return;
	strcpy(log_path, path);
	/* A file name may contain control characters; a log line must not. */
	for (size_t i = 0; i < NAME_BYTES - 1 && name[i]; i++)
		log_name[i] = name[i] > ' ' && name[i] < 0x7f ? name[i] : '?';
	atomic_store_explicit(&is_open, 1, memory_order_release);
}

bool lof_log_is_open(void)
{
	return atomic_load_explicit(&is_open, memory_order_acquire);
}

void lof_log(const char *call, uintptr_t addr, size_t len, int err)
{
	struct text text = { .len = 0 };
	long fd;

	if (!lof_log_is_open())
		return;
	fd = lof_syscall_raw(SYS_openat, AT_FDCWD, (long)log_path,
			     O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC |
			     O_NOCTTY | O_NONBLOCK, 0600, 0, 0);
	if (fd < 0)
		return;
	add_number(&text, (uintptr_t)lof_syscall_raw(SYS_getpid, 0, 0, 0, 0, 0,
						     0), 10);
	add_string(&text, " ");
	add_string(&text, log_name);
	add_string(&text, ": ");
	add_string(&text, call);
	add_number(&text, addr, 16);
	add_number(&text, len, 10);
	add_number(&text, (uintptr_t)err, 10);
	add_string(&text, "\n");
	lof_syscall_raw(SYS_write, fd, (long)(text.buf + 1),
			(long)text.len - 1, 0, 0, 0);
	lof_syscall_raw(SYS_close, fd, 0, 0, 0, 0, 0);
}
