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
	NOTHING, DIRTYING, RECENT, UNPLACED, NOTES, BLINDNESS, SECOND_LOOK,
	DERIVED, NPARTS
};

extern enum part race_left_out;

#define LOF_LEFT_OUT(part)	(race_left_out == (part))
#define LOF_GRANULE_BITS	13
#define TIDY_EVERY		1

#endif
