/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* lockonfault bench: the median and the range of the runs. */
#include "config.h"

#include "bench.h"

#include <stdlib.h>

static int compare(const void *a, const void *b)
{
	const uint64_t *left = a, *right = b;

	return (*left > *right) - (*left < *right);
}

/* The values in ascending order. 0: a run has no value. */
static unsigned int sort(const struct lof_bench *bench, enum lof_bench_way way,
			 enum lof_figure figure, uint64_t *values)
{
	const struct lof_sample *samples = bench->samples[way];

	for (unsigned int i = 0; i < bench->runs; i++) {
		if (!samples[i].has[figure])
			return 0;
		values[i] = samples[i].value[figure];
	}
	qsort(values, bench->runs, sizeof(*values), compare);
	return bench->runs;
}

void lof_bench_summarize(const struct lof_bench *bench, enum lof_bench_way way,
			 enum lof_figure figure,
			 struct lof_summary *summary)
{
	uint64_t *values = calloc(bench->runs, sizeof(*values));
	unsigned int n = 0;

	if (values && !bench->failed[way])
		n = sort(bench, way, figure, values);
	*summary = (struct lof_summary){ .has = n > 0 };
	if (n > 0) {
		summary->median = ((double)values[(n - 1) / 2] +
				   (double)values[n / 2]) / 2;
		summary->least = values[0];
		summary->most = values[n - 1];
	}
	free(values);
}
