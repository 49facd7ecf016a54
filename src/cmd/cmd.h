/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The command lockonfault: its subcommands and their shared helpers. The
 * command uses the public API and the reader of smaps (kernel/smaps.c). The
 * library contains no file of the command. The demo (examples/demo) also builds
 * in path_search.c, ld_preload.c and format_size.c.
 */
#ifndef LOF_CMD_H
#define LOF_CMD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Exit statuses of run, the same as those of env(1) and nice(1). */
#define LOF_EXIT_OURS		125	/* CMD was not executed, our error */
#define LOF_EXIT_CANNOT_EXEC	126
#define LOF_EXIT_NOT_FOUND	127

/* A file each: return the exit status. argv[0] is "lockonfault NAME". */
int lof_cmd_attach(int argc, char **argv);
int lof_cmd_run(int argc, char **argv);
int lof_cmd_status(int argc, char **argv);
int lof_cmd_bench(int argc, char **argv);

/* Print to stdout. Return EXIT_SUCCESS, or failure after a write error. */
int lof_cmd_print(const char *text, int failure);
int lof_cmd_version(int failure);

/* Print a hint at --help to stderr, and return status. */
int lof_cmd_bad_usage(const char *command, int status);

/* pids.c: a process ID, or 0. Are all of them valid? 0, or -1 after a message. */
int lof_pid_parse(const char *text);
int lof_pids_check(char **pids);

/* print_quoted.c: print a word, quoted for the shell. */
void lof_print_quoted(FILE *out, const char *word);

/* format_size.c */
#define LOF_SIZE_CHARS	24

/* Format "1.25 GiB", or "1.25G" for columns. Return buf (LOF_SIZE_CHARS). */
char *lof_size_text(char *buf, uint64_t bytes);
char *lof_size_column(char *buf, uint64_t bytes);

/*
 * opt_max.c: convert MAX to bytes, at least one page. MAX is SIZE, P%, limit:P%
 * (of the present RLIMIT_MEMLOCK) or cgroup:P%. 0, or -1 after a message.
 */
int lof_max_parse(const char *text, uint64_t *bytes);

/* lock_limit.c: LOCKONFAULT_MAX in bytes; 0: there is no bound. */
uint64_t lof_lock_bound(void);

/*
 * Does RLIMIT_MEMLOCK limit a program that this process executes? False also if
 * LOCKONFAULT_MAX is less.
 */
bool lof_lock_limit(uint64_t *bytes);

/*
 * Raise RLIMIT_MEMLOCK as far as it goes: a lock on fault is charged for the
 * whole range when it is made. Then warn if it still limits the program.
 */
void lof_lock_limit_raise(bool verbose);
void lof_lock_limit_warn(void);

/* path_search.c: the file that execvp would execute. 0 or a negative errno. */
int lof_find_command(const char *name, char *path, size_t size);

/*
 * ld_preload.c: find the shim: wanted if it is not NULL, or else in the
 * directory of the executable, or else the installed shim. 0, or -1 after a
 * message.
 */
int lof_shim_find(const char *wanted, char *path, size_t size);

/* shim_check.c: is the file a shim? 0, or -1 after a message. */
int lof_shim_check(const char *path);

/* Put the shim first in LD_PRELOAD. 0, or -1 after a message. */
int lof_shim_preload(const char *shim);

/*
 * launcher.c: the reason why a command does not pass LD_PRELOAD on to the
 * program that it starts, or NULL if none is known. *is_elsewhere: another
 * process starts the program.
 */
const char *lof_launcher_clears(char **command, bool *is_elsewhere);

/* preload_reach.c: the effect of LD_PRELOAD on the file of a program. */
struct lof_target {
	const char *why;	/* the reason why it has no effect, or NULL */
	bool refuses;		/* the program does not start with a shim */
	bool gains;		/* it gains privileges: it must not be traced */
};

void lof_target_examine(const char *path, struct lof_target *target);

/*
 * lock_unreached.c: let a program that the shim does not reach call mlockall()
 * when it is executed next. Prints a line: it is done, or the reason why not.
 */
bool lof_lock_unreached(const char *name);

/*
 * yama.c: kernel.yama.ptrace_scope, or 0. Does it forbid this process to trace
 * another one, even a child, or one that permits it?
 */
int lof_yama_scope(void);
bool lof_yama_forbids(void);

/* Is a capability effective in this process? */
bool lof_has_own_capability(int capability);

#endif
