/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Shorten a failing log: leave out pieces, from halves down to single
 * operations, if the log still fails, in any way.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "random/random.h"

#define SHRINK_S	120	/* the time limit */

static struct op *candidate;
static time_t deadline;

static bool fails(struct log *log)
{
	if (run(log))
		return false;
	/* Drop the operations after the failure. */
	if (report->at + 1 < log->n)
		log->n = report->at + 1;
	return true;
}

/*
 * Does the log fail without n operations from first on? Then drop them. REPAIR
 * always stays: without it another failure would take the place of this one.
 */
static bool fails_without(struct log *log, size_t first, size_t n)
{
	struct log without = { 0, candidate };

	for (size_t i = 0; i < log->n; i++)
		if (i - first >= n || log->op[i].kind == OP_REPAIR)
			candidate[without.n++] = log->op[i];
	if (without.n == log->n || !fails(&without))
		return false;
	memcpy(log->op, candidate, without.n * sizeof(*candidate));
	log->n = without.n;
	return true;
}

/* Leave out pieces of n operations, the last first. True: one was left out. */
static bool leave_out(struct log *log, size_t n)
{
	bool any = false;

	for (size_t end = log->n; end >= n && time(NULL) < deadline;) {
		if (fails_without(log, end - n, n))
			any = true;
		end -= n;
		if (end > log->n)
			end = log->n;
	}
	return any;
}

/* Smaller numbers are easier to read. */
static void simplify(struct log *log)
{
	for (size_t i = 0; i < log->n; i++)
		for (int a = 0; a < OP_NARGS; a++) {
			int64_t saved = log->op[i].arg[a], simple;

			simple = saved & ~(int64_t)(page - 1);
			if (saved < 0 || saved < (int64_t)page ||
			    simple == saved || time(NULL) > deadline)
				continue;
			log->op[i].arg[a] = simple;
			if (!fails(log))
				log->op[i].arg[a] = saved;
		}
}

void shrink(struct log *log)
{
	size_t n;
	bool any;

	candidate = calloc(OPS_MAX, sizeof(*candidate));
	if (!candidate)
		return;
	deadline = time(NULL) + SHRINK_S;
	if (report->at + 1 < log->n)
		log->n = report->at + 1;
	do {
		any = false;
		for (n = log->n / 2; n > 0; n /= 2)
			any |= leave_out(log, n);
	} while (any && time(NULL) < deadline);
	simplify(log);
	if (run(log))
		printf("it does not fail every time\n");
	free(candidate);
}
