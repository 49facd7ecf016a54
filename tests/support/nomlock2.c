/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Run a command with a filter that makes mlock2 and mlockall(MCL_ONFAULT) fail,
 * as some sandboxes do, or as a kernel before 4.4 does.
 *
 *	nomlock2 ENOSYS|EPERM|EINVAL COMMAND [ARGUMENT...]
 *
 * EINVAL stands for the old kernel: mlock2 fails with ENOSYS, and mlockall with
 * EINVAL. LOF_TEST_NO_MLOCK2 is set for the command. Exits as the command does;
 * 125: the filter could not be set.
 */
#include "config.h"

#include <errno.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lockonfault.h"

static const struct {
	const char *name;
	uint16_t mlock2, mlockall;
} ways[] = {
	{ "ENOSYS", ENOSYS, ENOSYS },
	{ "EPERM", EPERM, EPERM },
	{ "EINVAL", ENOSYS, EINVAL },
};

static int forbid(uint16_t mlock2_err, uint16_t mlockall_err)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	int err = -ENOMEM;

	if (!filter)
		return err;
	err = seccomp_rule_add(filter, SCMP_ACT_ERRNO(mlock2_err),
			       SCMP_SYS(mlock2), 0);
	if (!err)
		err = seccomp_rule_add(filter, SCMP_ACT_ERRNO(mlockall_err),
				       SCMP_SYS(mlockall), 1,
				       SCMP_A0(SCMP_CMP_MASKED_EQ, MCL_ONFAULT,
					       MCL_ONFAULT));
	if (!err)
		err = seccomp_load(filter);
	seccomp_release(filter);
	return err;
}

int main(int argc, char **argv)
{
	size_t way = 0, nways = sizeof(ways) / sizeof(ways[0]);
	int err;

	while (argc > 1 && way < nways && strcmp(argv[1], ways[way].name) != 0)
		way++;
	if (argc < 3 || way == nways) {
		fprintf(stderr, "usage: nomlock2 ENOSYS|EPERM|EINVAL "
			"COMMAND [ARGUMENT...]\n");
		return 125;
	}
	err = forbid(ways[way].mlock2, ways[way].mlockall);
	if (err) {
		fprintf(stderr, "nomlock2: %s\n", strerror(-err));
		return 125;
	}
	setenv("LOF_TEST_NO_MLOCK2", "1", 1);
	execvp(argv[2], argv + 2);
	perror(argv[2]);
	return errno == ENOENT ? 127 : 126;
}
