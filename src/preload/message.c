/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A line of text for the log or for standard error, without stdio. */
#include "config.h"

#include "preload/message.h"

#include <string.h>
#include <unistd.h>

#include "kernel/syscall.h"

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

void lof_message_write(struct lof_message *message, long fd)
{
	message->buf[message->len++] = '\n';
	lof_syscall_raw(SYS_write, fd, (long)message->buf, (long)message->len,
			0, 0, 0);
}

void lof_message_say(struct lof_message *message)
{
	lof_message_write(message, STDERR_FILENO);
}
