/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The environment of a program that `lockonfault run` executes: LD_PRELOAD, and
 * a variable LOCKONFAULT_* for each option.
 */
#ifndef LOF_CMD_RUN_ENVIRONMENT_H
#define LOF_CMD_RUN_ENVIRONMENT_H

#include <stdbool.h>
#include <stdio.h>

#include "cmd.h"
#include "preload/settings.h"

struct lof_environment {
	const char *shim;		/* --shim, or NULL */
	/* The argument of the option that sets the variable, or NULL. */
	const char *value[LOF_NSETTINGS];
	bool preloads;			/* LD_PRELOAD is to be set */
};

/*
 * Set the variables, and check those that were set before. Call this before the
 * limit is raised: --max may be a percentage of RLIMIT_MEMLOCK. 0, or -1 after a
 * message.
 */
int lof_environment_set(struct lof_environment *environment);

/* The shim does not tell that it cannot open the log. 0, or -1 after a message. */
int lof_environment_try_log(const struct lof_environment *environment);

/*
 * Print the variables that were set, as words of a shell. Returns whether there
 * are any.
 */
bool lof_environment_print(FILE *out, const struct lof_environment *environment);

#endif
