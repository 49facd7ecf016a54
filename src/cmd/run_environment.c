/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * An option of run is a variable of the shim. Most have the same value; the
 * others are converted here, since the shim runs elsewhere: it has another
 * current directory, and perhaps another limit.
 */
#include "config.h"

#include "run_environment.h"

#include <err.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kernel/sys.h"
#include "lockonfault.h"

static const char *name_of(size_t i)
{
	return lof_settings[i].name;
}

static int set(size_t i, const char *value)
{
	if (setenv(name_of(i), value, 1)) {
		warn("cannot set %s", name_of(i));
		return -1;
	}
	return 0;
}

/* Make the path absolute: CMD and its children may change directory. */
static int set_log(const char *log)
{
	char dir[PATH_MAX], path[PATH_MAX];
	int n;

	if (*log == '/')
		return set(LOF_SETTING_LOG, log);
	if (!getcwd(dir, sizeof(dir))) {
		warn("cannot get the current directory");
		return -1;
	}
	n = snprintf(path, sizeof(path), "%s/%s", dir, log);
	if (n < 0 || (size_t)n >= sizeof(path)) {
		warnx("the path of the log is too long: %s", log);
		return -1;
	}
	return set(LOF_SETTING_LOG, path);
}

static int set_populate(const char *how)
{
	if (strcmp(how, "strip") == 0)
		return set(LOF_SETTING_CONVERT, "2");
	if (strcmp(how, "keep") == 0)
		return set(LOF_SETTING_CONVERT, "1");
	warnx("invalid argument '%s' for --populate: not keep or strip", how);
	return -1;
}

/* Only the scanning thread locks touched pages, so --max needs it. */
static int set_max(struct lof_environment *environment, const char *max)
{
	char text[sizeof("18446744073709551615")];
	uint64_t bytes;

	if (lof_max_parse(max, &bytes))
		return -1;
	snprintf(text, sizeof(text), "%" PRIu64, bytes);
	if (set(LOF_SETTING_MAX, text))
		return -1;
	if (!getenv(name_of(LOF_SETTING_SYNC_MS)))
		environment->value[LOF_SETTING_SYNC_MS] = "100";
	return 0;
}

/* The argument of an option that has the values of its variable. */
static int set_checked(size_t i, const char *option, const char *value)
{
	const struct lof_setting *setting = &lof_settings[i];
	unsigned long parsed;

	if (*value && !lof_setting_parse(setting, value, &parsed))
		return set(i, value);
	warnx("invalid argument '%s' for --%s: not %s", value, option,
	      setting->allowed);
	return -1;
}

static int set_setting(struct lof_environment *environment, size_t i)
{
	const char *value = environment->value[i];

	if (!value)
		return 0;
	switch (i) {
	case LOF_SETTING_CHILDREN:
		return set_checked(i, "children", value);
	case LOF_SETTING_CONVERT:
		return set_populate(value);
	case LOF_SETTING_LOG:
		return set_log(value);
	case LOF_SETTING_MAX:
		return set_max(environment, value);
	case LOF_SETTING_ONLY:
		return set_checked(i, "only", value);
	case LOF_SETTING_PREFAULT:
		return set_checked(i, "prefault", value);
	case LOF_SETTING_RLIMIT:
		return set_checked(i, "rlimit", value);
	case LOF_SETTING_SKIP:
		return set_checked(i, "skip", value);
	default:
		return set(i, value);
	}
}

/* A program may refuse the shim; but a shim that is not there is an error. */
static int set_preload(const struct lof_environment *environment)
{
	char shim[PATH_MAX];

	if (lof_shim_find(environment->shim, shim, sizeof(shim)) ||
	    lof_shim_check(shim))
		return -1;
	return environment->preloads ? lof_shim_preload(shim) : 0;
}

/*
 * Report a variable with an unknown name or value, and remove it, so that the
 * shim does not report it again. A bound with an unknown value is an error.
 */
static int check_variable(const struct lof_setting *setting)
{
	const char *text = getenv(setting->name);
	unsigned long value;

	if (!text || !lof_setting_parse(setting, text, &value))
		return 0;
	warnx("%s has an unknown value%s: '%s'; known: %s", setting->name,
	      setting->option == LOF_CONVERT_MAX ? "" : ", ignored", text,
	      setting->allowed);
	return setting->option == LOF_CONVERT_MAX ? -1 :
	       unsetenv(setting->name);
}

static char *unknown_variable(void)
{
	size_t len;

	for (char **variable = environ; *variable; variable++)
		if (lof_setting_is_unknown(*variable, &len))
			return strndup(*variable, len);
	return NULL;
}

static int check_variables(void)
{
	char *name;

	for (size_t i = 0; i < LOF_NSETTINGS; i++)
		if (check_variable(&lof_settings[i]))
			return -1;
	while ((name = unknown_variable())) {
		warnx("unknown variable, ignored: %s", name);
		unsetenv(name);
		free(name);
	}
	return 0;
}

/* In the order of the settings: LOCKONFAULT_MAX may set LOCKONFAULT_SYNC_MS. */
int lof_environment_set(struct lof_environment *environment)
{
	if (set_preload(environment))
		return -1;
	for (size_t i = 0; i < LOF_NSETTINGS; i++)
		if (set_setting(environment, i))
			return -1;
	return check_variables();
}

int lof_environment_try_log(const struct lof_environment *environment)
{
	const char *path = getenv(name_of(LOF_SETTING_LOG));
	int fd;

	if (!environment->value[LOF_SETTING_LOG])
		return 0;
	fd = lof_sys_open_log(path);
	if (fd < 0) {
		errno = -fd;
		warn("cannot open the log %s", path);
		return -1;
	}
	return close(fd);
}

static void print_variable(FILE *out, const char *name, bool is_first)
{
	fprintf(out, "%s%s=", is_first ? "" : " ", name);
	lof_print_quoted(out, getenv(name));
}

bool lof_environment_print(FILE *out, const struct lof_environment *environment)
{
	bool is_first = true;

	if (environment->preloads) {
		print_variable(out, "LD_PRELOAD", true);
		is_first = false;
	}
	for (size_t i = 0; i < LOF_NSETTINGS; i++)
		if (environment->value[i]) {
			print_variable(out, name_of(i), is_first);
			is_first = false;
		}
	return !is_first;
}
