/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How MCL_FUTURE locks what will be mapped. Calls that change it may overlap;
 * then the last one out leaves it unknown, and a new mapping is looked at.
 */
#ifndef LOF_FUTURE_H
#define LOF_FUTURE_H

#include <stdbool.h>
#include <stdint.h>

/* Besides enum lof_kind */
#define LOF_FUTURE_UNKNOWN	3
#define LOF_FUTURE_SAME		(-1)

struct lof_turn {
	uint32_t number;
	bool overlaps;
};

/* A system call is about to change it, and has made kind of it. */
struct lof_turn lof_future_begin(void);
void lof_future_end(struct lof_turn turn, int kind);

/* What is known without asking, and whether that was so all the while since. */
uint64_t lof_future_look(unsigned int *kind);
bool lof_future_is_still(uint64_t look);

/* An enum lof_kind; the kernel is asked if need be. */
unsigned int lof_future_known(void);

/* Ask the kernel in any case. */
void lof_future_sync(void);

#endif
