/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * All interleavings of the ledger's protocol. Calls run as coroutines of one
 * thread on a simulated kernel, and switch at the seams of the protocol in
 * every order. After each run the ledger must agree with the kernel on every
 * page that is not suspect. After a reader no page may be suspect.
 *
 *	exhaust [--without PART] [--mode MODE] [--long]
 *	exhaust --replay MODE LAYOUT CALL,CALL[,CALL] CHOICES
 *
 * A run is a vector of choices: which call continues at each seam. The next run
 * changes the last choice that has an alternative left. If ledger, kernel and
 * stacks at a seam are the same as in an earlier run, this run stops: the rest
 * was explored then. The runs of the rest are counted nevertheless.
 */
#include "config.h"

#include "ledger/exhaust_kernel.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

#include "kernel/caps.h"
#include "ledger/fork.h"
#include "ledger/inflight.h"
#include "ledger/left.h"
#include "ledger/resync.h"
#include "ledger/runs.h"
#include "ledger/trees.h"
#include "lockonfault.h"

enum part exhaust_left_out;
static bool is_long;

/* --- the calls under test, on pages of the window */

enum action {
	MLOCK_F, MLOCK_O, MUNLOCK, MUNMAP, MAP_AT, MAP_AT_LOCKED, MAP_ANY,
	MAP_ANY_LOCKED, MOVE, GROW, READ
};

struct call {
	const char *name;
	enum action action;
	unsigned int at, len, to;
};

static const struct call calls[] = {
	{ "onfault1+2",	MLOCK_O, 1, 2, 0 },
	{ "full2+2",	MLOCK_F, 2, 2, 0 },
	{ "onfault4+2",	MLOCK_O, 4, 2, 0 },
	{ "munlock1+2",	MUNLOCK, 1, 2, 0 },
	{ "munlock0+6",	MUNLOCK, 0, 6, 0 },
	{ "munlock4+1",	MUNLOCK, 4, 1, 0 },
	{ "munmap2+1",	MUNMAP, 2, 1, 0 },
	{ "munmap3+2",	MUNMAP, 3, 2, 0 },
	{ "map2+1",	MAP_AT, 2, 1, 0 },
	{ "maplocked2+2", MAP_AT_LOCKED, 2, 2, 0 },
	{ "any1",	MAP_ANY, 0, 1, 0 },
	{ "anylocked1",	MAP_ANY_LOCKED, 0, 1, 0 },
	{ "move1+2to4",	MOVE, 1, 2, 4 },
	{ "move4+1to2",	MOVE, 4, 1, 2 },
	{ "grow2+1",	GROW, 2, 1, 2 },
	{ "read",	READ, 0, 0, 0 },
};
#define NCALLS	(sizeof(calls) / sizeof(calls[0]))

/*
 * The calls for triples. FINE and BESIDE take the first NFEWER only, unless
 * --long is given.
 */
static const char *const few[] = {
	"onfault1+2", "munlock1+2", "munmap2+1", "move1+2to4", "anylocked1",
	"maplocked2+2", "read",
};
#define NFEW	(sizeof(few) / sizeof(few[0]))
#define NFEWER	4

static const char *const layouts[] = { "-----.", "-of.o-", "-ooo-." };
#define NLAYOUTS (sizeof(layouts) / sizeof(layouts[0]))

static char *page_at(unsigned int page)
{
	return (char *)(WINDOW + page * PAGE);
}

static void make_call(const struct call *call)
{
	const int flags = MAP_PRIVATE | MAP_ANONYMOUS;
	const int rw = PROT_READ | PROT_WRITE;
	char *at = page_at(call->at), *to = page_at(call->to);
	size_t len = call->len * PAGE;

	switch (call->action) {
	case MLOCK_F:
		lof_mlock2(at, len, 0);
		break;
	case MLOCK_O:
		lof_mlock2(at, len, MLOCK_ONFAULT);
		break;
	case MUNLOCK:
		lof_munlock(at, len);
		break;
	case MUNMAP:
		lof_munmap(at, len);
		break;
	case MAP_AT:
		lof_mmap(at, len, rw, flags | MAP_FIXED, -1, 0);
		break;
	case MAP_AT_LOCKED:
		lof_mmap(at, len, rw, flags | MAP_FIXED | MAP_LOCKED, -1, 0);
		break;
	case MAP_ANY:
		lof_mmap(NULL, len, rw, flags, -1, 0);
		break;
	case MAP_ANY_LOCKED:
		lof_mmap(NULL, len, rw, flags | MAP_LOCKED, -1, 0);
		break;
	case MOVE:
		lof_mremap(at, len, len, MREMAP_MAYMOVE | MREMAP_FIXED, to);
		break;
	case GROW:
		lof_mremap(at, len, call->to * PAGE, MREMAP_MAYMOVE);
		break;
	case READ:
		(void)!lof_ledger_resync(lof_range_all(PAGE));
		break;
	}
}

/* --- the modes */

enum mode {
	PAIRS,		/* two calls */
	TRIPLES,	/* three calls that switch at system calls only */
	FINE,		/* three calls that switch at all seams */
	HANDLER,	/* a call in a signal handler during another call */
	BESIDE,		/* as HANDLER, with a third call in another thread */
	LEAVE,		/* a call after siglongjmp left another call */
	FORK,		/* a fork during a call, beside another call */
	NMODES
};

static const char *const modes[] = {
	"pairs", "triples", "fine", "handler", "beside", "leave", "fork"
};

#define NCOROUTINES	3
#define STACK		((size_t)64 << 10)

struct coroutine {
	const struct call *call;
	bool is_done;
	ucontext_t context;
	struct lof_self self;	/* while another coroutine runs */
	char *top;		/* of its stack, at the last switch */
};

static char stack[NCOROUTINES][STACK] __attribute__((aligned(4096)));

/* A choice that was made. */
struct choice {
	uint64_t state;		/* hash of the state before the choice */
	double runs;		/* interleavings found behind it so far */
	unsigned char taken, of;
};

#define NCHOICES	4096

static struct {
	enum mode mode;
	const char *layout;
	const struct call *handler;	/* or the call after a leave */
	int n;				/* coroutines */

	struct coroutine coroutine[NCOROUTINES];
	int current;			/* -1: none */
	bool is_happened;		/* the handler, leave or fork */
	bool is_quiet;			/* seams do not switch now */
	bool is_known;			/* the run reached a known state */
	bool is_switched;		/* not one call after the other */
	ucontext_t home;
	ucontext_t fresh;		/* the same registers for each run */
	sigjmp_buf outer;		/* the target of siglongjmp */

	struct choice choice[NCHOICES];
	int nchoices, at;
	bool is_replay;
} run;

static struct { double runs; uint64_t ends, doubtful, serial, serial_doubtful; }
	count[NMODES];

/* --- explored states, and the number of runs behind each */

#define NSTATES		((size_t)1 << 24)

static struct { uint64_t state; double runs; } *known;
static size_t *known_used, nknown;

static size_t known_index(uint64_t state)
{
	size_t i = (size_t)(state % NSTATES);

	while (known[i].state && known[i].state != state)
		i = (i + 1) % NSTATES;
	return i;
}

static void remember(uint64_t state, double runs)
{
	size_t i = known_index(state);

	if (nknown == NSTATES / 2) {
		fprintf(stderr, "exhaust: too many states\n");
		abort();
	}
	known_used[nknown++] = i;
	known[i].state = state;
	known[i].runs = runs;
}

static void forget_all(void)
{
	while (nknown > 0)
		known[known_used[--nknown]].state = 0;
}

static uint64_t mix(uint64_t hash, uint64_t word)
{
	hash = (hash ^ word) * 0x9e3779b97f4a7c15u;
	return hash ^ hash >> 29;
}

static uint64_t mix_bytes(uint64_t hash, const void *from, size_t len)
{
	const char *at = from;
	uint64_t word;

	for (; len >= sizeof(word); at += sizeof(word), len -= sizeof(word)) {
		memcpy(&word, at, sizeof(word));
		hash = mix(hash, word);
	}
	word = 0;
	memcpy(&word, at, len);
	return len ? mix(hash, word) : hash;
}

/* The window's bits are among the first of the bitmap. */
#define BITS_BYTES	64

/* The part of the ledger that these calls can reach. */
static uint64_t hash_ledger(uint64_t hash)
{
	const struct lof_ledger *l = &lof_ledger;
	struct lof_cursor cursor;
	struct lof_entry entry;

	hash = mix(hash, l->front.blind);
	hash = mix(hash, l->front.moves);
	hash = mix(hash, l->front.summary.is_used);
	hash = mix(hash, l->front.summary.cleared);
	hash = mix(hash, l->front.summary.nfirst);
	hash = mix_bytes(hash, (const void *)l->front.summary.first[0],
			 BITS_BYTES);
	hash = mix_bytes(hash, &l->owner, offsetof(struct lof_ledger, tree) -
					  offsetof(struct lof_ledger, owner));
	hash = mix_bytes(hash, (const char *)l->landing,
			 offsetof(struct lof_ledger, slot) -
			 offsetof(struct lof_ledger, landing));
	hash = mix_bytes(hash, (const void *)l->slot,
			 (size_t)l->nused * sizeof(l->slot[0]));
	if (lof_tree_seek(&l->tree[LOF_NOTED_LOCKS], 0, &cursor))
		while (lof_tree_next(&cursor, &entry)) {
			hash = mix(hash, entry.range.start);
			hash = mix(hash, entry.range.end);
			hash = mix(hash, entry.attr);
		}
	return hash;
}

static uint64_t hash_coroutine(uint64_t hash, int i)
{
	struct coroutine *c = &run.coroutine[i];

	if (c->is_done)
		return mix(hash, 1);
	if (!c->top)
		return mix(hash, 2);
	hash = mix_bytes(hash, i == run.current ? &lof_self : &c->self,
			 sizeof(lof_self));
	return mix_bytes(hash, c->top, (size_t)(stack[i] + STACK - c->top));
}

static uint64_t hash_all(void)
{
	uint64_t hash = mix_bytes(1, &kernel, sizeof(kernel));

	hash = mix(hash, run.is_happened);
	if (run.mode > FINE)
		hash = mix(hash, (uint64_t)run.current);
	hash = hash_ledger(hash);
	for (int i = 0; i < run.n; i++)
		hash = hash_coroutine(hash, i);
	return hash | 1;
}

/* --- the scheduler */

static void go_home(void)
{
	setcontext(&run.home);
}

/*
 * Choose one of n; a new choice begins with 0. Does not return if the state is
 * known: then the run ends.
 */
static int choose(int n)
{
	struct choice *choice = &run.choice[run.at];
	uint64_t state;
	size_t i;

	if (n == 1)
		return 0;
	if (run.at < run.nchoices) {
		run.at++;
		return choice->taken < n ? choice->taken : 0;
	}
	if (run.is_replay)
		return 0;
	state = hash_all();
	i = known_index(state);
	if (known[i].state) {
		run.is_known = true;
		if (run.nchoices > 0)
			run.choice[run.nchoices - 1].runs += known[i].runs;
		go_home();
	}
	if (run.at == NCHOICES) {
		fprintf(stderr, "exhaust: a run is too long\n");
		abort();
	}
	*choice = (struct choice){ .state = state, .of = (unsigned char)n };
	run.nchoices = ++run.at;
	return 0;
}

static void switch_to(int next)
{
	int from = run.current;

	run.coroutine[from].self = lof_self;
	lof_self = run.coroutine[next].self;
	run.current = next;
	swapcontext(&run.coroutine[from].context,
		    &run.coroutine[next].context);
}

/* The other coroutines that can run. */
static int others(int *other)
{
	int n = 0;

	for (int i = 0; i < run.n; i++)
		if (i != run.current && !run.coroutine[i].is_done)
			other[n++] = i;
	return n;
}

static bool event_is_due(void)
{
	return run.mode > FINE && !run.is_happened && run.current == 0;
}

static void happen(void)
{
	run.is_happened = true;
	switch (run.mode) {
	case HANDLER:
	case BESIDE:
		run.is_quiet = true;
		make_call(run.handler);
		run.is_quiet = false;
		break;
	case LEAVE:
		siglongjmp(run.outer, 1);
	default:
		run.is_quiet = true;
		lof_ledger_before_fork();
		kernel_fork();
		for (int i = 1; i < run.n; i++)
			run.coroutine[i].is_done = true;
		if (kernel.wipes)
			memset((void *)&lof_ledger, 0, sizeof(lof_ledger));
		lof_ledger_after_fork_in_child();
		run.is_quiet = false;
	}
}

/* Called by seam(), which saves all registers in its frame, to be hashed. */
__attribute__((noinline))
static void choose_and_switch(bool must)
{
	int other[NCOROUTINES], n = others(other), chosen;
	bool is_due = event_is_due();
	int stay = must && n ? 0 : 1;

	run.coroutine[run.current].top = __builtin_frame_address(0);
	chosen = choose(stay + n + is_due) - stay;
	if (chosen == n) {
		happen();
	} else if (chosen >= 0) {
		run.is_switched = true;
		switch_to(other[chosen]);
	}
}

__attribute__((noinline))
static void seam(bool must)
{
	__builtin_unwind_init();
	if (!run.is_quiet && run.current >= 0)
		choose_and_switch(must);
	__asm__ volatile("" ::: "memory");
}

static unsigned int noted(struct lof_range page)
{
	struct lof_entry entry;

	return lof_tree_find_in(&lof_ledger.tree[LOF_NOTED_LOCKS], page,
				&entry) ? entry.attr : 0;
}

static void print_state(const char *title)
{
	printf("%s: kernel %.*s, noted ", title, NPAGES, kernel.page);
	for (size_t i = 0; i < NPAGES; i++) {
		unsigned int attr = noted((struct lof_range){
			WINDOW + i * PAGE, WINDOW + (i + 1) * PAGE });

		printf("%c%s", LOF_ATTR_KIND(attr) == LOF_FULL ? 'f' :
		       LOF_ATTR_KIND(attr) == LOF_ONFAULT ? 'o' : '-',
		       attr & LOF_ATTR_SUSPECT ? "?" : "");
	}
	printf("%s\n", lof_all_is_suspect() ? ", all suspect" : "");
}

/* With --replay: print each seam. */
static void trace(const char *where, int line)
{
	if (!run.is_replay || run.is_quiet || run.current < 0)
		return;
	printf("%*s%s, in %s at %d", run.current * 4, "",
	       run.coroutine[run.current].call->name, where, line);
	print_state("");
}

void exhaust_seam(const char *where, int line)
{
	trace(where, line);
	if (run.mode != TRIPLES)
		seam(false);
}

void exhaust_syscall_at(const char *where, int line)
{
	trace(where, line);
	seam(false);
}

void exhaust_wait(void)
{
	seam(true);
}

/* --- one run */

static bool check_in_process(bool is_left);
static bool is_right;

static void run_coroutine(void)
{
	struct coroutine *volatile c = &run.coroutine[run.current];
	int other[NCOROUTINES], n;

	if (run.mode != LEAVE || !sigsetjmp(run.outer, 0))
		make_call(c->call);
	if (run.mode == LEAVE) {
		run.is_quiet = true;
		make_call(run.handler);
		is_right = check_in_process(true);
		run.is_quiet = false;
	}
	c = &run.coroutine[run.current];
	c->is_done = true;
	n = others(other);
	if (n)
		switch_to(other[choose(n)]);
	go_home();
}

/* Clear only the part that these calls can reach: all of it takes long. */
static void empty_ledger(void)
{
	struct lof_blocks *summary = &lof_ledger.front.summary;
	size_t rest = offsetof(struct lof_ledger, owner);

	memset((void *)&lof_ledger, 0, offsetof(struct lof_ledger,
						front.summary.chunk));
	memset((void *)summary->chunk, 0, sizeof(summary->chunk[0]));
	memset((void *)summary->first[0], 0, BITS_BYTES);
	memset((char *)&lof_ledger + rest, 0,
	       offsetof(struct lof_ledger, slot[4 * NCOROUTINES]) - rest);
}

static void note_layout(void)
{
	const struct lof_range all = { WINDOW, WINDOW + NPAGES * PAGE };

	empty_ledger();
	lof_ledger.epoch = 1;
	lof_nodes_have(LOF_NOTED_LOCKS, 16);
	lof_blocks_prepare(&lof_ledger.front.summary, all);
	memcpy(kernel.page, run.layout, NPAGES);
	kernel.wipes = true;
	for (size_t i = 0; i < NPAGES; i++) {
		struct lof_range page = { WINDOW + i * PAGE,
					  WINDOW + (i + 1) * PAGE };

		if (kernel.page[i] == ONFAULT || kernel.page[i] == FULL)
			lof_note_as(LOF_NOTED_LOCKS, page, LOF_ATTR(
				kernel.page[i] == FULL ? LOF_FULL : LOF_ONFAULT,
				LOF_BY_KERNEL));
	}
}

static void reset(void)
{
	note_layout();
	run.is_happened = run.is_known = run.is_quiet = false;
	run.is_switched = kernel_refused = false;
	run.at = 0;
	is_right = true;
	for (int i = 0; i < run.n; i++) {
		struct coroutine *c = &run.coroutine[i];

		c->is_done = false;
		c->top = NULL;
		/* Distinct slots: no call mistakes another's for its own. */
		c->self = (struct lof_self){ .slot = (uintptr_t)i * 3 };
		memset(stack[i] + STACK - 8192, 0, 8192);
		c->context = run.fresh;
		c->context.uc_stack.ss_sp = stack[i];
		c->context.uc_stack.ss_size = STACK;
		c->context.uc_link = &run.home;
		makecontext(&c->context, run_coroutine, 0);
	}
}

static void run_once(void)
{
	volatile bool is_back = false;

	reset();
	getcontext(&run.home);
	if (is_back) {
		run.current = -1;
		lof_self = (struct lof_self){ .slot = NCOROUTINES * 3 };
		return;
	}
	is_back = true;
	run.current = -1;
	run.current = choose(run.n);
	lof_self = run.coroutine[run.current].self;
	setcontext(&run.coroutine[run.current].context);
}

/* --- the checks after a run */

static unsigned int attr_of(size_t page)
{
	switch (kernel.page[page]) {
	case ONFAULT:
		return LOF_ATTR(LOF_ONFAULT, LOF_BY_KERNEL);
	case FULL:
		return LOF_ATTR(LOF_FULL, LOF_BY_KERNEL);
	default:
		return 0;
	}
}

static void inflight_is(struct lof_range part, void *arg)
{
	bool *is_any = arg;

	(void)part;
	*is_any = true;
}

/* A left call stays in flight until another call needs its slot. */
static bool is_inflight(struct lof_range page)
{
	struct lof_change none = { .slot = 0 };
	bool is_any = lof_inflight_overlaps(&none, page);

	lof_inflight_each(page, inflight_is, &is_any);
	return is_any;
}

/* Is every page noted as the kernel has it or, if that is allowed, suspect? */
static bool compare(const char *when, bool may_doubt, bool is_left,
		    bool *is_doubtful)
{
	bool is_good = true;

	*is_doubtful = lof_all_is_suspect();
	for (size_t i = 0; i < NPAGES; i++) {
		struct lof_range page = { WINDOW + i * PAGE,
					  WINDOW + (i + 1) * PAGE };
		unsigned int attr = noted(page);
		bool is_suspect = attr & LOF_ATTR_SUSPECT ||
				  lof_all_is_suspect() ||
				  (is_left && is_inflight(page));

		*is_doubtful |= is_suspect;
		if (may_doubt && is_suspect)
			continue;
		if (attr != attr_of(i)) {
			printf("%s: page %zu is wrong\n", when, i);
			is_good = false;
		}
	}
	if (!is_good)
		print_state(when);
	return is_good;
}

static bool must(bool is_so, const char *title)
{
	if (!is_so)
		print_state(title);
	return is_so;
}

static bool is_used(void)
{
	for (int i = 0; i < lof_ledger.nused; i++)
		if (lof_ledger.slot[i].change)
			return true;
	return false;
}

static bool is_doubtful;

static bool check_in_process(bool is_left)
{
	uint64_t drift = lof_ledger.drift;
	bool ignored, is_good;
	struct lof_entry entry;

	/* This takes the ledger's lock, and so applies the left effects. */
	if (!must(lof_ledger_first(LOF_NOTED_LOCKS, lof_range_all(PAGE),
				   &entry) >= 0, "the lock is taken"))
		return false;
	is_good = compare("after the calls", true, is_left, &is_doubtful);
	/*
	 * With three calls a reader may see the effect of a fast call that is
	 * not logged yet. No note can tell of that call: it counts as drift.
	 */
	if (run.mode != TRIPLES && run.mode != FINE && run.mode != BESIDE)
		is_good &= must(!drift, "drift beside another call");
	/* In a child of fork the slots of the other threads stay: HACKING. */
	if (!is_left && run.mode != FORK)
		is_good &= must(!is_used(), "a slot is in use") &&
			   must(!lof_ledger.front.blind, "blind");
	is_good &= must(!lof_ledger_resync(lof_range_all(PAGE)),
			"the reader fails");
	if (!is_good)
		return false;
	return compare("after the reader", is_left, is_left, &ignored) &&
	       must(lof_ledger.drift == drift, "drift");
}

/*
 * May calls that run one after the other leave a range suspect? Only a call
 * that failed half-way, and a move onto a noted range or onto a hole in one.
 */
static bool may_doubt_alone(void)
{
	for (int i = 0; i < run.n; i++)
		if (run.coroutine[i].call->action == MOVE)
			return true;
	return kernel_refused;
}

static void tally(void)
{
	bool is_serial = !run.is_switched && !run.is_happened;

	if (run.mode != LEAVE && is_serial && is_doubtful && !may_doubt_alone())
		is_right = must(false, "suspect without another call");

	count[run.mode].ends++;
	count[run.mode].doubtful += is_doubtful;
	count[run.mode].serial += is_serial;
	count[run.mode].serial_doubtful += is_serial && is_doubtful;
}

static void print_run(void)
{
	printf("exhaust --replay %s %s ", modes[run.mode], run.layout);
	for (int i = 0; i < run.n; i++)
		printf("%s%s", i ? "," : "", run.coroutine[i].call->name);
	if (run.handler)
		printf(",%s", run.handler->name);
	printf(" ");
	for (int i = 0; i < run.nchoices; i++)
		printf("%d", run.choice[i].taken);
	printf("\n");
}

/* Change the last choice that has an alternative left. False: none has. */
static bool next_run(void)
{
	while (run.nchoices > 0) {
		struct choice *last = &run.choice[run.nchoices - 1];

		if (++last->taken < last->of)
			return true;
		remember(last->state, last->runs);
		run.nchoices--;
		if (run.nchoices > 0)
			last[-1].runs += last->runs;
		else
			count[run.mode].runs += last->runs;
	}
	return false;
}

static bool check_run(void)
{
	run_once();
	if (run.is_known)
		return true;
	if (run.nchoices > 0)
		run.choice[run.nchoices - 1].runs++;
	else
		count[run.mode].runs++;
	if (run.mode != LEAVE)
		is_right = check_in_process(false);
	tally();
	if (!is_right)
		print_run();
	return is_right;
}

/* Explore all runs of these calls. Only errors are printed. */
static bool explore(enum mode mode, const char *layout, int n,
		    const struct call **of, const struct call *handler)
{
	bool is_good;

	run.mode = mode;
	run.layout = layout;
	run.handler = handler;
	run.n = n;
	run.nchoices = 0;
	for (int i = 0; i < n; i++)
		run.coroutine[i].call = of[i];
	do
		is_good = check_run();
	while (is_good && next_run());
	forget_all();
	return is_good;
}

static const struct call *find(const char *name, size_t len)
{
	for (size_t i = 0; i < NCALLS; i++)
		if (strlen(calls[i].name) == len &&
		    !strncmp(calls[i].name, name, len))
			return &calls[i];
	fprintf(stderr, "exhaust: no call %.*s\n", (int)len, name);
	exit(2);
}

static bool explore_pairs(enum mode mode, const char *layout)
{
	for (size_t a = 0; a < NCALLS; a++)
		for (size_t b = mode == PAIRS ? a : 0; b < NCALLS; b++) {
			const struct call *both[] = { &calls[a], &calls[b] };
			bool is_event = mode == HANDLER || mode == LEAVE;

			if (!explore(mode, layout, is_event ? 1 : 2, both,
				     is_event ? &calls[b] : NULL))
				return false;
		}
	return true;
}

static bool explore_triples(enum mode mode, const char *layout)
{
	size_t n = mode == FINE && !is_long ? NFEWER : NFEW;

	for (size_t a = 0; a < n; a++)
		for (size_t b = a; b < n; b++)
			for (size_t c = b; c < n; c++) {
				const struct call *all[] = {
					find(few[a], strlen(few[a])),
					find(few[b], strlen(few[b])),
					find(few[c], strlen(few[c])),
				};

				if (!explore(mode, layout, 3, all, NULL))
					return false;
			}
	return true;
}

static bool explore_beside(const char *layout)
{
	size_t n = is_long ? NFEW : NFEWER;

	for (size_t a = 0; a < n; a++)
		for (size_t b = 0; b < n; b++)
			for (size_t c = 0; c < n; c++) {
				const struct call *both[] = {
					find(few[a], strlen(few[a])),
					find(few[b], strlen(few[b])),
				};

				if (!explore(BESIDE, layout, 2, both,
					     find(few[c], strlen(few[c]))))
					return false;
			}
	return true;
}

static bool explore_layout(enum mode mode, const char *layout)
{
	switch (mode) {
	case TRIPLES:
	case FINE:
		return explore_triples(mode, layout);
	case BESIDE:
		return explore_beside(layout);
	default:
		return explore_pairs(mode, layout);
	}
}

static bool explore_mode(enum mode mode)
{
	size_t n = mode == FINE && !is_long ? 1 : NLAYOUTS;
	bool is_good = true;

	for (size_t i = 0; is_good && i < n; i++)
		is_good = explore_layout(mode, layouts[i]);
	printf("%-8s %9.4g interleavings, %llu ends; suspect after %.1f %%, "
	       "one after the other %llu of %llu\n", modes[mode],
	       count[mode].runs, (unsigned long long)count[mode].ends,
	       100.0 * (double)count[mode].doubtful / (double)count[mode].ends,
	       (unsigned long long)count[mode].serial_doubtful,
	       (unsigned long long)count[mode].serial);
	fflush(stdout);
	return is_good;
}

/* --- the command line */

static size_t find_name(const char *const *names, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (name && !strcmp(names[i], name))
			return i;
	fprintf(stderr, "exhaust: bad argument: %s\n", name ? name : "missing");
	exit(2);
}

static int replay(char **arg)
{
	const struct call *of[NCOROUTINES], *handler = NULL;
	enum mode mode = (enum mode)find_name(modes, NMODES, arg[0]);
	const char *layout = layouts[find_name(layouts, NLAYOUTS, arg[1])];
	const char *name = arg[2], *end;
	int n = 0;

	for (; n < NCOROUTINES; name = end + 1) {
		end = name + strcspn(name, ",");
		of[n++] = find(name, (size_t)(end - name));
		if (!*end)
			break;
	}
	if (mode == HANDLER || mode == BESIDE || mode == LEAVE)
		handler = of[--n];
	run.is_replay = true;
	for (const char *at = arg[3]; *at && run.nchoices < NCHOICES; at++)
		run.choice[run.nchoices++].taken = (unsigned char)(*at - '0');
	run.mode = mode;
	run.layout = layout;
	run.handler = handler;
	run.n = n;
	for (int i = 0; i < n; i++)
		run.coroutine[i].call = of[i];
	if (!check_run())
		return 1;
	print_state("all is right");
	return 0;
}

static void set_up(void)
{
	for (enum lof_cap cap = 0; cap < LOF_NCAPS; cap++)
		lof_cap_override(cap, cap == LOF_CAP_LOCKS ||
				 cap == LOF_CAP_MLOCK2 ||
				 cap == LOF_CAP_SMAPS_KIND);
	run.current = -1;
	getcontext(&run.fresh);
	known = calloc(NSTATES, sizeof(*known));
	known_used = calloc(NSTATES, sizeof(*known_used));
	if (!known || !known_used)
		abort();
}

int main(int argc, char **argv)
{
	static const char *const parts[] = {
		"nothing", "log", "unplaced", "left", "blindness",
		"second-look", "moves", "inflight-again", "lock-again"
	};
	int only = -1;
	bool is_good = true;

	set_up();
	for (int i = 1; i < argc; i++)
		if (!strcmp(argv[i], "--without"))
			exhaust_left_out = (enum part)find_name(parts, NPARTS,
								argv[++i]);
		else if (!strcmp(argv[i], "--long"))
			is_long = true;
		else if (!strcmp(argv[i], "--mode"))
			only = (int)find_name(modes, NMODES, argv[++i]);
		else if (!strcmp(argv[i], "--replay") && i + 4 < argc)
			return replay(argv + i + 1);
		else
			find_name(NULL, 0, argv[i]);
	for (enum mode mode = 0; is_good && mode < NMODES; mode++)
		if (only < 0 || only == (int)mode)
			is_good = explore_mode(mode);
	return is_good ? 0 : 1;
}
