/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A part of storm: check the ledger, and that the process makes progress. */
#include "config.h"

#include "storm/storm.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support/truth.h"

#define NREGIONS	4096
#define PATIENCE	100	/* seconds */

/*
 * The memory that threads call on. Elsewhere MCL_FUTURE locks mappings of libc,
 * which the library does not see.
 */
#define FIRST		(OWN_START - 64 * page)
#define LAST		(STORM_START + (STORM_NPAGES + 64) * page)

void storm_die(const char *format, ...)
{
	va_list args;

	fprintf(stderr, "storm: process %d: ", (int)getpid());
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	_exit(1);
}

static void on_alarm(int signal)
{
	static const char text[] = "storm: no progress\n";
	ssize_t unused;

	(void)signal;
	unused = write(2, text, sizeof(text) - 1);
	(void)unused;
	_exit(1);
}

void storm_watch(void)
{
	signal(SIGALRM, on_alarm);
	alarm(PATIENCE);
}

static void check_books(void)
{
	static struct truth_region ledger[NREGIONS];
	int count = truth_collect_walk(FIRST, LAST, ledger, NREGIONS);

	if (!truth_is_told(FIRST, LAST, ledger, count))
		storm_die("ledger and kernel differ\n");
}

static void check_charge(void)
{
	static struct truth_region kernel[NREGIONS];
	int count = truth_collect(0, UINTPTR_MAX, kernel, NREGIONS);
	size_t sum = 0, charged = truth_vmlck();

	for (int i = 0; i < count; i++)
		sum += kernel[i].end - kernel[i].start;
	if (sum != charged)
		storm_die("%zu bytes are locked, and %zu charged\n", sum,
			  charged);
}

void storm_check(void)
{
	storm_watch();
	check_books();
	check_charge();
}

static int is_full_or_held(const struct lof_region *region, void *arg)
{
	(void)arg;
	return region->kind != LOF_ONFAULT || region->holds;
}

/* Does the parent still share the page? Bit 56: only this process maps it. */
static bool is_shared(const char *addr)
{
	FILE *pagemap = fopen("/proc/self/pagemap", "re");
	uint64_t entry = 0;

	if (!pagemap ||
	    fseek(pagemap, (long)((uintptr_t)addr / page * sizeof(entry)),
		  SEEK_SET) ||
	    fread(&entry, sizeof(entry), 1, pagemap) != 1)
		storm_die("pagemap cannot be read\n");
	fclose(pagemap);
	return entry >> 63 && !(entry >> 56 & 1);
}

/* Check the state that a child begins with. */
void storm_check_child(bool relocked)
{
	char kinds[OWN_NPAGES + 1];

	check_books();
	check_charge();
	truth_kinds((void *)OWN_START, OWN_NPAGES, kinds);
	if (strcmp(kinds, relocked ? "OOOO.O.." : "........"))
		storm_die("the child begins with %s\n", kinds);
	if (lof_walk(is_full_or_held, NULL))
		storm_die("the child begins with full locks, or held\n");
	if (!relocked && truth_vmlck())
		storm_die("the child begins with locks\n");
	if (!is_shared((char *)OWN_START))
		storm_die("a page was copied for a lock\n");
}
