/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The variables LOCKONFAULT_*: their names and values. The shim applies them;
 * the command checks them before it executes a program.
 */
#ifndef LOF_PRELOAD_SETTINGS_H
#define LOF_PRELOAD_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>

#define LOF_SETTING_PREFIX	"LOCKONFAULT_"

struct lof_setting {
	const char *name;	/* with the prefix */
	int option;		/* of lof_set(), or 0 */
	const char *allowed;	/* values, for a message */
};

enum {
	LOF_SETTING_ALL, LOF_SETTING_CHILDREN,
	LOF_SETTING_CONVERT, LOF_SETTING_DISABLE,
	LOF_SETTING_DISCARD, LOF_SETTING_FALLBACK, LOF_SETTING_FORK,
	LOF_SETTING_FUTURE, LOF_SETTING_HOLDS, LOF_SETTING_HUGE, LOF_SETTING_LOG,
	LOF_SETTING_MAX, LOF_SETTING_ONLY, LOF_SETTING_PREFAULT,
	LOF_SETTING_RLIMIT, LOF_SETTING_SKIP, LOF_SETTING_SUMMARY,
	LOF_SETTING_SYNC_MS, LOF_SETTING_VERBOSE,
	LOF_NSETTINGS
};

extern const struct lof_setting lof_settings[LOF_NSETTINGS];

/* Bits of the value of LOCKONFAULT_CHILDREN. */
enum { LOF_CHILDREN_FORK = 1, LOF_CHILDREN_EXEC = 2 };

/*
 * Parse a value. *value: an option's value; the bits of LOCKONFAULT_CHILDREN;
 * 0 or 1 for LOCKONFAULT_ALL, LOCKONFAULT_DISABLE, LOCKONFAULT_SUMMARY and
 * LOCKONFAULT_VERBOSE; the sum of LOCKONFAULT_PREFAULT; for a list or a path it
 * is unchanged.
 *
 * 0        success; "" leaves *value unchanged
 * -EINVAL  the variable has no such value
 */
int lof_setting_parse(const struct lof_setting *setting, const char *text,
		      unsigned long *value);

/* The sizes of LOCKONFAULT_PREFAULT, bytes. 0 or -EINVAL. */
struct lof_prefault_sizes {
	size_t heap, stack;
};

int lof_prefault_parse(const char *text, struct lof_prefault_sizes *sizes);

/*
 * Does variable, "NAME=VALUE", have the prefix, and is no setting? *len is set
 * to the length of its name.
 */
bool lof_setting_is_unknown(const char *variable, size_t *len);

/* Does a program of this name lock memory in order to populate it all now? */
bool lof_setting_wants_eager(const char *program);

#endif
