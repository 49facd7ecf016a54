/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A filter under which lock calls succeed and do nothing, to measure a program
 * without its locks. It also works for static programs, and for each program
 * that the program starts.
 */
#include "config.h"

#include "bench.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

static struct sock_fprog program;

/* A 32-bit program may run on a 64-bit kernel, with numbers of its own. */
static int add_architectures(scmp_filter_ctx filter)
{
	int err = 0;

	switch (seccomp_arch_native()) {
	case SCMP_ARCH_X86_64:
		err = seccomp_arch_add(filter, SCMP_ARCH_X86);
		if (!err)
			err = seccomp_arch_add(filter, SCMP_ARCH_X32);
		break;
	case SCMP_ARCH_AARCH64:
		err = seccomp_arch_add(filter, SCMP_ARCH_ARM);
		break;
	default:
		break;
	}
	return err;
}

static int add_rules(scmp_filter_ctx filter)
{
	static const int calls[] = {
		SCMP_SYS(mlock), SCMP_SYS(mlock2), SCMP_SYS(mlockall),
		SCMP_SYS(munlock), SCMP_SYS(munlockall),
	};
	int err = 0;

	for (size_t i = 0; !err && i < sizeof(calls) / sizeof(*calls); i++)
		err = seccomp_rule_add(filter, SCMP_ACT_ERRNO(0), calls[i], 0);
	return err;
}

/* Read what libseccomp has written. */
static int take_program(int fd)
{
	off_t size = lseek(fd, 0, SEEK_END);
	ssize_t n;

	program.filter = malloc((size_t)size);
	if (!program.filter)
		return -ENOMEM;
	n = pread(fd, program.filter, (size_t)size, 0);
	program.len = (unsigned short)((size_t)size / sizeof(*program.filter));
	return n == size ? 0 : -EIO;
}

static int export_program(scmp_filter_ctx filter)
{
	int fd = memfd_create("filter", MFD_CLOEXEC), err;

	if (fd < 0)
		return -errno;
	err = seccomp_export_bpf(filter, fd);
	if (!err)
		err = take_program(fd);
	close(fd);
	return err;
}

int lof_ignore_locks_prepare(void)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	int err;

	if (!filter)
		return -ENOMEM;
	err = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_ALLOW);
	if (!err)
		err = add_architectures(filter);
	if (!err)
		err = add_rules(filter);
	if (!err)
		err = export_program(filter);
	seccomp_release(filter);
	return err;
}

/*
 * With CAP_SYS_ADMIN no_new_privs is not needed; the program can then become
 * another user by set-user-ID as it does without the filter.
 */
int lof_ignore_locks(void)
{
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0)
		return 0;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program))
		return -errno;
	return 0;
}
