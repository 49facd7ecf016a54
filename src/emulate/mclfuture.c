/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How MCL_FUTURE locks new mappings: one word, changed atomically. */
#include "config.h"

#include "emulate/mclfuture.h"

#include <stdatomic.h>

#include "kernel/probe.h"
#include "ledger/change.h"

#define KIND		LOF_MCLFUTURE_KIND
#define FOLLOWED	LOF_MCLFUTURE_EMULATED
#define CHANGING	LOF_MCLFUTURE_CHANGING
#define NUMBER(word)	((uint32_t)((word) >> 24))
#define ONE_CHANGING	((uint64_t)1 << 8)
#define ONE_NUMBER	((uint64_t)1 << 24)

static uint64_t with_kind(uint64_t word, unsigned int kind)
{
	return (word & ~(uint64_t)0xff) | kind;
}

struct lof_mclfuture_update lof_mclfuture_begin(void)
{
	uint64_t word = atomic_fetch_add(&lof_the_front->live.future,
					 ONE_CHANGING + ONE_NUMBER);

	return (struct lof_mclfuture_update){
		NUMBER(word) + 1, CHANGING(word) > 0
	};
}

void lof_mclfuture_end(struct lof_mclfuture_update turn, int kind)
{
	uint64_t word = atomic_load(&lof_the_front->live.future), next;

	do {
		/* This is the child of a fork in a signal handler. */
		if (CHANGING(word) == 0)
			return;
		next = word - ONE_CHANGING;
		if (kind != LOF_MCLFUTURE_SAME)
			next = with_kind(next, (unsigned int)kind);
		if (turn.overlaps || NUMBER(word) != turn.number)
			next = with_kind(next, FOLLOWED(next) |
					       LOF_MCLFUTURE_UNKNOWN);
	} while (!atomic_compare_exchange_weak(&lof_the_front->live.future, &word,
					       next));
}

/*
 * Ask the kernel. The answer is noted if no call changed MCL_FUTURE during the
 * probe.
 */
static unsigned int ask(uint64_t word)
{
	struct lof_range scratch;
	int kind = lof_probe_future(&scratch);

	/* A reader of the ledger may have seen the scratch mapping locked. */
	if (kind > 0)
		lof_ledger_renew(scratch);
	if (kind < 0)
		return kind == -EAGAIN ? LOF_ONFAULT : KIND(word);
	/* If the kernel locks new mappings, the library need not emulate. */
	if (CHANGING(word) == 0 && KIND(word) != (unsigned int)kind)
		atomic_compare_exchange_strong(&lof_the_front->live.future, &word,
			with_kind(word, kind ? (unsigned int)kind
					     : FOLLOWED(word)) + ONE_NUMBER);
	return (unsigned int)kind;
}

unsigned int lof_mclfuture_known(void)
{
	unsigned int kind;
	uint64_t word = lof_mclfuture_look(&kind);

	return kind == LOF_MCLFUTURE_UNKNOWN ? ask(word) : kind;
}

void lof_mclfuture_sync(void)
{
	unsigned int kind;

	ask(lof_mclfuture_look(&kind));
}
