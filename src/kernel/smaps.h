/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reader of /proc/PID/smaps, one VMA after the other. It uses no malloc, no
 * stdio and no locale. It reads nothing beyond its buffer, even if the file is
 * malformed.
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
	bool unlockable;	/* VmFlags io, pf, mm, de, ht or dp: mlock
				   succeeds and does not lock */
	bool secret;		/* memfd_secret (Linux 5.14) */
	bool anonymous;		/* private, without a file */
	bool plain;		/* anonymous, and not the kernel's own: it can be
				   locked if it is not droppable */
	bool skipped;		/* base/select.h: not to be locked */
	size_t rss;		/* bytes resident */
	size_t pinned;		/* bytes locked and resident ("Locked:") */
	size_t swap;		/* bytes swapped out */
};

/* Private to smaps.c. */
struct lof_smaps {
	int fd;
	bool skip;		/* skip the rest of a line longer than buf */
	size_t used, filled;	/* bytes of buf */
	struct lof_vma vma;
	char buf[1024];
};

/* Open smaps of a process; pid 0: this one. 0, or a negative errno of open. */
int lof_smaps_open(struct lof_smaps *smaps, int pid);

/* For tests: read from a descriptor, which lof_smaps_close() closes. */
void lof_smaps_open_fd(struct lof_smaps *smaps, int fd);

/* Get the next VMA. 1; 0 at the end; a negative errno of read. */
int lof_smaps_next(struct lof_smaps *smaps, struct lof_vma *vma);

void lof_smaps_close(struct lof_smaps *smaps);

/*
 * Visit the VMAs of this process in address order.
 *
 * 0        all VMAs were visited
 * other    a visit returned this value, which ended the visits; or a negative
 *          errno of open or read
 */
int lof_smaps_each(int (*visit)(const struct lof_vma *vma, void *arg),
		   void *arg);

/*
 * The same by maps, which is ten times faster. smaps counts the pages of a VMA,
 * and a thread that maps memory waits for that. Set are range, accessible,
 * writable, anonymous, plain, skipped, and growsdown of the main stack.
 */
int lof_maps_each(int (*visit)(const struct lof_vma *vma, void *arg),
		  void *arg);

/*
 * The charge of a process (pid 0: this one) against RLIMIT_MEMLOCK, in bytes:
 * VmLck of /proc/PID/status.
 *
 * 0          *bytes is set
 * -ENODATA   the file has no such line
 * other      a negative errno of open or read
 */
int lof_smaps_charge(int pid, uint64_t *bytes);

/* All mapped bytes of this process: VmSize. Returns like lof_smaps_charge(). */
int lof_smaps_total(uint64_t *bytes);

/*
 * The number of VMAs that may be added: half of vm.max_map_count, less the VMAs
 * of this process; but at least min and at most max.
 */
size_t lof_smaps_areas_left(size_t min, size_t max);

/*
 * All huge pages of the system, in bytes: Hugetlb of /proc/meminfo. Returns
 * like lof_smaps_charge().
 */
int lof_smaps_hugetlb(uint64_t *bytes);

/* The state of a process, from /proc/PID/stat. */
struct lof_process_state {
	uint64_t faults;	/* minor and major, of all threads */
	uint64_t mapped;	/* bytes; 0 if the first thread has ended */
	unsigned int threads;
	bool first_has_ended;	/* the first thread is a zombie */
};

/* pid 0: this process. 0 or a negative errno. */
int lof_smaps_process(int pid, struct lof_process_state *state);

#endif
