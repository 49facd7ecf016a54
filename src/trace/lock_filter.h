/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A seccomp filter that announces the calls which lock memory in full, and lets
 * all other calls pass at full speed.
 */
#ifndef LOF_TRACE_LOCK_FILTER_H
#define LOF_TRACE_LOCK_FILTER_H

#include <stdbool.h>

/*
 * Put this process, and the programs that it executes, under the filter.
 * strips_populate: it also announces mmap with MAP_POPULATE. *listener is the
 * descriptor that announces. An unprivileged process gains no privileges by
 * execve() any more (no_new_privs).
 *
 *   -ENOTSUP  the architecture is not known, or Linux is older than 5.9
 *   -EBUSY    this process is under another filter that announces calls
 *   other     a negative errno of seccomp(2); nothing has changed
 */
int lof_lock_filter_install(bool strips_populate, int *listener);


#endif
