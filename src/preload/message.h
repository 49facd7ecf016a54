/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A line of text for the log or for standard error, without stdio. */
#ifndef LOF_PRELOAD_MESSAGE_H
#define LOF_PRELOAD_MESSAGE_H

#include <stddef.h>
#include <stdint.h>

/* A longer line is cut off. */
struct lof_message {
	size_t len;
	char buf[240];
};

/* A byte that is no printable ASCII becomes '?'. */
void lof_message_add(struct lof_message *message, const char *text);
void lof_message_add_bytes(struct lof_message *message, const char *bytes,
			   size_t len);
void lof_message_add_number(struct lof_message *message, uintptr_t number,
			    unsigned int base);

/*
 * End the line, and append it to the file at path, or write it to standard
 * error. A line that cannot be written now is lost. These calls do not wait,
 * raise no signal, and run no signal handler.
 */
void lof_message_append(struct lof_message *message, const char *path);
void lof_message_say(struct lof_message *message);

#endif
