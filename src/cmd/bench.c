/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * lockonfault bench: run a program without locks, with its locks, and on fault,
 * in turn, and compare.
 */
#include "config.h"

#include "bench.h"

#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#include "cmd.h"

#define READY_TIMEOUT	60
#define MAX_RUNS	1000
#define MAX_SECONDS	86400

static const char help[] =
	"Usage:\n"
	" lockonfault bench [options] [--] CMD [ARG...]\n"
	"\n"
	"Compare a program on fault with the same program in full and without "
	"locks.\n"
	"\n"
	"Options:\n"
	" -r, --ready HOW      when CMD is ready: tcp:PORT, unix:PATH, log:RE\n"
	" -t, --timeout SEC    how long to wait (60 with --ready)\n"
	" -s, --settle SEC     measure so long after CMD is ready (0)\n"
	" -k, --kill-after SEC end CMD by SIGTERM, after SEC by SIGKILL (10)\n"
	" -R, --runs N         run CMD N times in each way (3)\n"
	" -J, --json           print JSON, sizes in bytes, times in ns\n"
	"     --svg FILE       draw a picture, by gnuplot\n"
	"     --log FILE       append the output of CMD to FILE\n"
	" -h, --help           display this help\n"
	" -V, --version        display version\n"
	"\n"
	"Options of lockonfault run, for CMD on fault:\n"
	" -a, --all            lock all memory of the program on fault\n"
	"     --backend HOW    auto, preload, trace or exec\n"
	"     --children HOW   fork, exec, both or no: which children lock too\n"
	" -d, --discard        let the program discard locked pages\n"
	"     --holds          let locks stack\n"
	" -m, --max MAX        lock at most SIZE, P%, limit:P%, cgroup:P%\n"
	"     --only KINDS     lock only memory of these kinds, see --skip\n"
	"     --populate HOW   keep or strip MAP_POPULATE\n"
	"     --prefault SIZE[,stack:SIZE]\n"
	"                      make so much heap and stack resident now\n"
	"     --rlimit HOW     keep, or fake a refused setrlimit(RLIMIT_MEMLOCK)\n"
	"     --shim FILE      use another liblockonfault-preload.so\n"
	"     --skip KINDS     lock no anon, heap, stack, shm, file, file:GLOB\n"
	"\n"
	"For more details see lockonfault-bench(1).\n";

enum {
	OPTION_SVG = CHAR_MAX + 1, OPTION_LOG,
	/* These are passed on to run. */
	OPTION_BACKEND, OPTION_CHILDREN, OPTION_HOLDS, OPTION_ONLY,
	OPTION_POPULATE, OPTION_PREFAULT, OPTION_RLIMIT, OPTION_SHIM,
	OPTION_SKIP,
};

static const struct option long_options[] = {
	{ "ready", required_argument, NULL, 'r' },
	{ "timeout", required_argument, NULL, 't' },
	{ "settle", required_argument, NULL, 's' },
	{ "kill-after", required_argument, NULL, 'k' },
	{ "runs", required_argument, NULL, 'R' },
	{ "json", no_argument, NULL, 'J' },
	{ "svg", required_argument, NULL, OPTION_SVG },
	{ "log", required_argument, NULL, OPTION_LOG },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{ "all", no_argument, NULL, 'a' },
	{ "backend", required_argument, NULL, OPTION_BACKEND },
	{ "children", required_argument, NULL, OPTION_CHILDREN },
	{ "discard", no_argument, NULL, 'd' },
	{ "holds", no_argument, NULL, OPTION_HOLDS },
	{ "max", required_argument, NULL, 'm' },
	{ "only", required_argument, NULL, OPTION_ONLY },
	{ "populate", required_argument, NULL, OPTION_POPULATE },
	{ "prefault", required_argument, NULL, OPTION_PREFAULT },
	{ "rlimit", required_argument, NULL, OPTION_RLIMIT },
	{ "shim", required_argument, NULL, OPTION_SHIM },
	{ "skip", required_argument, NULL, OPTION_SKIP },
	{ NULL, 0, NULL, 0 },
};

/* Add "--NAME" or "--NAME=VALUE" to the arguments of run. */
static int pass_on(struct lof_bench *bench, int c, const char *value)
{
	const struct option *option = long_options;
	char *text;

	while (option->name && option->val != c)
		option++;
	if (!option->name ||
	    asprintf(&text, "--%s%s%s", option->name,
		     option->has_arg ? "=" : "",
		     option->has_arg ? value : "") < 0)
		return -1;
	bench->run_argv[bench->run_argc++] = text;
	return 0;
}

static int parse_number(const char *name, const char *text, unsigned int least,
			unsigned int most, unsigned int *number)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);

	if (*text >= '0' && *text <= '9' && !*end && value >= least &&
	    value <= most) {
		*number = (unsigned int)value;
		return 0;
	}
	warnx("invalid argument '%s' for %s: not a number from %u to %u", text,
	      name, least, most);
	return -1;
}

static int take_option(struct lof_bench *bench, int c)
{
	switch (c) {
	case 'r':
		return lof_ready_parse(&bench->ready, optarg);
	case 't':
		return parse_number("--timeout", optarg, 1, MAX_SECONDS,
				    &bench->timeout);
	case 's':
		return parse_number("--settle", optarg, 0, MAX_SECONDS,
				    &bench->settle);
	case 'k':
		return parse_number("--kill-after", optarg, 0, MAX_SECONDS,
				    &bench->kill_after);
	case 'R':
		return parse_number("--runs", optarg, 1, MAX_RUNS,
				    &bench->runs);
	case 'J':
		bench->json = true;
		return 0;
	case OPTION_SVG:
		bench->svg = optarg;
		return 0;
	case OPTION_LOG:
		bench->log = optarg;
		return 0;
	default:
		return pass_on(bench, c, optarg);
	}
}

/* These signals end this command, after it has ended CMD. */
static void block_signals(struct lof_bench *bench)
{
	static const int signals[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM };
	struct sigaction action;
	sigset_t blocked;

	sigemptyset(&bench->stops);
	for (size_t i = 0; i < sizeof(signals) / sizeof(*signals); i++)
		if (sigaction(signals[i], NULL, &action) == 0 &&
		    action.sa_handler != SIG_IGN)
			sigaddset(&bench->stops, signals[i]);
	/* With SIG_IGN the kernel would keep no exit status. */
	signal(SIGCHLD, SIG_DFL);
	blocked = bench->stops;
	sigaddset(&blocked, SIGCHLD);
	sigprocmask(SIG_BLOCK, &blocked, &bench->mask);
}

static void raise_signal(const struct lof_bench *bench)
{
	sigprocmask(SIG_SETMASK, &bench->mask, NULL);
	if (bench->signal)
		raise(bench->signal);
}

/*
 * In turn, so that a change of the machine meets all ways. A way that failed is
 * not tried again.
 */
static int measure_all(struct lof_bench *bench)
{
	for (unsigned int run = 0; run < bench->runs; run++)
		for (enum lof_bench_way way = 0; way < LOF_BENCH_NWAYS; way++) {
			int err;

			if (bench->failed[way])
				continue;
			err = lof_bench_measure(bench, way,
						&bench->samples[way][run]);
			if (err == -EIO)
				bench->failed[way] = true;
			else if (err)
				return err;
		}
	return 0;
}

static bool all_failed(const struct lof_bench *bench)
{
	return bench->failed[LOF_BENCH_NONE] &&
	       bench->failed[LOF_BENCH_EAGER] &&
	       bench->failed[LOF_BENCH_ONFAULT];
}

static bool any_failed(const struct lof_bench *bench)
{
	return bench->failed[LOF_BENCH_NONE] ||
	       bench->failed[LOF_BENCH_EAGER] ||
	       bench->failed[LOF_BENCH_ONFAULT];
}

static int show(const struct lof_bench *bench, const char *gnuplot)
{
	int err = lof_bench_print(bench);

	if (err) {
		warnx("cannot show the figures: %s", strerror(-err));
		return EXIT_FAILURE;
	}
	if (lof_cmd_print("", EXIT_FAILURE) ||
	    (bench->svg && lof_bench_draw(bench, gnuplot)))
		return EXIT_FAILURE;
	return any_failed(bench) ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* Descendants of CMD that lose their parent become children of this process. */
static int measure_and_show(struct lof_bench *bench)
{
	char gnuplot[PATH_MAX];
	int err;

	if (bench->svg && lof_bench_find_gnuplot(gnuplot, sizeof(gnuplot)))
		return EXIT_FAILURE;
	if (prctl(PR_SET_CHILD_SUBREAPER, 1)) {
		warn("cannot adopt processes");
		return EXIT_FAILURE;
	}
	err = lof_ignore_locks_prepare();
	if (err) {
		warnx("cannot make a filter: %s", strerror(-err));
		return EXIT_FAILURE;
	}
	block_signals(bench);
	err = measure_all(bench);
	raise_signal(bench);
	return err || all_failed(bench) ? EXIT_FAILURE : show(bench, gnuplot);
}

static int allocate_samples(struct lof_bench *bench)
{
	for (enum lof_bench_way way = 0; way < LOF_BENCH_NWAYS; way++) {
		bench->samples[way] = calloc(bench->runs,
					     sizeof(*bench->samples[way]));
		if (!bench->samples[way])
			return -1;
	}
	return 0;
}

static int run_bench(struct lof_bench *bench)
{
	int ret = EXIT_FAILURE;

	if (bench->timeout == 0 && bench->ready.kind != LOF_READY_EXIT)
		bench->timeout = READY_TIMEOUT;
	bench->run_argv[bench->run_argc++] = strdup("--");
	for (char **word = bench->command; *word; word++)
		bench->run_argv[bench->run_argc++] = *word;
	if (allocate_samples(bench))
		warnx("no memory");
	else
		ret = measure_and_show(bench);
	for (enum lof_bench_way way = 0; way < LOF_BENCH_NWAYS; way++)
		free(bench->samples[way]);
	return ret;
}

int lof_cmd_bench(int argc, char **argv)
{
	static char run[] = "lockonfault run";
	struct lof_bench bench = {
		.runs = 3, .kill_after = 10, .run_argc = 1,
	};
	int c;

	/* A number is written with a point, also in JSON. */
	setlocale(LC_NUMERIC, "C");
	bench.run_argv = calloc((size_t)argc + 3, sizeof(*bench.run_argv));
	if (!bench.run_argv)
		err(EXIT_FAILURE, "no memory");
	bench.run_argv[0] = run;
	while ((c = getopt_long(argc, argv, "+r:t:s:k:R:Jadm:hV", long_options,
				NULL)) >= 0)
		switch (c) {
		case 'h':
			return lof_cmd_print(help, EXIT_FAILURE);
		case 'V':
			return lof_cmd_version(EXIT_FAILURE);
		case '?':
			return lof_cmd_bad_usage(argv[0], EXIT_FAILURE);
		default:
			if (take_option(&bench, c))
				return lof_cmd_bad_usage(argv[0],
							 EXIT_FAILURE);
		}
	if (optind == argc) {
		warnx("no command given");
		return lof_cmd_bad_usage(argv[0], EXIT_FAILURE);
	}
	bench.command = argv + optind;
	return run_bench(&bench);
}
