/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reader of /proc/PID/smaps, one area (VMA) after the other. No malloc, no
 * stdio, no locale; whatever the file holds, it reads nothing beyond it.
 */
#ifndef LOF_KERNEL_SMAPS_H
#define LOF_KERNEL_SMAPS_H

#include "base/range.h"

struct lof_vma {
	struct lof_range range;
	bool accessible;	/* VmFlags rd, wr or ex */
	bool writable;		/* VmFlags wr */
	bool growsdown;		/* VmFlags gd: a stack */
	bool locked;		/* VmFlags lo */
	bool onfault;		/* VmFlags lf (Linux 6.2), or ?? in its place */
	bool hugetlb;		/* VmFlags ht */
	bool droppable;		/* VmFlags dp (Linux 6.11): MAP_DROPPABLE */
	bool unlockable;	/* VmFlags io, pf, mm, de, ht, dp: passed over */
	bool secret;		/* of memfd_secret (Linux 5.14) */
	bool anonymous;		/* private, and no file */
	size_t rss;		/* bytes resident */
	size_t pinned;		/* bytes locked and resident ("Locked:") */
	size_t swap;		/* bytes swapped out */
};

/* Private to smaps.c. */
struct lof_smaps {
	int fd;
	bool skip;		/* the rest of a line too long for the buffer */
	size_t used, filled;	/* bytes of buf */
	struct lof_vma vma;
	char buf[1024];
};

/* Open the file of a process, 0: our own. 0, or a negative errno of open. */
int lof_smaps_open(struct lof_smaps *smaps, int pid);

/* For tests: read from a descriptor, which lof_smaps_close() closes. */
void lof_smaps_open_fd(struct lof_smaps *smaps, int fd);

/* The next area. 1; 0 at the end; a negative errno of read. */
int lof_smaps_next(struct lof_smaps *smaps, struct lof_vma *vma);

void lof_smaps_close(struct lof_smaps *smaps);

/*
 * Visit our own areas in address order. What is not 0 ends it: the return of a
 * visit, or a negative errno of open or read.
 */
int lof_smaps_each(int (*visit)(const struct lof_vma *vma, void *arg),
		   void *arg);

/*
 * What a process (0: we) is charged against RLIMIT_MEMLOCK, in bytes: VmLck of
 * /proc/PID/status. 0 or a negative errno; -ENODATA: there is no such line.
 */
int lof_smaps_charge(int pid, uint64_t *bytes);

/* All that is mapped here: VmSize. The same. */
int lof_smaps_total(uint64_t *bytes);

/*
 * How many areas a part of memory may be made of, at least min and at most max:
 * half of vm.max_map_count, less those that there are.
 */
size_t lof_smaps_areas_left(size_t min, size_t max);

/* All huge pages of the system, in bytes: Hugetlb of /proc/meminfo. The same. */
int lof_smaps_hugetlb(uint64_t *bytes);

#endif
