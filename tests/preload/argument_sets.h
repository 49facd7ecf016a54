/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the parts of argument_sets share. */
#ifndef ARGUMENT_SETS_H
#define ARGUMENT_SETS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NARGS	6

/* A hooked call. */
struct call {
	const char *name;
	long nr;		/* -1: only by name */
	bool is_pointer;	/* it returns an address */
	unsigned char at;	/* the argument, from 1, that asks for it */
	unsigned char len;	/* the argument that is its length */
	long (*by_name)(const long *arg);
};

/*
 * Argument sets: every combination of a value from each list. A list has words
 * that value_of() knows, with spaces between.
 */
struct product {
	const char *call;
	const char *before;	/* the calls before it: see make_before() */
	const char *args[NARGS];
};

extern const struct product products[];
extern const size_t nproducts;

/* NULL: there is no such call on this architecture. */
const struct call *call_named(const char *name);

/* The number that a word stands for. */
long value_of(const char *word, size_t len);

/* Make the calls that "before" names. */
void make_before(const char *before, size_t len);

/* The memory of the sets; its address is the same in every process. */
#define ARENA_PAGES	32
#define ARENA_BIG	64	/* the page from which a large mapping begins */
#define ARENA_BIG_SIZE	((size_t)9 << 20)

extern uintptr_t arena;
extern size_t page_size;
extern int arena_file, arena_segment[2];

/* Can the arena be mapped? */
bool arena_is_free(void);

void arena_build(bool with_segments);

/* How the memory is after a call. */
struct state {
	long locked;		/* pages of VmLck, without has_own */
	long overcharge;	/* VmLck less the locked pages of smaps */
	bool has_own;		/* other memory of the process is locked */
	char locks[ARENA_PAGES + 8], resident[ARENA_PAGES + 8];
	char perms[ARENA_PAGES + 8], content[ARENA_PAGES + 8];
};

/*
 * Read the state of the arena, and of the first pages of [at, at + len), which
 * is not in it. is_all: look for other locked memory, too.
 */
void state_read(struct state *state, uintptr_t at, size_t len, bool is_all);

#endif
