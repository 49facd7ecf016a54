/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Programs that start another program without LD_PRELOAD, known by name. The
 * files of programs are examined in preload_reach.c.
 */
#include "config.h"

#include "cmd.h"

#include <string.h>

struct launcher {
	const char *name, *why;
	/* The option that decides, or NULL, and whether it keeps LD_PRELOAD. */
	const char *option;
	bool keeps;
	char letter;			/* the short form of option, or 0 */
	bool dash;			/* "-" alone is a form, too */
	bool any_place;			/* also after an operand */
	const char *valued;		/* short options that have a value */
};

static const char not_passed[] = "it does not pass LD_PRELOAD on";
static const char cleared[] = "it clears the environment";
static const char elsewhere[] =
	"the service manager starts it, in another environment";

static const struct launcher launchers[] = {
	{ .name = "doas", .why = not_passed },
	{ .name = "pkexec", .why = not_passed },
	{ .name = "run0", .why = elsewhere },
	{ .name = "sudo", .why = not_passed },
	{ .name = "systemd-run", .why = elsewhere,
	  .option = "--scope", .keeps = true, .valued = "CEHMpu" },
	{ .name = "env", .why = cleared, .option = "--ignore-environment",
	  .letter = 'i', .dash = true, .valued = "CSu" },
	{ .name = "runuser", .why = cleared, .option = "--login",
	  .letter = 'l', .dash = true, .any_place = true, .valued = "cgGsuw" },
	{ .name = "su", .why = cleared, .option = "--login",
	  .letter = 'l', .dash = true, .any_place = true, .valued = "cgGsw" },
	{ .name = "setpriv", .why = cleared, .option = "--reset-env",
	  .valued = "" },
};

static const struct launcher *launcher_find(const char *command)
{
	const char *slash = strrchr(command, '/');
	const char *name = slash ? slash + 1 : command;

	for (size_t i = 0; i < sizeof(launchers) / sizeof(*launchers); i++)
		if (strcmp(launchers[i].name, name) == 0)
			return &launchers[i];
	return NULL;
}

/*
 * Is the option in the letters of **arg, such as "-vi"? If the next argument is
 * the value of the last letter, advance *arg to it.
 */
static bool has_letter(const struct launcher *launcher, char ***arg)
{
	const char *letters = **arg + 1;

	for (; *letters; letters++) {
		if (*letters == launcher->letter)
			return true;
		if (strchr(launcher->valued, *letters)) {
			*arg += !letters[1] && (*arg)[1];
			return false;
		}
	}
	return false;
}

/*
 * Is the option before the program in args? Which long options have a value is
 * not known: a word after one is taken for its value.
 */
static bool has_option(const struct launcher *launcher, char **args)
{
	bool valued = false;

	for (; *args && strcmp(*args, "--") != 0; args++) {
		const char *arg = *args;
		bool value = valued;

		valued = false;
		if (*arg != '-') {
			if (!value && !launcher->any_place && !strchr(arg, '='))
				return false;
		} else if (!arg[1]) {
			if (launcher->dash)
				return true;
		} else if (arg[1] == '-') {
			/* getopt_long accepts abbreviations. */
			if (strncmp(launcher->option, arg, strlen(arg)) == 0)
				return true;
			valued = !strchr(arg, '=');
		} else if (has_letter(launcher, &args)) {
			return true;
		}
	}
	return false;
}

const char *lof_launcher_clears(char **command, bool *is_elsewhere)
{
	const struct launcher *launcher = launcher_find(command[0]);

	if (!launcher)
		return NULL;
	/* As in "sudo LD_PRELOAD=...": the user takes care of it. */
	for (char **arg = command + 1; *arg; arg++)
		if (strstr(*arg, "LD_PRELOAD"))
			return NULL;
	if (launcher->option &&
	    has_option(launcher, command + 1) == launcher->keeps)
		return NULL;
	*is_elsewhere = launcher->why == elsewhere;
	return launcher->why;
}
