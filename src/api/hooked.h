/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the library does for the shim alone: the calls of libc as the kernel does
 * them, system call for system call, and noted in the ledger. The names are
 * exported in the node LOCKONFAULT_PRIVATE, and are no part of the API.
 */
#ifndef LOF_API_HOOKED_H
#define LOF_API_HOOKED_H

#include <stddef.h>

/* LOF_CONVERT has its say. If a lock fails, what the kernel left is left. */
int lof_hooked_mlock(const void *addr, size_t len);
int lof_hooked_mlock2(const void *addr, size_t len, unsigned int flags);

void *lof_hooked_shmat(int id, const void *addr, int flags);
int lof_hooked_shmdt(const void *addr);
int lof_hooked_remap_file_pages(void *addr, size_t len, int prot, size_t pgoff,
				int flags);

/* libc mapped it to be read and written: where MCL_FUTURE is ours, lock it. */
void lof_hooked_follow(const void *addr, size_t len);

#endif
