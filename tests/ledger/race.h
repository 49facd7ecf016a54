/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Included first when the library is built for race.c. A part of the protocol
 * can be left out. The blocks of the bitmap have 8 KiB: so calls often set and
 * clear its bits.
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

/* The kernel can lock all pages here: so a new lock need not be suspect. */
#define LOF_LOCK_IS_PROVEN	1

#endif
