/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * lockonfault bench: one run of CMD. It is started, measured when it is ready,
 * and ended with all its descendants.
 */
#include "config.h"

#include "bench.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_MS	1000000ULL
#define NS_PER_SECOND	1000000000ULL
#define POLL_NS		200000L		/* how often CMD is asked */
#define STOP_NS		(5 * NS_PER_MS)	/* how often it is stopped */
#define KILL_NS		(5 * NS_PER_SECOND)	/* SIGKILL works so soon */
#define TAIL_LINES	5
#define MAX_ASKED	64

/* One run. */
struct trial {
	enum lof_bench_way way;
	int output;			/* the file of its output */
	off_t from;			/* its output begins there */
	uint64_t begin;
	pid_t pid;
	bool ended;			/* with this status: */
	int status;
	bool empty;			/* no descendant is left */
	struct rusage usage;		/* of pid, when it has ended */
};

/* Processes that received SIGTERM. */
struct asked {
	int signal;
	size_t n;
	int pids[MAX_ASKED];
};

uint64_t lof_bench_clock(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * NS_PER_SECOND + (uint64_t)now.tv_nsec;
}

static uint64_t age_of(const struct trial *trial)
{
	return lof_bench_clock() - trial->begin;
}

/* Sleep until a child ends or the time is over. -EINTR: a signal arrived. */
static int pause_for(struct lof_bench *bench, uint64_t ns)
{
	const struct timespec time = {
		.tv_sec = (time_t)(ns / NS_PER_SECOND),
		.tv_nsec = (long)(ns % NS_PER_SECOND),
	};
	sigset_t set = bench->stops;
	int signal;

	sigaddset(&set, SIGCHLD);
	signal = sigtimedwait(&set, NULL, &time);
	if (signal > 0 && signal != SIGCHLD)
		bench->signal = signal;
	return bench->signal ? -EINTR : 0;
}

/* Reap CMD, and descendants that were left to this process. */
static void reap(struct trial *trial)
{
	struct rusage usage;
	int status;
	pid_t pid;

	while ((pid = wait4(-1, &status, WNOHANG, &usage)) > 0) {
		if (pid != trial->pid)
			continue;
		trial->ended = true;
		trial->status = status;
		trial->usage = usage;
	}
	trial->empty = pid < 0 && errno == ECHILD;
}

static void ask_to_end(int pid, void *arg)
{
	struct asked *asked = arg;

	if (asked->signal == SIGTERM) {
		for (size_t i = 0; i < asked->n; i++)
			if (asked->pids[i] == pid)
				return;
		if (asked->n < MAX_ASKED)
			asked->pids[asked->n++] = pid;
	}
	kill(pid, asked->signal);
}

/*
 * Signal the children of this process only. Their IDs stay theirs until reap(),
 * and their own children come to this process when they end.
 */
static int stop(struct lof_bench *bench, struct trial *trial)
{
	struct asked asked = { .signal = SIGTERM };
	uint64_t begin = lof_bench_clock(), age = 0;
	uint64_t patience = bench->kill_after * NS_PER_SECOND;
	int ret;

	for (reap(trial); !trial->empty; reap(trial)) {
		asked.signal = age < patience ? SIGTERM : SIGKILL;
		ret = lof_bench_children(ask_to_end, &asked);
		if (ret < 0)
			return ret;
		if (age > patience + KILL_NS)
			return -EBUSY;
		pause_for(bench, STOP_NS);
		age = lof_bench_clock() - begin;
	}
	return 0;
}

/* Print without control characters, which could change the terminal. */
static void print_line(const char *line, size_t len)
{
	fputs("    ", stderr);
	for (size_t i = 0; i < len; i++)
		putc((unsigned char)line[i] < ' ' || line[i] == 0x7f ?
		     '?' : line[i], stderr);
	putc('\n', stderr);
}

/* The begin of the last lines of a text. */
static const char *find_tail(const char *text, const char *end)
{
	int lines = 0;

	if (end > text && end[-1] == '\n')
		end--;
	while (end > text && (end[-1] != '\n' || ++lines < TAIL_LINES))
		end--;
	return end;
}

static void print_tail(const struct trial *trial)
{
	char text[2048];
	off_t from = lseek(trial->output, 0, SEEK_END) - (off_t)sizeof(text);
	const char *at, *end;
	ssize_t n;

	n = pread(trial->output, text, sizeof(text),
		  from > trial->from ? from : trial->from);
	end = text + (n > 0 ? n : 0);
	for (at = find_tail(text, end); at < end; at++) {
		const char *newline = memchr(at, '\n', (size_t)(end - at));
		size_t len = (size_t)((newline ? newline : end) - at);

		print_line(at, len);
		at += len;
	}
}

/* Say why this way cannot be measured, and show the end of the output. */
static int fail(const struct trial *trial, const char *why)
{
	const char *way = lof_bench_way_names[trial->way];

	if (!trial->ended)
		warnx("%s: CMD %s", way, why);
	else if (WIFSIGNALED(trial->status))
		warnx("%s: CMD was killed by signal %d (%s)%s", way,
		      WTERMSIG(trial->status),
		      strsignal(WTERMSIG(trial->status)), why);
	else
		warnx("%s: CMD exited with status %d%s", way,
		      WEXITSTATUS(trial->status), why);
	print_tail(trial);
	return -EIO;
}

/* Has CMD ended and will never be ready? A server may go on as a child. */
static bool is_over(const struct trial *trial)
{
	return trial->ended && (trial->status != 0 || trial->empty);
}

static int wait_exit(struct lof_bench *bench, struct trial *trial)
{
	uint64_t timeout = bench->timeout * NS_PER_SECOND;

	for (reap(trial); !trial->ended; reap(trial)) {
		if (timeout && age_of(trial) > timeout)
			return fail(trial, "did not exit in time");
		if (pause_for(bench, NS_PER_SECOND))
			return -EINTR;
	}
	return trial->status ? fail(trial, "") : 0;
}

static int wait_ready(struct lof_bench *bench, struct trial *trial)
{
	uint64_t timeout = bench->timeout * NS_PER_SECOND;

	for (;;) {
		reap(trial);
		if (lof_ready_is(&bench->ready, trial->output))
			return 0;
		if (is_over(trial))
			return fail(trial, " before it was ready");
		if (timeout && age_of(trial) > timeout)
			return fail(trial, "was not ready in time");
		if (pause_for(bench, POLL_NS))
			return -EINTR;
	}
}

/* The memory of CMD may go on changing after it is ready. */
static int settle(struct lof_bench *bench, struct trial *trial)
{
	uint64_t end = lof_bench_clock() + bench->settle * NS_PER_SECOND;
	uint64_t now;

	while ((now = lof_bench_clock()) < end) {
		if (pause_for(bench, end - now))
			return -EINTR;
		reap(trial);
		if (is_over(trial))
			break;
	}
	return 0;
}

static void set(struct lof_sample *sample, enum lof_figure figure,
		uint64_t value)
{
	sample->has[figure] = true;
	sample->value[figure] = value;
}

static int measure_exit(struct lof_bench *bench, struct trial *trial,
			struct lof_sample *sample)
{
	const struct rusage *usage = &trial->usage;
	int err = wait_exit(bench, trial);

	if (err)
		return err;
	set(sample, LOF_BENCH_READY, age_of(trial));
	set(sample, LOF_BENCH_PEAK, 1024 * (uint64_t)usage->ru_maxrss);
	set(sample, LOF_BENCH_MINFLT, (uint64_t)usage->ru_minflt);
	set(sample, LOF_BENCH_MAJFLT, (uint64_t)usage->ru_majflt);
	return 0;
}

static int measure_ready(struct lof_bench *bench, struct trial *trial,
			 struct lof_sample *sample)
{
	int err = wait_ready(bench, trial);

	if (err)
		return err;
	set(sample, LOF_BENCH_READY, age_of(trial));
	err = settle(bench, trial);
	if (!err)
		err = lof_bench_memory(sample);
	if (err && err != -EINTR)
		warnx("cannot read /proc: %s", strerror(-err));
	if (err)
		return err;
	reap(trial);
	if (!sample->has[LOF_BENCH_RESIDENT] || is_over(trial))
		return fail(trial, " before it was measured");
	return 0;
}

static int measure(struct lof_bench *bench, struct trial *trial,
		   struct lof_sample *sample)
{
	trial->from = lseek(trial->output, 0, SEEK_END);
	if (lof_ready_begin(&bench->ready, trial->from))
		return -EADDRINUSE;
	trial->begin = lof_bench_clock();
	trial->pid = lof_bench_start(bench, trial->way, trial->output);
	if (trial->pid < 0) {
		warnx("cannot start a process: %s", strerror(-trial->pid));
		return trial->pid;
	}
	return bench->ready.kind == LOF_READY_EXIT ?
	       measure_exit(bench, trial, sample) :
	       measure_ready(bench, trial, sample);
}

/* "run" has told the user something: CMD may not be on fault. */
static void print_warnings(const struct trial *trial)
{
	static const char prefix[] = "lockonfault run: ";
	char text[4096], *line, *rest = text;
	ssize_t n = pread(trial->output, text, sizeof(text) - 1, trial->from);

	text[n > 0 ? n : 0] = '\0';
	while ((line = strsep(&rest, "\n")))
		if (strncmp(line, prefix, sizeof(prefix) - 1) == 0)
			fprintf(stderr, "%s\n", line);
}

int lof_bench_temporary(void)
{
	const char *dir = getenv("TMPDIR");
	char path[PATH_MAX];
	int fd;

	if (!dir || !*dir)
		dir = "/tmp";
	fd = open(dir, O_RDWR | O_TMPFILE | O_APPEND | O_CLOEXEC, 0600);
	if (fd >= 0 || errno != EOPNOTSUPP)
		return fd < 0 ? -errno : fd;
	if ((size_t)snprintf(path, sizeof(path), "%s/lockonfault-XXXXXX",
			     dir) >= sizeof(path))
		return -ENAMETOOLONG;
	fd = mkostemp(path, O_APPEND | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	unlink(path);
	return fd;
}

static int open_output(const struct lof_bench *bench)
{
	const int flags = O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC;
	int fd = bench->log ? open(bench->log, flags, 0666) :
			      lof_bench_temporary();

	if (fd >= 0)
		return fd;
	if (bench->log) {
		fd = -errno;
		warn("cannot open %s", bench->log);
	} else {
		warnx("cannot make a temporary file: %s", strerror(-fd));
	}
	return fd;
}

int lof_bench_measure(struct lof_bench *bench, enum lof_bench_way way,
		      struct lof_sample *sample)
{
	struct trial trial = { .way = way, .output = open_output(bench) };
	static bool told;
	int err, stopped;

	*sample = (struct lof_sample){ .has = { false } };
	if (trial.output < 0)
		return trial.output;
	err = measure(bench, &trial, sample);
	if (way == LOF_BENCH_ONFAULT && !err && !told) {
		print_warnings(&trial);
		told = true;
	}
	stopped = stop(bench, &trial);
	close(trial.output);
	if (stopped)
		warnx("cannot end CMD: %s", strerror(-stopped));
	return err ? err : bench->signal ? -EINTR : stopped;
}
