/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Print and read logs of operations, in a syntax like C. */
#include "config.h"

#include "random/calls.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/shm.h>

#include "random/random.h"

#define X(id, name, args) #name,
const char *const op_names[OP_NKINDS] = { OPS(X) };
#undef X
#define X(id, name, args) args,
static const char *const op_args[OP_NKINDS] = { OPS(X) };
#undef X

/* Names of flags by group. A value of several bits comes before its bits. */
static const struct name {
	char group;
	int64_t value;
	const char *name;
} names[] = {
#define NAME(group, name) { group, name, #name }
	NAME('K', MLOCK_ONFAULT), NAME('K', MLOCK_LOCKED),
	NAME('C', MCL_CURRENT), NAME('C', MCL_FUTURE), NAME('C', MCL_ONFAULT),
	NAME('P', PROT_NONE), NAME('P', PROT_READ), NAME('P', PROT_WRITE),
	NAME('P', PROT_EXEC),
	NAME('M', MAP_SHARED), NAME('M', MAP_PRIVATE), NAME('M', MAP_FIXED),
	NAME('M', MAP_FIXED_NOREPLACE), NAME('M', MAP_ANONYMOUS),
	NAME('M', MAP_LOCKED), NAME('M', MAP_POPULATE),
	NAME('M', MAP_NORESERVE), NAME('M', MAP_GROWSDOWN),
	NAME('M', MAP_HUGETLB), NAME('M', MAP_32BIT),
	NAME('M', MAP_DROPPABLE),
	NAME('R', MREMAP_MAYMOVE), NAME('R', MREMAP_FIXED),
	NAME('R', MREMAP_DONTUNMAP),
#ifdef LOF_MREMAP_NOPOPULATE
	NAME('R', LOF_MREMAP_NOPOPULATE),
#endif
	NAME('A', MADV_DONTNEED), NAME('A', MADV_FREE),
	NAME('A', MADV_REMOVE), NAME('A', MADV_GUARD_INSTALL),
	NAME('A', MADV_GUARD_REMOVE),
	NAME('A', MADV_DONTNEED_LOCKED), NAME('A', MADV_WILLNEED),
	NAME('A', MADV_POPULATE_READ), NAME('A', MADV_POPULATE_WRITE),
	NAME('A', MADV_HUGEPAGE), NAME('A', MADV_NOHUGEPAGE),
	NAME('A', MADV_COLD), NAME('A', MADV_PAGEOUT),
	NAME('A', MADV_DONTFORK), NAME('A', MADV_DOFORK),
	NAME('A', MADV_WIPEONFORK), NAME('A', MADV_KEEPONFORK),
	NAME('A', MADV_RANDOM),
	NAME('f', BAD_FD), NAME('f', ANONYMOUS), NAME('f', REGULAR),
	NAME('f', MEMFD), NAME('f', SECRET), NAME('f', SPECIAL),
	NAME('H', SHM_RDONLY), NAME('H', SHM_REMAP), NAME('H', SHM_RND),
	NAME('H', SHM_EXEC),
};

#define NNAMES (sizeof(names) / sizeof(names[0]))

static const char *const places[] = { "0", "top", "arena", "stack",
				      "heap" };

static void print_bytes(FILE *file, int64_t bytes, const char *format)
{
	int64_t rest = bytes & (int64_t)(page - 1);

	fprintf(file, format, (bytes - rest) / (int64_t)page);
	if (rest)
		fprintf(file, "+%" PRId64, rest);
}

static void print_addr(FILE *file, int64_t addr)
{
	if (ADDR_PLACE(addr) < SLOTS)
		fprintf(file, "%s", places[ADDR_PLACE(addr)]);
	else
		fprintf(file, "slot%d", ADDR_PLACE(addr) - SLOTS);
	if (ADDR_OFF(addr))
		print_bytes(file, ADDR_OFF(addr), "%+" PRId64 "p");
}

static bool is_of_bits(char group)
{
	return group != 'A' && group != 'f';
}

static void print_flags(FILE *file, char group, int64_t value)
{
	const char *between = "";

	for (size_t i = 0; i < NNAMES; i++)
		if (names[i].group == group && names[i].value == value) {
			fprintf(file, "%s", names[i].name);
			return;
		}
	for (size_t i = 0; is_of_bits(group) && i < NNAMES; i++)
		if (names[i].group == group && names[i].value & value) {
			fprintf(file, "%s%s", between, names[i].name);
			value &= ~names[i].value;
			between = "|";
		}
	if (value || !*between)
		fprintf(file, "%s%" PRId64, between, value);
}

static void print_arg(FILE *file, char type, int64_t arg)
{
	switch (type) {
	case 'a':
		print_addr(file, arg);
		break;
	case 'l':
		print_bytes(file, arg, "%" PRId64 "p");
		break;
	case 'n':
		fprintf(file, "%" PRId64, arg);
		break;
	default:
		print_flags(file, type, arg);
		break;
	}
}

void op_print(FILE *file, const struct op *op)
{
	const char *args = op_args[op->kind], *between = "";
	const int64_t *arg = op->arg;

	if (*args == 'd') {
		fprintf(file, "slot%" PRId64 " = ", *arg++);
		args++;
	}
	fprintf(file, "%s(", op_names[op->kind]);
	for (; *args; args++, arg++) {
		fprintf(file, "%s", between);
		print_arg(file, *args, *arg);
		between = ", ";
	}
	fprintf(file, ");\n");
}

void log_print(FILE *file, const struct log *log)
{
	for (size_t i = 0; i < log->n; i++)
		op_print(file, &log->op[i]);
}

/* A sum of numbers: bytes, or pages with the suffix p. */
static int64_t read_bytes(char **text)
{
	int64_t sum = 0, n;
	char *end;

	for (;; *text = end) {
		n = strtoll(*text, &end, 0);
		if (end == *text)
			return sum;
		if (*end == 'p') {
			n *= (int64_t)page;
			end++;
		}
		sum += n;
	}
}

static int64_t read_addr(char **text)
{
	int place = NOWHERE;

	if (strncmp(*text, "slot", 4) == 0) {
		*text += 4;
		place = SLOTS + (int)strtol(*text, text, 10);
	}
	for (int i = TOP; i < SLOTS; i++)
		if (strncmp(*text, places[i], strlen(places[i])) == 0) {
			*text += strlen(places[i]);
			place = i;
		}
	return ADDR(place, read_bytes(text));
}

static int64_t read_flags(char **text, char group)
{
	int64_t sum = 0;

	for (;;) {
		size_t len = strspn(*text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789");
		size_t i = 0;

		while (i < NNAMES && (names[i].group != group ||
				      strlen(names[i].name) != len ||
				      strncmp(names[i].name, *text, len)))
			i++;
		if (i < NNAMES) {
			sum |= names[i].value;
			*text += len;
		} else {
			sum |= strtoll(*text, text, 0);
		}
		if (**text != '|')
			return sum;
		++*text;
	}
}

static bool read_args(char *text, const char *args, int64_t *arg)
{
	for (; *args; args++, arg++) {
		text += strspn(text, "(, ");
		switch (*args) {
		case 'a':
			*arg = read_addr(&text);
			break;
		case 'l': case 'n':
			*arg = read_bytes(&text);
			break;
		default:
			*arg = read_flags(&text, *args);
			break;
		}
	}
	return *text == ')' || (text[0] == '(' && text[1] == ')');
}

static bool op_read(char *line, struct op *op)
{
	size_t len;
	bool has_slot;

	*op = (struct op){ .kind = 0 };
	has_slot = sscanf(line, "slot%" SCNd64 " = ", &op->arg[0]) == 1;
	if (has_slot)
		line = strchr(line, '=') + 2;
	len = strcspn(line, "(");
	for (; op->kind < OP_NKINDS; op->kind++) {
		if (strlen(op_names[op->kind]) == len &&
		    strncmp(line, op_names[op->kind], len) == 0 &&
		    (*op_args[op->kind] == 'd') == has_slot)
			return read_args(line + len,
					 op_args[op->kind] + has_slot,
					 op->arg + has_slot);
	}
	return false;
}

bool log_read(FILE *file, struct log *log)
{
	char line[1000];

	log->n = 0;
	while (fgets(line, sizeof(line), file)) {
		if (*line == '#' || *line == '\n')
			continue;
		if (log->n == OPS_MAX || !op_read(line, &log->op[log->n++])) {
			fprintf(stderr, "not an operation: %s", line);
			return false;
		}
	}
	return true;
}
