/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Included first when the library is built for exhaust.c. The test switches
 * from call to call at each seam of the protocol. The test must fail if a part
 * of the protocol is left out.
 */
#ifndef EXHAUST_H
#define EXHAUST_H

#include <stdbool.h>

enum part {
	NOTHING, LOG, UNPLACED, LEFT, BLINDNESS, SECOND_LOOK, MOVES,
	INFLIGHT_AGAIN, LOCK_AGAIN, NPARTS
};

extern enum part exhaust_left_out;

/* The test may switch to another call here. */
void exhaust_seam(const char *where, int line);

#define LOF_LEFT_OUT(part)	(exhaust_left_out == (part))
#define LOF_SEAM()		exhaust_seam(__func__, __LINE__)
#define CLEAR_EVERY		1

/* A call that spins for the lock spins in vain: only one coroutine runs. */
#define SPINS			1
#define PATIENCE_MS		2

/* Few attempts: two readers make each other read again, each time. */
#define ATTEMPTS		2

/* The kernel can lock all pages here: so a new lock need not be suspect. */
#define LOF_LOCK_IS_PROVEN	1

#endif
