/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * random_ops: random operations. The ledger must agree with smaps after each. A
 * log that fails is shrunk and printed; --replay runs it again.
 */
#include "config.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/personality.h>
#include <time.h>
#include <unistd.h>

#include "random/random.h"

#define NWITHOUT 8

struct options {
	uint64_t seed, nseeds, nops;
	const char *replay, *without[NWITHOUT];
	int limited, repair, kinds;	/* -1: depends on the seed */
	bool known, print, statistics, keep;
};

static const struct option known[] = {
	{ "seed", required_argument, NULL, 's' },
	{ "seeds", required_argument, NULL, 'S' },
	{ "ops", required_argument, NULL, 'o' },
	{ "replay", required_argument, NULL, 'r' },
	{ "limited", optional_argument, NULL, 'l' },
	{ "repair", no_argument, NULL, 'R' },
	{ "no-repair", no_argument, NULL, 'N' },
	{ "kinds", optional_argument, NULL, 'm' },
	{ "without", required_argument, NULL, 'w' },
	{ "known", no_argument, NULL, 'K' },
	{ "print", no_argument, NULL, 'p' },
	{ "no-shrink", no_argument, NULL, 'k' },
	{ "statistics", no_argument, NULL, 'v' },
	{ NULL, 0, NULL, 0 },
};

static void usage(void)
{
	fputs("usage: random_ops [OPTION...]\n"
"  --seed N      the first seed (LOF_TEST_SEED; else by the time)\n"
"  --seeds N     this many, one after the other (LOF_TEST_SEEDS; 1)\n"
"  --ops N       operations for each (LOF_TEST_OPS; 2000)\n"
"  --limited[=0] be nobody under a small RLIMIT_MEMLOCK (else every 4th seed)\n"
"  --repair      let lof_walk() read /proc (else every 8th seed)\n"
"  --no-repair   never\n"
"  --kinds[=0]   every kind of memory in a small arena (else 2 of 5 seeds)\n"
"  --without TEXT  leave out each operation that has this in it; up to 8 such\n"
"  --replay FILE run a log of operations instead\n"
"  --known       also operations that the library is known to get wrong\n"
"  --print       print the log and do nothing\n"
"  --no-shrink   print a log that fails as it is, up to the failure\n"
"  --statistics  print how often each operation succeeded and failed\n",
	      stderr);
	exit(2);
}

static uint64_t from_env(const char *name, uint64_t otherwise)
{
	const char *value = getenv(name);

	return value && *value ? strtoull(value, NULL, 0) : otherwise;
}

static void add_without(struct options *o, const char *text)
{
	size_t i = 0;

	while (i < NWITHOUT && o->without[i])
		i++;
	if (i == NWITHOUT)
		usage();
	o->without[i] = text;
}

static struct options parse(int argc, char **argv)
{
	struct options o = {
		.seed = (uint64_t)time(NULL) << 16 ^ (uint64_t)getpid() << 3,
		.limited = -1, .repair = -1, .kinds = -1,
	};
	int c;

	o.seed = from_env("LOF_TEST_SEED", o.seed);
	o.nseeds = from_env("LOF_TEST_SEEDS", 1);
	o.nops = from_env("LOF_TEST_OPS", 2000);
	while ((c = getopt_long(argc, argv, "", known, NULL)) != -1) {
		uint64_t n = optarg ? strtoull(optarg, NULL, 0) : 1;

		switch (c) {
		case 's': o.seed = n; break;
		case 'S': o.nseeds = n; break;
		case 'o': o.nops = n; break;
		case 'r': o.replay = optarg; break;
		case 'l': o.limited = n != 0; break;
		case 'R': o.repair = 1; break;
		case 'N': o.repair = 0; break;
		case 'm': o.kinds = n != 0; break;
		case 'w': add_without(&o, optarg); break;
		case 'K': o.known = true; break;
		case 'p': o.print = true; break;
		case 'k': o.keep = true; break;
		case 'v': o.statistics = true; break;
		default: usage();
		}
	}
	if (optind < argc || o.nops > OPS_MAX)
		usage();
	return o;
}

/* Run again without ASLR, so that a log that failed fails again. */
static void fix_addresses(char **argv)
{
	int now = personality(0xffffffff);

	if (now == -1 || now & ADDR_NO_RANDOMIZE ||
	    personality((unsigned long)now | ADDR_NO_RANDOMIZE) == -1)
		return;
	execv("/proc/self/exe", argv);
}

static int failure(const struct options *o, struct log *log)
{
	printf("%s", report->text);
	printf("after operation %zu of %zu: ", report->at, log->n);
	if (report->at < log->n)
		op_print(stdout, &log->op[report->at]);
	if (o->keep) {
		log->n = report->at + 1;
	} else {
		printf("shrinking\n");
		fflush(stdout);
		shrink(log);
		printf("%s", report->text);
	}
	printf("# replay by --replay FILE\n");
	log_print(stdout, log);
	return 1;
}

static int run_replay(const struct options *o, struct log *log)
{
	FILE *file = fopen(o->replay, "re");

	if (!file) {
		perror(o->replay);
		return 2;
	}
	if (!log_read(file, log))
		return 2;
	fclose(file);
	if (run(log))
		return 0;
	return failure(o, log);
}

static bool is_wanted(const struct options *o, const struct op *op)
{
	char text[1000] = "";
	FILE *file = fmemopen(text, sizeof(text), "w");

	if (!file)
		return true;
	op_print(file, op);
	fclose(file);
	for (size_t i = 0; i < NWITHOUT && o->without[i]; i++)
		if (strstr(text, o->without[i]))
			return false;
	return true;
}

/* Operations that are known to fail must not hide other failures. */
static void leave_out_unwanted(const struct options *o, struct log *log)
{
	size_t n = 0;

	if (!o->without[0])
		return;
	for (size_t i = 0; i < log->n; i++)
		if (is_wanted(o, &log->op[i]))
			log->op[n++] = log->op[i];
	log->n = n;
}

static int run_seed(const struct options *o, uint64_t seed, struct log *log)
{
	const bool kinds = o->kinds >= 0 ? o->kinds : seed % 5 % 2 == 1;
	const struct drawing how = {
		.limited = o->limited >= 0 ? o->limited : seed % 4 == 3,
		.repair = o->repair >= 0 ? o->repair :
			  kinds ? seed % 8 >= 4 : seed % 8 == 6,
		.known = o->known,
		.kinds = kinds,
	};

	log->n = (size_t)o->nops;
	draw_log(seed, &how, log);
	leave_out_unwanted(o, log);
	if (o->print) {
		log_print(stdout, log);
		return 0;
	}
	if (run(log))
		return 0;
	printf("LOF_TEST_SEED=%" PRIu64 " LOF_TEST_OPS=%" PRIu64 " failed\n",
	       seed, o->nops);
	return failure(o, log);
}

static void print_statistics(void)
{
	printf("%-14s %10s %10s\n", "operation", "succeeded", "failed");
	for (int i = 0; i < OP_NKINDS; i++)
		printf("%-14s %10" PRIu64 " %10" PRIu64 "\n", op_names[i],
		       report->good[i], report->bad[i]);
}

int main(int argc, char **argv)
{
	struct options o = parse(argc, argv);
	struct log log = { 0, NULL };
	int ret = 0;

	fix_addresses(argv);
	page = (size_t)sysconf(_SC_PAGESIZE);
	log.op = calloc(OPS_MAX + 32, sizeof(*log.op));
	if (!log.op)
		return 99;
	report_make();
	kinds_open();
	if (o.replay) {
		ret = run_replay(&o, &log);
	} else {
		printf("LOF_TEST_SEED=%" PRIu64 " LOF_TEST_SEEDS=%" PRIu64
		       " LOF_TEST_OPS=%" PRIu64 "\n", o.seed, o.nseeds, o.nops);
		for (uint64_t i = 0; !ret && i < o.nseeds; i++)
			ret = run_seed(&o, o.seed + i, &log);
	}
	if (o.statistics)
		print_statistics();
	free(log.op);
	return ret;
}
