/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The random driver. All operations are drawn before the run, as structures: so
 * a log of them can be printed, read, shrunk and replayed. After each operation
 * lof_walk() must agree with smaps.
 */
#ifndef RANDOM_H
#define RANDOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "lockonfault.h"

#define OP_NARGS	7
#define OPS_MAX		(1 << 17)

/*
 * Every operation: its constant, its name in a log, and a letter for each
 * argument: a address, l length, d slot for the result, f the mapped file, n
 * number. The other letters are groups of flags (log.c).
 */
#define OPS(X)							\
	X(NOBODY, nobody, "l")					\
	X(REPAIR, repair, "n")					\
	X(ARENA, arena, "l")					\
	X(LIMIT, limit, "l")					\
	X(MLOCK, mlock, "al")					\
	X(MLOCK2, mlock2, "alK")				\
	X(MUNLOCK, munlock, "al")				\
	X(MUNLOCK2, munlock2, "alK")				\
	X(MLOCKALL, mlockall, "C")				\
	X(MUNLOCKALL, munlockall, "")				\
	X(MUNLOCKALL2, munlockall2, "C")			\
	X(MMAP, mmap, "dalPMfn")				\
	X(MMAP_ONFAULT, mmap_onfault, "dalPMfn")		\
	X(MUNMAP, munmap, "al")					\
	X(MREMAP, mremap, "dallRa")				\
	X(MPROTECT, mprotect, "alP")				\
	X(MADVISE, madvise, "alA")				\
	X(TOUCH, touch, "aln")					\
	X(TRUNCATE, truncate, "fl")				\
	X(QUERY, query, "a")					\
	X(STATS, stats, "")					\
	X(SET, set, "nn")					\
	X(SHMAT, shmat, "danH")					\
	X(SHMDT, shmdt, "a")					\
	X(REMAP_FILE, remap_file_pages, "aln")			\
	X(BRK, brk, "l")					\
	X(FORK, fork, "")					\
	X(END, end, "")						\
	OPS_LATER(X)

/* Calls added after the first version of the library. */
#ifdef LOF_MREMAP_NOPOPULATE
#define OPS_LATER(X)						\
	X(POPULATE, populate, "alP")				\
	X(DISCARD, discard, "al")				\
	X(HOLD, hold, "alK")					\
	X(DROP, drop, "al")					\
	X(SYNC, sync, "")					\
	X(CATCH_UP, catch_up, "")				\
	X(BUDGET, budget, "alln")
#else
#define OPS_LATER(X)
#endif

#define X(id, name, args) OP_##id,
enum op_kind { OPS(X) OP_NKINDS };
#undef X

struct op {
	int kind;
	int64_t arg[OP_NARGS];
};

/* A log of operations. */
struct log {
	size_t n;
	struct op *op;
};

/*
 * An address is a place and an offset in bytes from its start. NOWHERE is
 * address 0, TOP the last page of the address space, HEAP the range of sbrk().
 */
enum { NOWHERE, TOP, ARENA, STACK, HEAP, SLOTS };

#define NSLOTS		12
#define ARENA_NPAGES	64	/* at most; a log can set less */
#define ARENA_NPAGES_MIN 24
#define MARGIN_NPAGES	16	/* around the arena, also used */
#define STACK_NPAGES	64
#define FILE_NPAGES	8
#define HEAP_NPAGES	16
#define SPECIAL_NPAGES	4	/* the only length that can be mapped */

#define ADDR(place, off)	((int64_t)(place) * ((int64_t)1 << 40) + (off))
#define ADDR_PLACE(addr)	((int)(((addr) + ((int64_t)1 << 39)) >> 40))
#define ADDR_OFF(addr)							\
	((addr) - (int64_t)ADDR_PLACE(addr) * ((int64_t)1 << 40))

/* The mapped file. */
enum { BAD_FD, ANONYMOUS, REGULAR, MEMFD, SECRET, SPECIAL, NFILES };

extern size_t page;

/* stream.c: a stream of random numbers. */
struct stream {
	uint64_t state;
	size_t arena;		/* pages of the arena for drawn addresses */
};

#define PICK(stream, ...)						\
	((const int64_t[]){ __VA_ARGS__ }[draw(stream,			\
		sizeof((int64_t[]){ __VA_ARGS__ }) / sizeof(int64_t))])

struct stream stream_of(uint64_t seed);
size_t draw(struct stream *stream, size_t below);
bool chance(struct stream *stream, size_t percent);

/* draw.c: a log drawn from a stream. */
struct drawing {
	bool limited;		/* without privileges, under a small limit */
	bool repair;		/* lof_walk() may correct the ledger */
	bool known;		/* also operations known to go wrong */
	bool kinds;		/* every kind of memory, in a small arena */
};

int64_t draw_addr(struct stream *stream);
int64_t draw_len(struct stream *stream);
void draw_map(struct stream *stream, const struct drawing *how,
	      struct op *op);
void draw_remap(struct stream *stream, struct op *op);
void draw_op(struct stream *stream, const struct drawing *how, struct op *op);
void draw_log(uint64_t seed, const struct drawing *how, struct log *log);

/* log.c: logs as text. */
extern const char *const op_names[OP_NKINDS];
void op_print(FILE *file, const struct op *op);
void log_print(FILE *file, const struct log *log);
bool log_read(FILE *file, struct log *log);

/* memory.c: the memory of the operations. */
struct span {
	char *addr;
	size_t len;
};

void memory_make(void);
void memory_resize(size_t len);	/* the arena; before anything is mapped */
void memory_drop(void);		/* by calls of the library */
char *memory_at(int64_t addr);
struct span memory_span(int64_t addr, int64_t len);	/* clipped to a place */
bool memory_is_place(const char *addr);	/* arena or stack, margins too */
int memory_file(int64_t which);
bool memory_is_mapped(const void *addr);
/* Before a fork: MADV_DOFORK, else other memory may take the place of slots. */
void memory_keep_in_child(void);
void slot_evict(int64_t slot);
void slot_put(int64_t slot, char *addr, size_t len);
void slot_grow(int64_t addr, const char *end);
void slot_trim(int64_t addr, struct span gone);	/* after a hole was made */

/* apply.c, map.c: do an operation. Return its result; 1: it was not done. */
extern bool in_child;
int apply(const struct op *op);
int apply_mmap(const struct op *op);
int apply_munmap(const struct op *op);
int apply_mremap(const struct op *op);
int apply_touch(const struct op *op);
void touch_prepare(void);
bool touch_byte(volatile char *byte, bool write);

/*
 * kinds.c: special kinds of memory, and calls that map and unmap them and that
 * the library has no function for.
 */
void kinds_open(void);		/* before all runs; prints missing kinds */
int kinds_file(int which);
void kinds_make_heap(void);
struct span kinds_heap(void);
void kinds_draw_map(struct stream *stream, struct op *op);
void kinds_draw(struct stream *stream, struct op *op);
int kinds_apply(const struct op *op);
bool kinds_has_secret(struct span span);

/* oracle.c: is the ledger right? If not, the report says why. */
struct region {
	uintptr_t start, end;
	unsigned int kind, holds;
};

#define REGIONS_MAX	4096

struct regions {
	int n;
	struct region region[REGIONS_MAX];
};

extern bool oracle_repairs;	/* the ledger may be wrong, not suspect */

/* The kernel changed a lock without a call that the library sees. */
void oracle_forgives_drift(void);
void oracle_open(void);		/* again in a child of fork */
bool oracle_agrees(void);
bool oracle_charge_agrees(void);
void oracle_forgive_charge(void);	/* the kernel leaked a charge */
bool oracle_nothing_is_locked(void);
int oracle_query(const void *addr);
int oracle_stats(void);
const struct regions *oracle_kernel(void);	/* as last read */

/* holds.c: a model of the holds. */
void holds_reset(void);
void holds_clear(const void *addr, size_t len);
void holds_move(const void *from, const void *to, size_t len);
void holds_changed(const void *addr, size_t len, int by);
bool holds_all(const void *addr, size_t len);
bool holds_any(const void *addr, size_t len);
bool holds_agree(const struct regions *walked);

/* run.c: run a log in a child, which reports in shared memory. */
struct report {
	size_t at;		/* index of the operation */
	bool failed;
	char text[16 << 10];
	uint64_t good[OP_NKINDS], bad[OP_NKINDS];
};

extern struct report *report;
void report_make(void);
void complain(const char *format, ...)
	__attribute__((format(printf, 1, 2)));
bool run(const struct log *log);	/* false: report->at, ->text */

/* shrink.c: shorten a failing log that still fails. */
void shrink(struct log *log);

#endif
