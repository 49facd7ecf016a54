/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A kernel of few pages, for exhaust.c: what is mapped, and how it is locked.
 * Its pages are of 1 MiB, so that two of them share a bit of the summary.
 */
#ifndef EXHAUST_KERNEL_H
#define EXHAUST_KERNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NPAGES		6
#define PAGE		((uintptr_t)1 << 20)
#define WINDOW		((uintptr_t)0x10000000)

/* A page: a hole, or mapped and locked in a way. */
enum state { HOLE = '.', FREE = '-', ONFAULT = 'o', FULL = 'f' };

struct kernel {
	char page[NPAGES];	/* an enum state each */
	char wipes;		/* the ledger is emptied by a fork */
};

extern struct kernel kernel;

/* A call failed since this was set to false. */
extern bool kernel_refused;

/* From exhaust.c: another call may go on; it must, if one can. */
void exhaust_syscall_at(const char *where, int line);
#define exhaust_syscall()	exhaust_syscall_at(__func__, __LINE__)
void exhaust_wait(void);

/* A child of fork has the memory, but not the locks. */
void kernel_fork(void);

#endif
