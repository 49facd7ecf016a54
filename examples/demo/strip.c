/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A row of cells that shows which pages of a range are resident. */
#include "config.h"

#include "strip.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGES_AT_ONCE	1024

static int count_resident(char *addr, size_t npages, size_t page, size_t *count)
{
	unsigned char in_core[PAGES_AT_ONCE];

	*count = 0;
	while (npages > 0) {
		size_t n = npages < PAGES_AT_ONCE ? npages : PAGES_AT_ONCE;

		if (mincore(addr, n * page, in_core))
			return -errno;
		for (size_t i = 0; i < n; i++)
			*count += in_core[i] & 1;
		addr += n * page;
		npages -= n;
	}
	return 0;
}

int lof_strip_measure(struct lof_strip *strip, void *addr, size_t len)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), npages = len / page;
	size_t start = 0;

	for (size_t i = 0; i < LOF_STRIP_CELLS; i++) {
		size_t next = npages * (i + 1) / LOF_STRIP_CELLS;
		size_t n = next > start ? next - start : 1, count;
		int err;

		/* With fewer pages than cells, several cells show one page. */
		err = count_resident((char *)addr + start * page, n, page,
				     &count);
		if (err)
			return err;
		strip->level[i] = (unsigned char)
			((count * LOF_STRIP_FULL + n - 1) / n);
		start = next;
	}
	return 0;
}

void lof_strip_print(const struct lof_strip *strip, bool utf8)
{
	static const char ascii[] = ".:-=+*#%@";

	for (size_t i = 0; i < LOF_STRIP_CELLS; i++) {
		unsigned char level = strip->level[i];

		if (utf8 && level > 0)
			/* U+2581 to U+2588: blocks of one to eight eighths. */
			printf("\xe2\x96%c", 0x80 + level);
		else
			putchar(ascii[level]);
	}
}
