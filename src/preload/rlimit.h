/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* setrlimit and its kin by syscall(). */
#ifndef LOF_PRELOAD_RLIMIT_H
#define LOF_PRELOAD_RLIMIT_H

/* nr: SYS_setrlimit or SYS_prlimit64. Returns as syscall(). */
long lof_hook_rlimit(long nr, const long args[6]);

#endif
