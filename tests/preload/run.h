/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Run a program under the shim and collect its output. */
#ifndef LOF_TESTS_PRELOAD_RUN_H
#define LOF_TESTS_PRELOAD_RUN_H

#include <check.h>
#include <sys/types.h>

#define SHIM ".libs/liblockonfault-preload.so"

/* The last run. */
struct ran {
	pid_t pid;
	char out[4096], err[4096];
};

extern struct ran ran;
extern char scratch[];		/* an empty directory */

/* Find the shim and make the directory: 0, or the status to exit with. */
int run_begin(void);
void run_end(void);

/* The path of a file in the build directory. Valid for two calls. */
const char *built(const char *name);

/*
 * Run preload_helper, or a program at path, with a command and settings of the
 * form "NAME=value" up to NULL. The program must succeed and print nothing on
 * stderr. Returns its stdout.
 */
const char *run(const char *command, ...);
const char *run_as(const char *path, const char *command, ...);

/* run(), but messages are allowed: they are in ran.err. */
const char *run_told(const char *command, ...);

/* The output of the helper with locks converted, and not converted. */
#define LOCKS_ON_FAULT							\
	"ok .OOO.... 0\nok .OOO.FF. 3\nok .OOO.FOO 3\nok .O....OO 3\n"	\
	"EINVAL ENOMEM OOOOOOOO 3\n"
#define LOCKS_FULL							\
	"ok .FFF.... 3\nok .FFF.FF. 5\nok .FFF.FOO 5\nok .F....OO 5\n"	\
	"EINVAL ENOMEM FFFFFFFF 5\n"
#define ALL_ON_FAULT							\
	"ok OOOOOOOO 0\nok OOOOOOOO 0\nok ok ........ 0\nEINVAL ........ 0\n"
#define ALL_FULL							\
	"ok FFFFFFFF 8\nok FFFFFFFF 8\nok ok ........ 6\nEINVAL ........ 6\n"
#define MAPS_ON_FAULT							\
	"ok .OOO.... 0\nok .OOO.OO. 2\nok .O----O. 1\nok OOOO 0\n"	\
	"EBADF .O----O. 1\n"
#define MAPS_DROPPED							\
	"ok .OOO.... 0\nok .OOO.OO. 0\nok .O----O. 0\nok OOOO 0\n"	\
	"EBADF .O----O. 0\n"
#define MAPS_FULL							\
	"ok .FFF.... 3\nok .FFF.FF. 5\nok .F----F. 2\nok FFFF 4\n"	\
	"EBADF .F----F. 2\n"

TCase *log_case(void);
TCase *environment_case(void);
TCase *chain_case(void);
TCase *filter_case(void);
TCase *run_option_case(void);
TCase *thread_case(void);

#endif
