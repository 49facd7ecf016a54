/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * For the shim: calls by which a program confines itself. After a seccomp filter
 * the library does not make the calls that the filter refuses; the filter is
 * evaluated before it is installed, because it may bind other threads at once.
 * Some of the calls fail if the process has more than one thread, or threads
 * with different filters: so the thread of the library ends before each call. A
 * new one inherits the confinement.
 */
#include "config.h"

#include "api/hooked.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>

#include "api/result.h"
#include "api/sync_thread.h"
#include "kernel/next.h"
#include "kernel/permit.h"
#include "kernel/sys.h"
#include "kernel/syscall.h"

/* Can all words of len bytes be read? The kernel's answer, without a fault. */
static bool is_readable(const void *addr, size_t len)
{
	uintptr_t page = lof_sys_page_size(), at = (uintptr_t)addr & ~3ul;
	struct lof_range range;

	/* An address of -1 wraps. */
	if (lof_range_of(&range, addr, len))
		return false;
	for (; at < range.end; at = (at | (page - 1)) + 1)
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

/* With this flag, success is a descriptor (Linux 5.0). */
#ifndef SECCOMP_FILTER_FLAG_NEW_LISTENER
#define SECCOMP_FILTER_FLAG_NEW_LISTENER	(1ul << 3)
#endif

static bool is_installed(long nr, const long args[6], long ret)
{
	return ret == 0 || (ret > 0 && nr == SYS_seccomp &&
			    args[1] & (long)SECCOMP_FILTER_FLAG_NEW_LISTENER);
}

/*
 * After the filter there may be no scan: so lock what was touched since the last
 * one. A program touches most of its memory before it confines itself.
 */
static void scan_once_more(void)
{
	int saved = errno;

	lof_catch_up();
	errno = saved;
}

LOF_PUBLIC long lof_hooked_confine(long nr, const long args[6])
{
	uint32_t refused = refused_after(nr, args);
	bool had_thread = lof_sync_thread_pause();
	struct lof_permit_update update;
	long ret;

	if (had_thread && refused)
		scan_once_more();
	update = lof_permit_begin(refused);
	ret = lof_next_confine(nr, args);
	lof_permit_end(update, is_installed(nr, args, ret));
	lof_sync_thread_resume(had_thread);
	return ret;
}

LOF_PUBLIC bool lof_hooked_permits_log(void)
{
	return lof_permits(LOF_CALL_LOG);
}

LOF_PUBLIC void lof_hooked_sync_ms(unsigned long ms)
{
	lof_option_set(LOF_SYNC_MS, ms);
}
