/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Included before all else where the library is built for exhaust.c, which
 * changes over from call to call at each seam of the protocol, and leaves out a
 * part of it to see that this is noticed.
 */
#ifndef EXHAUST_H
#define EXHAUST_H

#include <stdbool.h>

enum part {
	NOTHING, LOG, UNPLACED, LEFT, BLINDNESS, SECOND_LOOK, MOVES,
	INFLIGHT_AGAIN, LOCK_AGAIN, NPARTS
};

extern enum part exhaust_left_out;

/* Another call may go on here. */
void exhaust_seam(const char *where, int line);

#define LOF_LEFT_OUT(part)	(exhaust_left_out == (part))
#define LOF_SEAM()		exhaust_seam(__func__, __LINE__)
#define CLEAR_EVERY		1

/* A call that waits for the lock here waits for who cannot go on. */
#define SPINS			1
#define PATIENCE_MS		2

/* Two readers would read what the other one logged, again and again. */
#define ATTEMPTS		2

/* All memory here can be locked: so a page that was locked is not suspect. */
#define LOF_LOCK_IS_PROVEN	1

#endif
