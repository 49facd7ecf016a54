/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Format sizes with units that are powers of 1024. */
#include "config.h"

#include "cmd.h"

#include <stdio.h>

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
