/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* LOCKONFAULT_SUMMARY: a line on standard error at the end of the process. */
#ifndef LOF_PRELOAD_SUMMARY_H
#define LOF_PRELOAD_SUMMARY_H

#include <stdbool.h>
#include <stddef.h>

/* Private to this file and summary.c. */
extern bool lof_summary_is_on __attribute__((visibility("hidden")));
void lof_summary_add(size_t bytes, int err);
void lof_summary_add_all(int err);

/* Write the line at the end. */
void lof_summary_begin(void);

/* A call asked to lock so many bytes. err: 0, or the errno of its failure. */
static inline void lof_summary_count(size_t bytes, int err)
{
	if (lof_summary_is_on)
		lof_summary_add(bytes, err);
}

/* mlockall() was called. */
static inline void lof_summary_count_all(int err)
{
	if (lof_summary_is_on)
		lof_summary_add_all(err);
}

#endif
