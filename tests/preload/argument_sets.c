/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Make each hooked call with each set of arguments, by name and by number, and
 * print how it went and how the memory is afterwards. The program is not linked
 * with the library: test_argument_sets.sh runs it without and with the shim.
 *
 *	argument_sets [--one-in N] [--seed N] [--match TEXT]
 *
 * --one-in takes one set of N, by the seed. --match takes the sets whose first
 * column has TEXT. The columns, with tabs between:
 *
 *	set		before: call(arguments); "#" is a call by number
 *	result		relative to the arena if it is an address
 *	errno		77: unchanged
 *	VmLck		in pages, without the memory outside the arena; "own" if
 *			such memory is locked; "wrong" if VmLck is not the sum
 *			of the locked memory
 *	locks		of each page: - not mapped, u not locked, o on fault,
 *			F in full
 *	resident	r or .
 *	access		1 execute, 2 write, 4 read, 8 shared
 *	content		the first byte, if the page is resident
 *
 * The pages are 32 of the arena, three of its large mapping, and the first ones
 * of a mapping whose place the kernel chose.
 */
#include "config.h"

#include "preload/argument_sets.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define UNCHANGED	77

/* A set: words of the lists of a product. */
struct set {
	const struct product *product;
	const struct call *call;
	const char *before, *word[NARGS];
	size_t before_len, len[NARGS], nargs;
	bool by_number;
};

static struct {
	uint64_t seed;
	unsigned long one_in;
	const char *match;
} options = { 1, 1, "" };

static size_t nsets;

/* The next word of a list; NULL: there is none. */
static const char *next_word(const char *list, size_t *len)
{
	list += strspn(list, " ");
	*len = strcspn(list, " ");
	return *len ? list : NULL;
}

static void print_title(char *title, size_t size, const struct set *set)
{
	size_t n = (size_t)snprintf(title, size, "%.*s: %s%s(",
				    (int)set->before_len, set->before,
				    set->call->name,
				    set->by_number ? "#" : "");

	for (size_t i = 0; i < set->nargs; i++)
		n += (size_t)snprintf(title + n, size - n, "%s%.*s",
				      i ? ", " : "", (int)set->len[i],
				      set->word[i]);
	snprintf(title + n, size - n, ")");
}

static const char *error_name(int err, char *buf, size_t size)
{
	static const struct {
		int value;
		const char *name;
	} errors[] = {
#define ERROR(name) { name, #name }
		ERROR(EINVAL), ERROR(ENOMEM), ERROR(EAGAIN), ERROR(EBADF),
		ERROR(EEXIST), ERROR(EFAULT), ERROR(EPERM), ERROR(ENOSYS),
		ERROR(EBUSY), ERROR(EOPNOTSUPP), ERROR(EACCES), ERROR(EIDRM),
		ERROR(EOVERFLOW), ERROR(ENODEV),
	};

	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
		if (errors[i].value == err)
			return errors[i].name;
	snprintf(buf, size, "%d", err);
	return buf;
}

/* Does the call, or do those before it, lock more than the arena? */
static bool locks_all(const struct set *set)
{
	return strstr(set->call->name, "lockall") ||
	       (set->before[0] != '-' && strncmp(set->before, "lock", 4));
}

static bool is_in_arena(uintptr_t addr)
{
	return addr - arena < ARENA_BIG * page_size + ARENA_BIG_SIZE;
}

static void print_result(char *text, size_t size, const struct set *set,
			 long result, const long *arg, bool *is_elsewhere)
{
	const struct call *call = set->call;
	uintptr_t addr = (uintptr_t)result;

	*is_elsewhere = false;
	if (!call->is_pointer || result == -1) {
		snprintf(text, size, "%ld", result);
	} else if (is_in_arena(addr)) {
		snprintf(text, size, "p%zu+%zu", (addr - arena) / page_size,
			 (addr - arena) % page_size);
	} else if (result == arg[call->at - 1]) {
		snprintf(text, size, "asked");
	} else {
		snprintf(text, size, "elsewhere");
		*is_elsewhere = true;
	}
}

/* Does a new mapping show how the next ones are locked? */
static void map_next(const struct call *call)
{
	if (strstr(call->name, "lockall") || strncmp(call->name, "set", 3) == 0)
		mmap((void *)(arena + 20 * page_size), page_size,
		     PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
}

static long make_call(const struct set *set, const long *arg)
{
	if (!set->by_number)
		return set->call->by_name(arg);
	return syscall(set->call->nr, arg[0], arg[1], arg[2], arg[3], arg[4],
		       arg[5]);
}

static void print_state(const char *title, const char *result, int err,
			const struct state *state)
{
	static char line[1 << 11];
	char buf[16], wrong[32] = "";
	int n;

	if (state->overcharge)
		snprintf(wrong, sizeof(wrong), " wrong by %ld",
			 state->overcharge);
	n = snprintf(line, sizeof(line),
		     "%s\t%s\t%s\t%ld%s%s\t%s\t%s\t%s\t%s\n", title, result,
		     error_name(err, buf, sizeof(buf)), state->locked,
		     state->has_own ? " own" : "", wrong, state->locks,
		     state->resident, state->perms, state->content);
	if (write(STDOUT_FILENO, line, (size_t)n) != n)
		_exit(94);
}

/* In a child: its memory begins anew. */
static void run_set(const struct set *set, const char *title)
{
	const struct call *call = set->call;
	long arg[NARGS] = { 0 }, result;
	struct state state;
	char text[64];
	bool elsewhere;
	size_t len;
	int err;

	arena_build(strncmp(call->name, "shm", 3) == 0);
	make_before(set->before, set->before_len);
	for (size_t i = 0; i < set->nargs; i++)
		arg[i] = value_of(set->word[i], set->len[i]);
	errno = UNCHANGED;
	result = make_call(set, arg);
	err = errno;
	map_next(call);
	print_result(text, sizeof(text), set, result, arg, &elsewhere);
	len = call->len ? (size_t)arg[call->len - 1] : page_size;
	state_read(&state, (uintptr_t)result, elsewhere ? len : 0,
		   locks_all(set));
	print_state(title, text, err, &state);
}

/* Mix the bits of x (splitmix64). */
static uint64_t mixed(uint64_t x)
{
	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

static bool is_wanted(const char *title)
{
	uint64_t n = options.seed * UINT64_C(0x9e3779b97f4a7c15) + nsets++;

	return mixed(n) % options.one_in == 0 && strstr(title, options.match);
}

static void fork_set(const struct set *set)
{
	char title[256];
	int status = 0;
	pid_t pid;

	print_title(title, sizeof(title), set);
	if (!is_wanted(title))
		return;
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		run_set(set, title);
		_exit(0);
	}
	if (pid == -1 || waitpid(pid, &status, 0) != pid || status)
		printf("%s\tended with status %#x\n", title, (unsigned)status);
}

/* By name; every third set also by number. */
static void make_set(struct set *set)
{
	static size_t count;

	set->by_number = false;
	fork_set(set);
	set->by_number = true;
	if (set->call->nr != -1 && count++ % 3 == 0)
		fork_set(set);
}

/* Fill in the arguments from the n-th on, in every way. */
static void each_argument(struct set *set, size_t n)
{
	const char *list = n < NARGS ? set->product->args[n] : NULL;

	if (!list) {
		set->nargs = n;
		make_set(set);
		return;
	}
	while ((list = next_word(list, &set->len[n]))) {
		set->word[n] = list;
		each_argument(set, n + 1);
		list += set->len[n];
	}
}

static void each_before(const struct product *product)
{
	struct set set = {
		.product = product, .call = call_named(product->call)
	};
	const char *list = product->before;

	while (set.call && (list = next_word(list, &set.before_len))) {
		set.before = list;
		each_argument(&set, 0);
		list += set.before_len;
	}
}

int main(int argc, char **argv)
{
	for (int i = 1; i + 1 < argc; i += 2)
		if (strcmp(argv[i], "--one-in") == 0)
			options.one_in = strtoul(argv[i + 1], NULL, 0);
		else if (strcmp(argv[i], "--seed") == 0)
			options.seed = strtoull(argv[i + 1], NULL, 0);
		else if (strcmp(argv[i], "--match") == 0)
			options.match = argv[i + 1];
	if (!arena_is_free()) {
		printf("skip: something is mapped at %#lx\n",
		       (unsigned long)arena);
		return 77;
	}
	for (size_t i = 0; i < nproducts; i++)
		each_before(&products[i]);
	return 0;
}
