/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libseccomp makes the filter. It does not install it, because version 2.5 does
 * not know SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV.
 */
#include "config.h"

#include "trace/lock_filter.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kernel/sys.h"

#ifndef MCL_ONFAULT
#define MCL_ONFAULT (MCL_CURRENT << 2)
#endif
#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif
#ifndef SECCOMP_IOCTL_NOTIF_ADDFD
#define SECCOMP_IOCTL_NOTIF_ADDFD _IOW('!', 3, char[24])
#endif

#define FILTER_MAX	512	/* instructions; it has about 40 */
#define FLAGS	(SECCOMP_FILTER_FLAG_NEW_LISTENER | \
		 SECCOMP_FILTER_FLAG_SPEC_ALLOW)

#if defined(__x86_64__)
#define ARCH_32	SCMP_ARCH_X86
#else
#define ARCH_32	SCMP_ARCH_NATIVE	/* regs.c knows no 32-bit tracee */
#endif

/* mmap whose flags, its fourth argument, have a flag. */
static int add_mmap(scmp_filter_ctx filter, int number, scmp_datum_t flag)
{
	return seccomp_rule_add(filter, SCMP_ACT_NOTIFY, number, 1,
				SCMP_A3(SCMP_CMP_MASKED_EQ, flag, flag));
}

/*
 * The rules of one architecture. mlock2 is not among them: a program that calls
 * it chose its way, as under the shim. Nor are the calls of the shim.
 */
static int add_rules(scmp_filter_ctx filter, int mmap_number,
		     bool strips_populate)
{
	int err = seccomp_rule_add(filter, SCMP_ACT_NOTIFY, SCMP_SYS(mlock), 1,
				   SCMP_A2(SCMP_CMP_NE, LOF_MARK, 0));

	if (!err)
		err = seccomp_rule_add(filter, SCMP_ACT_NOTIFY,
				       SCMP_SYS(mlockall), 2,
				       SCMP_A0(SCMP_CMP_MASKED_EQ,
					       MCL_ONFAULT, 0),
				       SCMP_A1(SCMP_CMP_NE, LOF_MARK, 0));
	if (!err)
		err = add_mmap(filter, mmap_number, MAP_LOCKED);
	if (!err && strips_populate)
		err = add_mmap(filter, mmap_number, MAP_POPULATE);
	return err;
}

/* A filter for one architecture; NULL: it failed. */
static scmp_filter_ctx make(uint32_t arch, int mmap_number,
			    bool strips_populate)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	int err;

	if (!filter)
		return NULL;
	err = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_ALLOW);
	if (!err && arch != SCMP_ARCH_NATIVE) {
		err = seccomp_arch_add(filter, arch);
		if (!err)
			err = seccomp_arch_remove(filter, SCMP_ARCH_NATIVE);
	}
	if (!err)
		err = add_rules(filter, mmap_number, strips_populate);
	if (!err)
		return filter;
	seccomp_release(filter);
	return NULL;
}

/* 32-bit programs call mmap2: the old mmap has its arguments in memory. */
static scmp_filter_ctx make_for_all(bool strips_populate)
{
	scmp_filter_ctx second, filter = make(SCMP_ARCH_NATIVE, SCMP_SYS(mmap),
					      strips_populate);

	if (!filter || ARCH_32 == SCMP_ARCH_NATIVE)
		return filter;
	second = make(ARCH_32, SCMP_SYS(mmap2), strips_populate);
	/* A merge releases the second one. */
	if (second && seccomp_merge(filter, second) == 0)
		return filter;
	if (second)
		seccomp_release(second);
	seccomp_release(filter);
	return NULL;
}

/* libseccomp writes the program into a file only. */
static int export(scmp_filter_ctx filter, struct sock_fprog *program)
{
	int err, fd = memfd_create("filter", MFD_CLOEXEC);
	ssize_t n = 0;

	if (fd < 0)
		return -errno;
	err = seccomp_export_bpf(filter, fd);
	if (!err)
		n = pread(fd, program->filter,
			  FILTER_MAX * sizeof(*program->filter), 0);
	close(fd);
	program->len = n > 0 ? (unsigned short)((size_t)n /
						sizeof(*program->filter)) : 0;
	return err || program->len > 0 ? err : -EIO;
}

/* The listener, or a negative errno. */
static int install(const struct sock_fprog *program, unsigned long flags)
{
	int fd = (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags,
			      program);

	return fd < 0 ? -errno : fd;
}

/* Without privilege a filter needs no_new_privs. */
static int install_anyhow(const struct sock_fprog *program,
			  unsigned long flags)
{
	int fd = install(program, flags);

	if (fd != -EACCES)
		return fd;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return -errno;
	return install(program, flags);
}

/*
 * Linux 5.9 tells a listener that no process is under the filter any more. It
 * also has this ioctl, which an older kernel refuses before it reads memory.
 */
static bool tells_the_end(int listener)
{
	return ioctl(listener, SECCOMP_IOCTL_NOTIF_ADDFD, NULL) < 0 &&
	       errno == EFAULT;
}

static int try(const struct sock_fprog *program, unsigned long flags)
{
	int fd = install_anyhow(program, flags);

	if (fd < 0)
		return -fd;
	return tells_the_end(fd) ? 0 : ENOTSUP;
}

/* Neither a filter nor no_new_privs can be undone: so a child tries first. */
static int install_tried(const struct sock_fprog *program, unsigned long flags)
{
	void (*handler)(int) = signal(SIGCHLD, SIG_DFL);
	pid_t child = fork();
	int status = 0;

	if (child == 0)
		_exit(try(program, flags));
	if (child < 0 || waitpid(child, &status, 0) < 0)
		status = -1;
	signal(SIGCHLD, handler);
	if (status == -1 || !WIFEXITED(status))
		return -ECHILD;
	return WEXITSTATUS(status) ? -WEXITSTATUS(status) :
	       install_anyhow(program, flags);
}

/*
 * WAIT_KILLABLE_RECV (5.19): a thread whose call was received by the supervisor
 * is not woken by signals.
 */
static int install_best(const struct sock_fprog *program)
{
	const unsigned long flags = FLAGS |
				    SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV;
	int fd = install(program, flags);

	if (fd == -EACCES)
		fd = install_tried(program, flags);
	if (fd == -EINVAL)
		fd = install_tried(program, FLAGS);
	return fd == -EINVAL || fd == -ENOSYS ? -ENOTSUP : fd;
}

int lof_lock_filter_install(bool strips_populate, int *listener)
{
	struct sock_filter insns[FILTER_MAX];
	struct sock_fprog program = { .filter = insns };
	scmp_filter_ctx filter = make_for_all(strips_populate);
	int err;

	/* libseccomp refuses rules that the kernel does not know. */
	if (!filter)
		return -ENOTSUP;
	err = export(filter, &program);
	seccomp_release(filter);
	if (err)
		return err;
	*listener = install_best(&program);
	return *listener < 0 ? *listener : 0;
}
