/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Clocks, quantiles, and an exit on failure. For C and C++. */
#ifndef MEDIAN_H
#define MEDIAN_H

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

static inline void fail(const char *call)
{
	perror(call);
	exit(1);
}

/* The CPU time of this process, user and system. */
static inline double cpu_ms(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e3 +
	       (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e3;
}

static inline double now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static inline int compare_times(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* The quantile of n times; part is 0 to 1. Sorts the times. */
static inline double quantile(double *times, size_t n, double part)
{
	qsort(times, n, sizeof(*times), compare_times);
	return times[(size_t)((double)(n - 1) * part)];
}

static inline double median(double *times, size_t n)
{
	return quantile(times, n, 0.5);
}

#endif
