/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * For the shim: the program installs a seccomp filter. From then on the library
 * does not make the calls that the filter refuses. The filter is evaluated
 * before it is installed, because it may bind other threads at once.
 */
#include "config.h"

#include "api/hooked.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>

#include "api/result.h"
#include "kernel/permit.h"
#include "kernel/sys.h"
#include "kernel/syscall.h"

/* Can all words of len bytes be read? The kernel's answer, without a fault. */
static bool is_readable(const void *addr, size_t len)
{
	uintptr_t page = lof_sys_page_size(), at = (uintptr_t)addr & ~(page - 1);

	for (; at < (uintptr_t)addr + len; at += page)
		if (lof_sys_touch_read((uint32_t *)at))
			return false;
	return true;
}

/*
 * If the program cannot be read, the kernel will refuse it, too. If that cannot
 * be asked because of an earlier filter, all calls count as refused.
 */
static uint32_t refused_by(const struct sock_fprog *program)
{
	if (!lof_permits(LOF_CALL_FUTEX))
		return LOF_ALL_CALLS;
	if (!is_readable(program, sizeof(*program)) ||
	    !is_readable(program->filter,
			 program->len * sizeof(*program->filter)))
		return 0;
	return lof_permit_judge(program->filter, program->len);
}

/* The calls that a strict mode or a filter refuses; 0 for any other call. */
static uint32_t refused_after(long nr, const long args[6])
{
	bool is_prctl = nr == SYS_prctl && args[0] == PR_SET_SECCOMP;
	bool is_strict = is_prctl ? args[1] == SECCOMP_MODE_STRICT :
			 nr == SYS_seccomp &&
			 args[0] == SECCOMP_SET_MODE_STRICT;
	bool is_filter = is_prctl ? args[1] == SECCOMP_MODE_FILTER :
			 nr == SYS_seccomp &&
			 args[0] == SECCOMP_SET_MODE_FILTER;

	if (is_strict)
		return LOF_ALL_CALLS;
	return is_filter ? refused_by((const struct sock_fprog *)args[2]) : 0;
}

LOF_PUBLIC long lof_hooked_seccomp(long nr, const long args[6])
{
	uint32_t refused = refused_after(nr, args);
	struct lof_permit_update update;
	long ret;

	update = lof_permit_begin(refused);
	ret = lof_syscall_raw(nr, args[0], args[1], args[2], args[3], args[4],
			      args[5]);
	lof_permit_end(update, ret == 0);
	return ret;
}

LOF_PUBLIC bool lof_hooked_permits_log(void)
{
	return lof_permits(LOF_CALL_LOG);
}
