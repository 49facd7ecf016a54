/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The variables LOCKONFAULT_*: their names and values. Pure: this file reads no
 * environment and prints nothing. It is built into the shim and the command.
 */
#include "config.h"

#include "preload/settings.h"

#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <string.h>

#include "base/select.h"
#include "base/size.h"
#include "lockonfault.h"

#define KINDS	"anon, heap, stack, shm, file, file:GLOB, with commas between"
#define NAME(name)	LOF_SETTING_PREFIX name

/* Words are in the order of the option's values, from 0. */
const struct lof_setting lof_settings[LOF_NSETTINGS] = {
	[LOF_SETTING_ALL] = { NAME("ALL"), 0, "0|1" },
	[LOF_SETTING_CHILDREN] = {
		NAME("CHILDREN"), 0, "no|fork|exec|fork,exec"
	},
	[LOF_SETTING_CONVERT] = { NAME("CONVERT"), LOF_CONVERT, "0|1|2" },
	[LOF_SETTING_DISABLE] = { NAME("DISABLE"), 0, "0|1" },
	[LOF_SETTING_DISCARD] = {
		NAME("DISCARD"), LOF_DISCARD, "fail|translate"
	},
	[LOF_SETTING_FALLBACK] = {
		NAME("FALLBACK"), LOF_FALLBACK, "emulate|full|refuse"
	},
	[LOF_SETTING_FORK] = { NAME("FORK"), LOF_FORK, "forget|relock" },
	[LOF_SETTING_FUTURE] = {
		NAME("FUTURE"), LOF_FUTURE, "auto|kernel|emulate"
	},
	[LOF_SETTING_HOLDS] = { NAME("HOLDS"), 0, "0|1" },
	[LOF_SETTING_HUGE] = { NAME("HUGE"), LOF_HUGE, "keep|split" },
	[LOF_SETTING_LOG] = { NAME("LOG"), 0, NULL },
	[LOF_SETTING_MAX] = {
		NAME("MAX"), LOF_CONVERT_MAX, "bytes, or with K, M, G, T"
	},
	[LOF_SETTING_ONLY] = { NAME("ONLY"), 0, KINDS },
	[LOF_SETTING_PREFAULT] = {
		NAME("PREFAULT"), 0, "SIZE[,stack:SIZE]"
	},
	[LOF_SETTING_RLIMIT] = { NAME("RLIMIT"), 0, "keep|fake" },
	[LOF_SETTING_SKIP] = { NAME("SKIP"), 0, KINDS },
	[LOF_SETTING_SUMMARY] = { NAME("SUMMARY"), 0, "0|1" },
	[LOF_SETTING_SYNC_MS] = {
		NAME("SYNC_MS"), LOF_SYNC_MS, "milliseconds, at most 3600000"
	},
	[LOF_SETTING_VERBOSE] = { NAME("VERBOSE"), 0, "0|1" },
};

/* Find text in words, "first|second|third". */
static int word_parse(const char *words, const char *text, unsigned long *value)
{
	size_t len = strlen(text), n;

	for (unsigned long i = 0;; i++, words += n + 1) {
		n = strcspn(words, "|");
		if (n == len && memcmp(words, text, n) == 0) {
			*value = i;
			return 0;
		}
		if (!words[n])
			return -EINVAL;
	}
}

/* A bound that is too large for the process binds as little as the largest. */
static int max_parse(const char *text, unsigned long *value)
{
	uint64_t bytes;
	int err = lof_size_parse(text, &bytes);

	if (err)
		return -EINVAL;
	*value = bytes < ULONG_MAX ? (unsigned long)bytes : ULONG_MAX;
	return 0;
}

static int ms_parse(const char *text, unsigned long *value)
{
	uint64_t ms;

	if (text[strspn(text, "0123456789")] || lof_size_parse(text, &ms) ||
	    ms > LOF_SYNC_MS_MAX)
		return -EINVAL;
	*value = (unsigned long)ms;
	return 0;
}

/* A size that malloc can be asked for. */
static int part_parse(const char *text, size_t len, size_t *bytes)
{
	char part[32];
	uint64_t parsed;

	if (len >= sizeof(part))
		return -EINVAL;
	memcpy(part, text, len);
	part[len] = '\0';
	if (lof_size_parse(part, &parsed) || parsed > PTRDIFF_MAX / 2)
		return -EINVAL;
	*bytes = (size_t)parsed;
	return 0;
}

int lof_prefault_parse(const char *text, struct lof_prefault_sizes *sizes)
{
	static const char stack[] = ",stack:";
	size_t len = strcspn(text, ","), skipped = sizeof(stack) - 1;

	sizes->stack = 0;
	if (part_parse(text, len, &sizes->heap))
		return -EINVAL;
	text += len;
	if (!*text)
		return 0;
	if (strncmp(text, stack, skipped) != 0)
		return -EINVAL;
	return part_parse(text + skipped, strlen(text + skipped),
			  &sizes->stack);
}

int lof_setting_parse(const struct lof_setting *setting, const char *text,
		      unsigned long *value)
{
	struct lof_prefault_sizes sizes;
	struct lof_kinds kinds;
	int err;

	if (!*text || !setting->allowed)
		return 0;
	if (setting == &lof_settings[LOF_SETTING_SKIP] ||
	    setting == &lof_settings[LOF_SETTING_ONLY])
		return lof_kinds_parse(text, &kinds);
	if (setting == &lof_settings[LOF_SETTING_PREFAULT]) {
		err = lof_prefault_parse(text, &sizes);
		if (!err)
			*value = sizes.heap + sizes.stack;
		return err;
	}
	if (setting->option == LOF_CONVERT_MAX)
		return max_parse(text, value);
	if (setting->option == LOF_SYNC_MS)
		return ms_parse(text, value);
	return word_parse(setting->allowed, text, value);
}

bool lof_setting_is_unknown(const char *variable, size_t *len)
{
	*len = strcspn(variable, "=");
	if (!variable[*len] || strncmp(variable, LOF_SETTING_PREFIX,
				       sizeof(LOF_SETTING_PREFIX) - 1) != 0)
		return false;
	for (size_t i = 0; i < LOF_NSETTINGS; i++)
		if (strlen(lof_settings[i].name) == *len &&
		    memcmp(lof_settings[i].name, variable, *len) == 0)
			return false;
	return true;
}

bool lof_setting_wants_eager(const char *program)
{
	static const char *const eager[] = {
		"fio", "memlockd", "prelockd", "vmtouch",
	};

	for (size_t i = 0; i < sizeof(eager) / sizeof(eager[0]); i++)
		if (strcmp(program, eager[i]) == 0)
			return true;
	return false;
}
