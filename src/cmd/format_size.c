/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Format and parse sizes with units that are powers of 1024. */
#include "config.h"

#include "cmd.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

static const char units[] = "BKMGTPE";

/* The unit that leaves one to three digits before the point. */
static unsigned int unit_of(uint64_t bytes, double *value)
{
	unsigned int unit = 0;

	*value = (double)bytes;
	/* 999.5 would be printed as 1e+03. */
	while (*value >= 999.5 && unit < sizeof(units) - 2) {
		*value /= 1024;
		unit++;
	}
	return unit;
}

char *lof_size_text(char *buf, uint64_t bytes)
{
	double value;
	unsigned int unit = unit_of(bytes, &value);

	snprintf(buf, LOF_SIZE_CHARS, unit ? "%.3g %ciB" : "%.3g %c", value,
		 units[unit]);
	return buf;
}

char *lof_size_column(char *buf, uint64_t bytes)
{
	double value;
	unsigned int unit = unit_of(bytes, &value);

	snprintf(buf, LOF_SIZE_CHARS, "%.3g%c", value, units[unit]);
	return buf;
}

/* "", "K", "KiB": the power of 1024, or -1. */
static int unit_parse(const char *text)
{
	static const char letters[] = "KMGT";
	const char *unit;

	if (!*text)
		return 0;
	unit = strchr(letters, *text & ~0x20);
	if (!unit || !*unit || (text[1] && strcasecmp(text + 1, "iB") != 0))
		return -1;
	return (int)(unit - letters) + 1;
}

int lof_size_parse(const char *text, uint64_t *bytes)
{
	uint64_t number = 0;
	int unit;

	if (*text < '0' || *text > '9')
		return -EINVAL;
	for (; *text >= '0' && *text <= '9'; text++)
		if (__builtin_mul_overflow(number, 10, &number) ||
		    __builtin_add_overflow(number, *text - '0', &number))
			return -ERANGE;
	unit = unit_parse(text);
	if (unit < 0)
		return -EINVAL;
	return __builtin_mul_overflow(number, 1ULL << (10 * unit), bytes) ?
	       -ERANGE : 0;
}
