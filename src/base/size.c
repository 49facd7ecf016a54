/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Parse a size as a user writes it. The locale has no effect. */
#include "config.h"

#include "base/size.h"

#include <errno.h>
#include <string.h>

/* "", "K", "KiB": the power of 1024, or -1. */
static int unit_parse(const char *text)
{
	static const char letters[] = "kmgt";
	const char *unit;

	if (!*text)
		return 0;
	unit = strchr(letters, *text | 0x20);
	if (!unit || (text[1] && strcmp(text + 1, "iB") != 0 &&
		      strcmp(text + 1, "ib") != 0 &&
		      strcmp(text + 1, "IB") != 0))
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
		if (__builtin_mul_overflow(number, 10u, &number) ||
		    __builtin_add_overflow(number, (unsigned int)(*text - '0'),
					   &number))
			return -ERANGE;
	unit = unit_parse(text);
	if (unit < 0)
		return -EINVAL;
	return __builtin_mul_overflow(number, (uint64_t)1 << (10 * unit),
				      bytes) ? -ERANGE : 0;
}
