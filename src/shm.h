/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the library does for the shim alone: as shmat(2), shmdt(2) and
 * remap_file_pages(2), and noted in the ledger.
 */
#ifndef LOF_SHM_H
#define LOF_SHM_H

#include <stddef.h>

void *lof_shmat(int id, const void *addr, int flags);
int lof_shmdt(const void *addr);
int lof_remap_file_pages(void *addr, size_t len, int prot, size_t pgoff,
			 int flags);

#endif
