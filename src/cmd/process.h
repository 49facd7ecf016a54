/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What /proc tells of a process's locked memory. */
#ifndef LOF_PROCESS_H
#define LOF_PROCESS_H

#include <stdbool.h>
#include <stdint.h>

#define LOF_NO_LIMIT	UINT64_MAX

struct lof_process {
	int pid;
	char name[64];			/* only printable characters */
	bool has_charge, has_limit;
	bool has_areas;			/* the members after limit are known */
	uint64_t charged;		/* VmLck, bytes as all that follows */
	uint64_t limit;			/* soft RLIMIT_MEMLOCK or LOF_NO_LIMIT */
	uint64_t locked;		/* locked and resident */
	uint64_t onfault, full;		/* size of the areas locked so */
	uint64_t rss, swap;
};

/* What anybody may see of a process. 0, or -ESRCH. */
int lof_process_open(struct lof_process *process, int pid);

/* What is in smaps; has_areas stays false where that cannot be read. */
void lof_process_read_areas(struct lof_process *process);

#endif
