/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Included before all else where the library is built for race.c: threads
 * change over around its system calls, a part of its protocol can be left out,
 * and each granule of the summary is so small that its bits come and go.
 */
#ifndef RACE_H
#define RACE_H

#include <stdbool.h>

enum part {
	NOTHING, LOG, UNPLACED, LEFT, BLINDNESS, SECOND_LOOK, MOVES,
	INFLIGHT_AGAIN, LOCK_AGAIN, NPARTS
};

extern enum part race_left_out;

#define LOF_LEFT_OUT(part)	(race_left_out == (part))
#define LOF_BLOCK_BITS	13
#define CLEAR_EVERY		1

/* All memory here can be locked: so a page that was locked is not suspect. */
#define LOF_LOCK_IS_PROVEN	1

#endif
