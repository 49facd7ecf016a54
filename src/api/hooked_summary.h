/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The locks of a process at its end, in a child of fork. */
#ifndef LOF_API_HOOKED_SUMMARY_H
#define LOF_API_HOOKED_SUMMARY_H

/* If the parent will tell its locks, the child will, too. */
void lof_summary_after_fork_in_child(void);

#endif
