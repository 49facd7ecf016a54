/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the parts of storm share: threads that call at random, signal handlers
 * and children that do the same. Each part says in its first lines what it does.
 */
#ifndef STORM_H
#define STORM_H

#include "random/calls.h"

#include <stdatomic.h>

#include "random/random.h"

#define STORM_START	((uintptr_t)0x40000000)
#define STORM_NPAGES	64
#define OWN_NPAGES	8	/* of main alone, locked as OWN_KINDS says */
#define OWN_START	(STORM_START - 32 * page)
#define OWN_KINDS	"OOFF.O.."

#define RW	(PROT_READ | PROT_WRITE)
#define ANON	(MAP_PRIVATE | MAP_ANONYMOUS)

/* storm_calls.c */
extern bool calls_for_all;	/* mlockall and its kin too */
extern bool calls_dontunmap;	/* and a charge may stay behind, see there */
void storm_open(void);
void storm_lay_own(void);
void storm_call(struct stream *stream);

/* storm_check.c: end the process, and say why, if something is wrong. */
_Noreturn void storm_die(const char *format, ...)
	__attribute__((format(printf, 1, 2)));
void storm_watch(void);		/* from now on it must not stand still */
void storm_check(void);		/* while nobody calls */
void storm_check_child(bool relocked);

/* storm_fork.c */
enum { BY_FORK, BY_CLONE, BY_HANDLER, BY_NWAYS };

extern volatile bool is_handlers_child;	/* of a fork by a handler */
void storm_fork(struct stream *stream, bool relock, int how);
void storm_fork_in_handler(void);
void storm_reap(void);		/* the children of handlers */

#endif
