/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The command lockonfault: its subcommands and the little they share. A client
 * of the public API and of the reader of smaps; the library has none of it. The
 * demo (examples/demo) builds in find.c, shim.c and size.c, too.
 */
#ifndef LOF_CMD_H
#define LOF_CMD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Exit statuses of run, as env(1) and nice(1) have them. */
#define LOF_EXIT_OURS		125	/* we failed, CMD was not tried */
#define LOF_EXIT_CANNOT_EXEC	126
#define LOF_EXIT_NOT_FOUND	127

/* main.c: each returns the exit status; argv[0] is "lockonfault NAME". */
int lof_cmd_run(int argc, char **argv);
int lof_cmd_status(int argc, char **argv);

/* Print to stdout; the exit status, failure if it could not be written. */
int lof_cmd_print(const char *text, int failure);
int lof_cmd_version(int failure);

/* Point to --help on stderr; the exit status given. */
int lof_cmd_bad_usage(const char *command, int status);

/* size.c */
#define LOF_SIZE_CHARS	24

/* "1.25 GiB", or "1.25G" for columns. Returns buf, of LOF_SIZE_CHARS. */
char *lof_size_text(char *buf, uint64_t bytes);
char *lof_size_column(char *buf, uint64_t bytes);

/* A number with K, M, G or T (1024; iB may follow). 0 or -EINVAL, -ERANGE. */
int lof_size_parse(const char *text, uint64_t *bytes);

/*
 * max.c: the bytes that MAX stands for, a page at least: SIZE, P%, limit:P% (of
 * RLIMIT_MEMLOCK as it is), cgroup:P%. 0, or -1 after a message.
 */
int lof_max_parse(const char *text, uint64_t *bytes);

/* find.c: the file execvp would take. 0, or a negative errno. */
int lof_find_command(const char *name, char *path, size_t size);

/*
 * shim.c: where the shim is: beside the executable, or where it was installed.
 * 0, or -1 after a message.
 */
int lof_shim_find(const char *wanted, char *path, size_t size);

/* The shim in front of what LD_PRELOAD held. 0, or -1 after a message. */
int lof_shim_preload(const char *shim);

/* target.c: why the shim does not reach a program; NULL where it should. */
const char *lof_target_out_of_reach(const char *path);

#endif
