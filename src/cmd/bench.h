/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The files of lockonfault bench share these types and functions. */
#ifndef LOF_CMD_BENCH_H
#define LOF_CMD_BENCH_H

#include <regex.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* How CMD is run. */
enum lof_bench_way {
	LOF_BENCH_NONE,			/* its lock calls do nothing */
	LOF_BENCH_EAGER,		/* as it asks */
	LOF_BENCH_ONFAULT,		/* by lockonfault run */
	LOF_BENCH_NWAYS
};

/* READY is in nanoseconds, MINFLT and MAJFLT are counts, others are in bytes */
enum lof_figure {
	LOF_BENCH_READY, LOF_BENCH_RESIDENT, LOF_BENCH_ANONYMOUS,
	LOF_BENCH_CHARGED, LOF_BENCH_LOCKED, LOF_BENCH_PEAK, LOF_BENCH_MINFLT,
	LOF_BENCH_MAJFLT, LOF_BENCH_NMEASURES
};

/* The figures of one run. has: the value is known. */
struct lof_sample {
	bool has[LOF_BENCH_NMEASURES];
	uint64_t value[LOF_BENCH_NMEASURES];
};

/* When is CMD ready? */
struct lof_ready {
	enum { LOF_READY_EXIT, LOF_READY_TCP, LOF_READY_UNIX, LOF_READY_LOG }
		kind;
	const char *text;		/* as on the command line */
	const char *path;		/* of the socket */
	int port;
	regex_t pattern;
	off_t seen;			/* the output was read up to here */
	char line[4096];		/* the last, unfinished line */
	size_t len;
};

struct lof_bench {
	char **command;			/* CMD and its arguments */
	int run_argc;			/* "lockonfault run OPTIONS -- CMD" */
	char **run_argv;
	struct lof_ready ready;
	/* In seconds; timeout 0: none. */
	unsigned int timeout, settle, kill_after;
	unsigned int runs;
	const char *log, *svg;		/* files, or NULL */
	bool json;

	sigset_t mask;			/* before signals were blocked */
	sigset_t stops;			/* signals that end this command */
	int signal;			/* the one that arrived, or 0 */

	bool failed[LOF_BENCH_NWAYS];	/* this way cannot be measured */
	struct lof_sample *samples[LOF_BENCH_NWAYS];	/* of each run */
};

/* bench_ready.c: parse the argument of --ready. 0, or -1 after a message. */
int lof_ready_parse(struct lof_ready *ready, const char *text);
void lof_ready_free(struct lof_ready *ready);

/*
 * Begin with a new run; its output is written behind the offset seen. 0, or -1
 * after a message: another program is ready there.
 */
int lof_ready_begin(struct lof_ready *ready, off_t seen);

/* Is it ready now? output: the file that the program writes its output to. */
bool lof_ready_is(struct lof_ready *ready, int output);

/* bench_start.c: start CMD. Returns its process ID, or a negative errno. */
int lof_bench_start(const struct lof_bench *bench, enum lof_bench_way way,
		    int output);

/*
 * ignore_locks.c: all lock calls of this process succeed and do nothing from now
 * on. Prepare it first: this takes a millisecond, which would be measured.
 * Both return 0 or a negative errno.
 */
int lof_ignore_locks_prepare(void);
int lof_ignore_locks(void);

/*
 * bench_measure.c: run CMD once, and end it.
 *   0       *sample is set
 *   -EINTR  bench->signal has arrived
 *   -EIO    after a message: this way cannot be measured
 *   other   after a message: nothing can be measured
 */
int lof_bench_measure(struct lof_bench *bench, enum lof_bench_way way,
		      struct lof_sample *sample);

/* A file without a name, in $TMPDIR: nothing is left. -errno on failure. */
int lof_bench_temporary(void);

/* The clock of all times, in nanoseconds. */
uint64_t lof_bench_clock(void);

/* bench_memory.c: sum up the memory of all descendants of this process. */
int lof_bench_memory(struct lof_sample *sample);

/*
 * Call visit for each living child of this process, also those that it
 * inherited from a descendant that has ended. Returns how many there are, or a
 * negative errno.
 */
int lof_bench_children(void (*visit)(int pid, void *arg), void *arg);

/* bench_summary.c: the figures of all runs. */
struct lof_summary {
	bool has;
	double median;
	uint64_t least, most;
};

void lof_bench_summarize(const struct lof_bench *bench, enum lof_bench_way way,
			 enum lof_figure figure,
			 struct lof_summary *summary);

/* bench_print.c: print the table or JSON. 0 or a negative errno. */
int lof_bench_print(const struct lof_bench *bench);

/* "no lock", "eager", "on fault" */
extern const char *const lof_bench_way_names[LOF_BENCH_NWAYS];

/*
 * bench_svg.c: draw the picture by gnuplot. Before all runs, find gnuplot. Both
 * return 0, or -1 after a message.
 */
int lof_bench_find_gnuplot(char *path, size_t size);
int lof_bench_draw(const struct lof_bench *bench, const char *gnuplot);

#endif
