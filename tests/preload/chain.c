/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The shim in a chain: a library that wraps the same names (interposer.c) sees
 * the calls of preload_helper as it does without the shim.
 */
#include "config.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "preload/run.h"
#include "support/tool.h"

#define INTERPOSER	".libs/preload_interposer.so"
#define PATCHER		".libs/preload_patcher.so"

static char behind[2 * PATH_MAX], before[2 * PATH_MAX], alone[2 * PATH_MAX];

static void set_orders_with(const char *library)
{
	snprintf(behind, sizeof(behind), "LD_PRELOAD=%s:%s", built(SHIM),
		 built(library));
	snprintf(before, sizeof(before), "LD_PRELOAD=%s:%s", built(library),
		 built(SHIM));
	snprintf(alone, sizeof(alone), "LD_PRELOAD=%s", built(library));
}

static void set_orders(void)
{
	set_orders_with(INTERPOSER);
}

static const char *const modes[] = {
	"INTERPOSER=next", "INTERPOSER=number", "INTERPOSER=busy",
};

static const char *const commands[] = {
	"all", "maps", "remaps", "ring", "discard", "lfs-map", "lfs-map64",
	"child", "syscall-all", "syscall-maps", "syscall-remaps",
	"syscall-discard", "syscall-others", "confine", "syscall-confine",
};

#define NMODES		(int)(sizeof(modes) / sizeof(modes[0]))
#define NCOMMANDS	(int)(sizeof(commands) / sizeof(commands[0]))

/* What the interposer alone saw, and what the program printed then. */
static char bare[sizeof(ran.out)], saw[sizeof(ran.err)];

static void run_alone(const char *command, const char *mode)
{
	set_orders();
	strcpy(bare, run_told(command, alone, mode, NULL));
	strcpy(saw, ran.err);
	ck_assert_str_ne(saw, "");
}

/* Under a limit or without mlock2 the library locks by other calls. */
static void demand_the_usual_calls(void)
{
	if (tool_is(TOOL_NO_MLOCK2) || tool_is_limited())
		skip("the calls that lock are others under a limit");
}

/* A translated madvise() is two calls. */
START_TEST(calls_in_a_chain_are_seen)
{
	static const char fail[] = "LOCKONFAULT_DISCARD=fail";
	const char *command = commands[_i % NCOMMANDS];
	const char *mode = modes[_i / NCOMMANDS];
	char plain[sizeof(ran.out)];

	demand_the_usual_calls();
	run_alone(command, mode);
	strcpy(plain, run(command, fail, NULL));
	ck_assert_str_eq(run_told(command, behind, mode, fail, NULL), plain);
	ck_assert_str_eq(ran.err, saw);
	ck_assert_str_eq(run_told(command, before, mode, fail, NULL), plain);
	ck_assert_str_eq(ran.err, saw);
}
END_TEST

START_TEST(inert_shim_in_a_chain_is_not_there)
{
	const char *command = commands[_i % NCOMMANDS];
	const char *mode = modes[_i / NCOMMANDS];
	const char *disable = "LOCKONFAULT_DISABLE=1";

	run_alone(command, mode);
	ck_assert_str_eq(run_told(command, behind, mode, disable, NULL), bare);
	ck_assert_str_eq(ran.err, saw);
	ck_assert_str_eq(run_told(command, before, mode, disable, NULL), bare);
	ck_assert_str_eq(ran.err, saw);
}
END_TEST

/* The library refuses some calls of these itself, or asks the kernel before. */
START_TEST(refusals_in_a_chain_are_the_same)
{
	static const char *const command[] = {
		"locks", "limits", "syscall-locks", "syscall-wide",
	};
	const char *mode = modes[_i / 4];
	char plain[sizeof(ran.out)];

	set_orders();
	strcpy(plain, run(command[_i % 4], NULL));
	ck_assert_str_eq(run_told(command[_i % 4], behind, mode, NULL), plain);
	ck_assert_str_eq(run_told(command[_i % 4], before, mode, NULL), plain);
}
END_TEST

/*
 * These print what the ledger says, too: without the shim there is none. Each
 * look at smaps makes a madvise (truth.c).
 */
START_TEST(segments_in_a_chain_are_seen_and_tracked)
{
	static const struct {
		const char *command, *saw;
	} shm[] = {
		{ "shm", "mmap 1\nmadvise 4\nshmat 4\nshmdt 2\nmlock or mlock2 2\n"
			 "mlockall 1\nmunlockall 1\n" },
		{ "remap-file", "mmap 2\nmadvise 2\nremap_file_pages 2\n"
				"mlock or mlock2 1\n" },
		{ "syscall-shm", "mmap 1\nmadvise 4\nmlock or mlock2 2\n"
				 "mlockall 1\nmunlockall 1\nsyscall 6\n" },
		{ "syscall-remap-file", "mmap 2\nmadvise 2\nmlock or mlock2 1\n"
					"syscall 2\n" },
	};
	const char *mode = modes[_i / 4];
	char plain[sizeof(ran.out)];

	demand_the_usual_calls();
	set_orders();
	strcpy(plain, run(shm[_i % 4].command, NULL));
	ck_assert_str_eq(run_told(shm[_i % 4].command, behind, mode, NULL),
			 plain);
	ck_assert_str_eq(ran.err, shm[_i % 4].saw);
}
END_TEST

/* The next library need not do what the kernel does. */
START_TEST(calls_in_a_chain_are_not_believed)
{
	demand_the_usual_calls();
	set_orders();
	ck_assert_str_eq(run("unlock", NULL), "ok ok 0 ........ 0\n");
	ck_assert_str_eq(run_told("unlock", behind, "INTERPOSER=lazy", NULL),
			 "ok ok 0 OO...... 0\n");
}
END_TEST

/* Its constructor runs before that of the shim, then after. */
START_TEST(calls_of_patched_code_are_seen)
{
	const char *disable = "LOCKONFAULT_DISABLE=1";
	char plain[sizeof(ran.out)];

	set_orders_with(PATCHER);
	strcpy(bare, run_told("maps", alone, NULL));
	strcpy(saw, ran.err);
	if (!saw[0])
		skip("the library that patches code knows x86-64 alone");
	strcpy(plain, run("maps", NULL));
	ck_assert_str_eq(run_told("maps", behind, NULL), plain);
	ck_assert_str_eq(ran.err, saw);
	ck_assert_str_eq(run_told("maps", before, NULL), plain);
	ck_assert_str_eq(ran.err, saw);
	ck_assert_str_eq(run_told("maps", behind, disable, NULL), bare);
	ck_assert_str_eq(ran.err, saw);
}
END_TEST

TCase *chain_case(void)
{
	TCase *tcase = tcase_create("chain");

	tcase_set_timeout(tcase, 30);
	tcase_add_loop_test(tcase, calls_in_a_chain_are_seen, 0,
			    NMODES * NCOMMANDS);
	tcase_add_loop_test(tcase, inert_shim_in_a_chain_is_not_there, 0,
			    NMODES * NCOMMANDS);
	tcase_add_loop_test(tcase, refusals_in_a_chain_are_the_same, 0,
			    NMODES * 4);
	tcase_add_loop_test(tcase, segments_in_a_chain_are_seen_and_tracked, 0,
			    NMODES * 4);
	tcase_add_test(tcase, calls_of_patched_code_are_seen);
	tcase_add_test(tcase, calls_in_a_chain_are_not_believed);
	return tcase;
}
