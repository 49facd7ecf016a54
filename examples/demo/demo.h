/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The files of the demo share these types and functions. */
#ifndef LOF_DEMO_H
#define LOF_DEMO_H

#include <libsmartcols.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "strip.h"

#define LOF_DEMO_PERCENT	5	/* of the pages are written to */
#define LOF_TIME_CHARS		24

enum lof_way { LOF_WAY_FULL, LOF_WAY_ONFAULT, LOF_WAY_NONE, LOF_NWAYS };

/* Times in nanoseconds, sizes in bytes. */
struct lof_measured {
	int err;			/* 0, or the errno of the failed call */
	char failed[16];		/* its name */
	uint64_t lock_time, touch_time;
	uint64_t rss_locked;		/* resident after the lock call */
	uint64_t rss_touched, pinned;	/* after writing */
	uint64_t faults;		/* while writing */
	uint64_t rss_grown;		/* after growing and moving */
	char flags[8];			/* VmFlags then: "lo", "lo lf" or "" */
	struct lof_strip strip;		/* after writing */
};

/* How the output looks. */
struct lof_look {
	bool colors, utf8;
};

/*
 * touched: the bytes that the demo writes to, in whole pages, in a range of
 * size bytes. grown: the size of that range after it grew, in bytes.
 */
uint64_t lof_demo_touched(uint64_t size);
uint64_t lof_demo_grown(uint64_t size);

/*
 * fit.c: the largest size, up to the given one, that the limit and the memory
 * of the machine allow. Prints a message if this size is less than the given
 * one. Returns 0 after a message if no memory can be locked.
 */
uint64_t lof_demo_choose_size(uint64_t size);

/*
 * measure.c: measure one way of locking, in a process of its own. Returns 0, or
 * -1 after a message.
 */
int lof_demo_measure(enum lof_way way, size_t size,
		     struct lof_measured *measured);

/* memcached.c: measure memcached by "lockonfault bench". */
void lof_demo_memcached(void);

/* table.c: the first column names the figures; each heading has a column. */
struct libscols_table *lof_demo_table(const struct lof_look *look,
				      const char *title,
				      const char *const *headings);
int lof_demo_row(struct libscols_table *table, const char *what,
		 const char *const *values);

uint64_t lof_demo_clock(void);
char *lof_demo_time(char *buf, const struct lof_look *look, uint64_t ns);

#endif
