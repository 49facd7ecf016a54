/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What this kernel and this sandbox can do: asked by trying, once each, never
 * by comparing versions; and what a call depends on, when the library is
 * loaded. A test can give any answer in the kernel's place.
 */
#ifndef LOF_KERNEL_CAPS_H
#define LOF_KERNEL_CAPS_H

#include <stdbool.h>

enum lof_cap {
	LOF_CAP_LOCKS,			/* a lock keeps pages; else (gVisor) it
					   is accounted, and no more */
	LOF_CAP_MLOCK2,			/* Linux 4.4, if no filter forbids it */
	LOF_CAP_ONFAULT_BY_MLOCK,			/* mlock that fails leaves areas locked */
	LOF_CAP_MLOCKALL_ONFAULT,	/* no filter forbids it */
	LOF_CAP_DONTNEED_LOCKED,	/* Linux 5.18 */
	LOF_CAP_POPULATE,		/* Linux 5.14: MADV_POPULATE_READ */
	LOF_CAP_SMAPS_KIND,		/* smaps tells of lock-on-fault */
	LOF_CAP_HUGETLB,		/* there are huge pages to be had */
	LOF_CAP_PAGEMAP_SCAN,		/* Linux 6.7, an ioctl */
	LOF_CAP_PAGEMAP,		/* /proc/self/pagemap can be read */
	LOF_CAP_UNLOCKABLE,		/* a MAP_DROPPABLE mapping was seen */
	LOF_NCAPS
};

bool lof_cap_is_there(enum lof_cap cap);

/* It is there after all: it was seen. */
void lof_cap_found(enum lof_cap cap);

/*
 * A call that needs it failed with err. Was it refused by a filter that came
 * after we were loaded? Then it is not there any more. A refusal is asked about
 * once more, since it may be for the lack of a privilege.
 */
bool lof_cap_is_lost(enum lof_cap cap, int err);

/* Tests only: answer 0 or 1 from now on, or -1: ask the kernel again. */
void lof_cap_override(enum lof_cap cap, int answer);

#endif
