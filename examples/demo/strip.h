/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A row of cells that shows which pages of a range are resident. */
#ifndef LOF_STRIP_H
#define LOF_STRIP_H

#include <stdbool.h>
#include <stddef.h>

#define LOF_STRIP_CELLS	64
#define LOF_STRIP_FULL	8

struct lof_strip {
	/* The resident share of the cell's pages in eighths, rounded up. */
	unsigned char level[LOF_STRIP_CELLS];
};

/* addr is on a page boundary. Returns 0, or a negative errno of mincore. */
int lof_strip_measure(struct lof_strip *strip, void *addr, size_t len);

/* Print it to stdout, in ASCII unless utf8. */
void lof_strip_print(const struct lof_strip *strip, bool utf8);

#endif
