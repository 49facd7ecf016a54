/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* run: by which means a program gets its locks on fault. */
#ifndef LOF_CMD_BACKEND_H
#define LOF_CMD_BACKEND_H

#include <stdbool.h>

#include "cmd.h"

enum lof_backend_kind {
	LOF_BACKEND_AUTO, LOF_BACKEND_PRELOAD, LOF_BACKEND_TRACE,
	LOF_BACKEND_EXEC
};

struct lof_backend {
	enum lof_backend_kind wanted;	/* --backend */
	bool locks_all;			/* --all, or --backend=exec */
	/* The reason why the shim has no effect, or NULL. */
	const char *why;
	/* why is about a program that CMD starts, or about CMD. */
	bool is_launched;
	const struct lof_target *target;
	bool preloads;			/* LD_PRELOAD is to be set */
	bool traces;
	bool execs;			/* mlockall() at the exec */
};

/* The argument of --backend. 0, or -1 after a message. */
int lof_backend_parse(struct lof_backend *backend, const char *name);

/* Choose, by looking at the program. */
void lof_backend_choose(struct lof_backend *backend, char **command,
			const struct lof_target *target);

/*
 * After the variables are set: say which was chosen and why, if tells; and if
 * it is in vain. Returns whether nothing will be on fault.
 */
bool lof_backend_say(const struct lof_backend *backend, const char *name,
		     bool tells);

/*
 * Prepare this process, which executes the program next. 0; or -1 after a
 * message, if --backend cannot be obeyed.
 */
int lof_backend_prepare(struct lof_backend *backend, const char *name);

/* The words "lockonfault run --backend=NAME" for --dry-run, if needed. */
void lof_backend_print(const struct lof_backend *backend);

#endif
