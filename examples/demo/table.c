/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The tables and the clock of the demo. */
#include "config.h"

#include "demo.h"

#include <errno.h>
#include <stdio.h>
#include <time.h>

#define NS_PER_SECOND	1000000000ULL

struct libscols_table *lof_demo_table(const struct lof_look *look,
				      const char *title,
				      const char *const *headings)
{
	static const char *const colors[] = { "red", "green", NULL };
	struct libscols_table *table = scols_new_table();

	if (!table || !scols_table_new_column(table, title, 0, 0))
		goto fail;
	scols_table_enable_colors(table, look->colors);
	scols_table_set_column_separator(table, "  ");
	for (size_t i = 0; headings[i]; i++) {
		struct libscols_column *column;

		column = scols_table_new_column(table, headings[i], 0,
						SCOLS_FL_RIGHT);
		if (!column)
			goto fail;
		if (i < sizeof(colors) / sizeof(colors[0]) && colors[i])
			scols_column_set_color(column, colors[i]);
	}
	return table;
fail:
	scols_unref_table(table);
	return NULL;
}

int lof_demo_row(struct libscols_table *table, const char *what,
		 const char *const *values)
{
	struct libscols_line *line = scols_table_new_line(table, NULL);
	size_t ncolumns = scols_table_get_ncols(table);

	if (!line || scols_line_set_data(line, 0, what))
		return -ENOMEM;
	for (size_t i = 1; i < ncolumns; i++)
		if (scols_line_set_data(line, i, values[i - 1]))
			return -ENOMEM;
	return 0;
}

uint64_t lof_demo_clock(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * NS_PER_SECOND + (uint64_t)now.tv_nsec;
}

char *lof_demo_time(char *buf, const struct lof_look *look, uint64_t ns)
{
	static const char *const units[] = { "ns", "us", "ms", "s" };
	double value = (double)ns;
	size_t unit = 0;
	const char *name;

	/* 999.5 would be printed as 1e+03. */
	for (; value >= 999.5 && unit < 3; unit++)
		value /= 1000;
	name = unit == 1 && look->utf8 ? "\u00b5s" : units[unit];
	snprintf(buf, LOF_TIME_CHARS, "%.3g %s", value, name);
	return buf;
}
