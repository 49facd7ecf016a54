/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reads the locked memory of a process from /proc. */
#ifndef LOF_PROCESS_H
#define LOF_PROCESS_H

#include <stdbool.h>
#include <stdint.h>

#define LOF_NO_LIMIT	UINT64_MAX

struct lof_process {
	int pid;
	char name[64];			/* printable, not bidirectional */
	bool has_charge, has_limit;
	bool has_areas;			/* the members after limit are known */
	uint64_t charged;		/* VmLck; all sizes are in bytes */
	uint64_t limit;			/* soft limit, or LOF_NO_LIMIT */
	uint64_t locked;		/* locked and resident */
	uint64_t onfault, full;		/* size of the VMAs locked so */
	uint64_t rss, swap;
	uint64_t unlocked;		/* writable and not locked */

	bool has_published;		/* the members below are known */
	const char *shim;		/* active, stalled, inert, linked (the
					   library without the shim) or no */
	bool emulates;			/* the library emulates MCL_FUTURE */
	uint64_t left_out;		/* by MCL_CURRENT alone */
	uint64_t bound;			/* LOCKONFAULT_MAX; 0: none */
	uint64_t over;			/* touched, and not locked for that */
	bool has_mark;			/* the next is known */
	uint64_t faults;		/* since the mark */
};

/* Is procfs mounted on /proc? 0 or a negative errno. */
int lof_proc_check(void);

/*
 * Read the members that every user may read: name, charged and limit.
 *   0       success
 *   -ESRCH  there is no such process
 */
int lof_process_open(struct lof_process *process, int pid);

/* Read the other members from smaps. has_areas: smaps could be read. */
void lof_process_read_areas(struct lof_process *process);

/*
 * process_published.c: read what the library publishes, which needs the
 * permission to trace the process.
 */
void lof_process_read_published(struct lof_process *process);

#endif
