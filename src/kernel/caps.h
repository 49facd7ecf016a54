/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The capabilities of this kernel and this sandbox. Each is probed once, by a
 * trial, never by a comparison of versions. The capabilities that wrappers
 * depend on are probed when the library is loaded. A test can override any
 * answer.
 */
#ifndef LOF_KERNEL_CAPS_H
#define LOF_KERNEL_CAPS_H

#include <stdbool.h>

enum lof_cap {
	LOF_CAP_LOCKS,			/* a lock keeps pages resident; else
					   (gVisor) it is only charged */
	LOF_CAP_MLOCK2,			/* Linux 4.4, if no filter forbids it */
	LOF_CAP_ONFAULT_BY_MLOCK,	/* a failed mlock leaves VMAs locked */
	LOF_CAP_MLOCKALL_ONFAULT,	/* no filter forbids it */
	LOF_CAP_DONTNEED_LOCKED,	/* Linux 5.18 */
	LOF_CAP_POPULATE,		/* Linux 5.14: MADV_POPULATE_READ */
	LOF_CAP_SMAPS_KIND,		/* smaps shows locks on fault */
	LOF_CAP_HUGETLB,		/* the system has hugetlb pages */
	LOF_CAP_PAGEMAP_SCAN,		/* Linux 6.7, an ioctl */
	LOF_CAP_PAGEMAP,		/* /proc/self/pagemap can be read */
	LOF_CAP_MSYNC,			/* msync tells of holes and of locks */
	LOF_CAP_UNLOCKABLE,		/* a MAP_DROPPABLE mapping was seen */
	LOF_NCAPS
};

bool lof_cap_is_there(enum lof_cap cap);

/* The capability was seen in use: it is there. */
void lof_cap_found(enum lof_cap cap);

/*
 * A call that needs the capability failed with err. True: a filter that was
 * installed after the library was loaded refused the call, and the capability
 * is not there any more. The kernel is probed once more to tell, since the call
 * may have failed for lack of a privilege.
 */
bool lof_cap_is_lost(enum lof_cap cap, int err);

/* Tests only: the answer is 0 or 1 from now on; -1: probe the kernel again. */
void lof_cap_override(enum lof_cap cap, int answer);

#endif
