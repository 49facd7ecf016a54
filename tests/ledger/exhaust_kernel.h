/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A simulated kernel of few pages, for exhaust.c. Its pages have 1 MiB, so two
 * of them share a bit of the bitmap of blocks.
 */
#ifndef EXHAUST_KERNEL_H
#define EXHAUST_KERNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NPAGES		6
#define PAGE		((uintptr_t)1 << 20)
#define WINDOW		((uintptr_t)0x10000000)

/* A page: a hole, or mapped and not locked, or locked with a kind. */
enum state { HOLE = '.', FREE = '-', ONFAULT = 'o', FULL = 'f' };

struct kernel {
	char page[NPAGES];	/* an enum state each */
	char wipes;		/* fork empties the ledger: MADV_WIPEONFORK */
};

extern struct kernel kernel;

/* A system call failed since the test set this to false. */
extern bool kernel_refused;

/* In exhaust.c: may switch to another call; must switch, if one can run. */
void exhaust_syscall_at(const char *where, int line);
#define exhaust_syscall()	exhaust_syscall_at(__func__, __LINE__)
void exhaust_wait(void);

/* fork: the child inherits the mappings, not the locks. */
void kernel_fork(void);

#endif
