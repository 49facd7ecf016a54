/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A line of text for the log or for standard error, without stdio. */
#include "config.h"

#include "preload/message.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "kernel/sys.h"

/* Keep room for the end of the line. */
#define ROOM	(sizeof(((struct lof_message *)0)->buf) - 1)

void lof_message_add_bytes(struct lof_message *message, const char *bytes,
			   size_t len)
{
	for (size_t i = 0; i < len && message->len < ROOM; i++)
		message->buf[message->len++] =
			bytes[i] >= ' ' && bytes[i] < 0x7f ? bytes[i] : '?';
}

void lof_message_add(struct lof_message *message, const char *text)
{
	lof_message_add_bytes(message, text, strlen(text));
}

void lof_message_add_number(struct lof_message *message, uintptr_t number,
			    unsigned int base)
{
	char digits[24], *at = digits + sizeof(digits);

	*--at = '\0';
	do
		*--at = "0123456789abcdef"[number % base];
	while ((number /= base) > 0);
	lof_message_add(message, base == 16 ? "0x" : "");
	lof_message_add(message, at);
}

/* The signals of this thread while it writes. */
struct calm {
	sigset_t mask, pending;		/* before */
};

/*
 * Block all signals of this thread: a handler could leave by longjmp, and the
 * file would stay open. While SIGTTOU is blocked, the kernel lets a process in
 * the background write to its terminal.
 */
static int calm_begin(struct calm *calm)
{
	sigset_t all;
	int err;

	memset(&all, 0xff, sizeof(all));
	err = lof_sys_sigmask(SIG_BLOCK, &all, &calm->mask);
	if (err)
		return err;
	sigemptyset(&calm->pending);
	/* A signal that was not blocked cannot have been pending. */
	if (sigismember(&calm->mask, SIGPIPE) ||
	    sigismember(&calm->mask, SIGXFSZ))
		err = lof_sys_sigpending(&calm->pending);
	if (err)
		lof_sys_sigmask(SIG_SETMASK, &calm->mask, NULL);
	return err;
}

/*
 * Take the signal that a write has sent to this thread; written is the result
 * of the write. A signal that was pending before is the program's.
 */
static void calm_end(const struct calm *calm, long written)
{
	int raised = written == -EPIPE ? SIGPIPE :
		     written == -EFBIG ? SIGXFSZ : 0;
	sigset_t set;

	if (raised && !sigismember(&calm->pending, raised)) {
		sigemptyset(&set);
		sigaddset(&set, raised);
		lof_sys_sigtake(&set);
	}
	lof_sys_sigmask(SIG_SETMASK, &calm->mask, NULL);
}

static void end_line(struct lof_message *message)
{
	message->buf[message->len++] = '\n';
}

static long write_and_close(const struct lof_message *message, int fd)
{
	long written = lof_sys_write(fd, message->buf, message->len);

	lof_sys_close(fd);
	return written;
}

void lof_message_append(struct lof_message *message, const char *path)
{
	struct calm calm;
	long written = 0;
	int fd;

	end_line(message);
	if (calm_begin(&calm))
		return;
	fd = lof_sys_open_log(path);
	if (fd >= 0)
		written = write_and_close(message, fd);
	calm_end(&calm, written);
}

/*
 * Other processes share the open file of standard error, so that it cannot be
 * made not to wait. A pipe or a terminal is opened anew, which needs /proc; for
 * a socket poll tells whether a write would wait.
 */
void lof_message_say(struct lof_message *message)
{
	struct calm calm;
	long written = 0;
	int fd = -1;

	end_line(message);
	if (calm_begin(&calm))
		return;
	if (lof_sys_is_stream(STDERR_FILENO))
		fd = lof_sys_open_log("/proc/thread-self/fd/2");
	if (fd >= 0)
		written = write_and_close(message, fd);
	else if (lof_sys_is_writable(STDERR_FILENO))
		written = lof_sys_write(STDERR_FILENO, message->buf,
					message->len);
	calm_end(&calm, written);
}
