/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The interface between the files of storm: threads, signal handlers and
 * children that make random calls.
 */
#ifndef STORM_H
#define STORM_H

#include "random/calls.h"

#include <stdatomic.h>

#include "random/random.h"

#define STORM_START	((uintptr_t)0x40000000)
#define STORM_NPAGES	64
#define OWN_NPAGES	8	/* used by main only, locked as OWN_KINDS */
#define OWN_START	(STORM_START - 32 * page)
#define OWN_KINDS	"OOFF.O.."

#define RW	(PROT_READ | PROT_WRITE)
#define ANON	(MAP_PRIVATE | MAP_ANONYMOUS)

/* calls.c */
extern bool calls_for_all;	/* also mlockall and munlockall */
extern bool calls_dontunmap;	/* also MREMAP_DONTUNMAP */
void storm_open(void);
void storm_lay_own(void);
void storm_call(struct stream *stream);

/* check.c: end the process with a message if something is wrong. */
_Noreturn void storm_die(const char *format, ...)
	__attribute__((format(printf, 1, 2)));
void storm_watch(void);		/* die unless this is called again in time */
void storm_check(void);		/* while no thread makes calls */
void storm_check_child(bool relocked);

/* fork.c */
enum { BY_FORK, BY_CLONE, BY_HANDLER, BY_NWAYS };

extern volatile bool is_handlers_child;	/* this process was forked by one */
void storm_fork(struct stream *stream, bool relock, int how);
void storm_fork_in_handler(void);
void storm_reap(void);		/* the children of handlers */

#endif
