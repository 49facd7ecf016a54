/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The files of the demo share these types and functions. */
#ifndef LOF_DEMO_H
#define LOF_DEMO_H

#include <libsmartcols.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "strip.h"

#define LOF_DEMO_PERCENT	5	/* of the pages are touched */
#define LOF_TIME_CHARS		24

enum lof_way { LOF_WAY_FULL, LOF_WAY_ONFAULT, LOF_WAY_NONE, LOF_NWAYS };

/* Times in nanoseconds, sizes in bytes. */
struct lof_measured {
	int err;			/* 0, or an errno, of what is next */
	char failed[16];		/* the call that failed */
	uint64_t lock_time, touch_time;
	uint64_t rss_locked;		/* resident after the lock call */
	uint64_t rss_touched, pinned;	/* after touching */
	uint64_t faults;		/* while touching */
	uint64_t rss_grown;		/* after growing and moving */
	char flags[8];			/* VmFlags then: "lo", "lo lf" or "" */
	struct lof_strip strip;		/* after touching */
};

/* What is asked of the output. */
struct lof_look {
	bool colors, utf8;
};

/* Bytes written to, and bytes after growing, of a demo of some size. */
uint64_t lof_demo_touched(uint64_t size);
uint64_t lof_demo_grown(uint64_t size);

/*
 * fit.c: what of the size may be locked, and is there, after a message
 * where that is less. 0 after a message: nothing.
 */
uint64_t lof_demo_choose_size(uint64_t size);

/* measure.c: in a process of its own. 0, or -1 after a message. */
int lof_demo_measure(enum lof_way way, size_t size,
		     struct lof_measured *measured);

/* memcached.c: a program of others, with and without the shim. */
void lof_demo_memcached(const struct lof_look *look);

/* table.c: a column for what is measured and one for each heading. */
struct libscols_table *lof_demo_table(const struct lof_look *look,
				      const char *title,
				      const char *const *headings);
int lof_demo_row(struct libscols_table *table, const char *what,
		 const char *const *values);

uint64_t lof_demo_clock(void);
char *lof_demo_time(char *buf, const struct lof_look *look, uint64_t ns);

#endif
