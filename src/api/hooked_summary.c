/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * For the shim: the locks of a process at its end. The counts are of this
 * process: a child of fork begins anew. A child of vfork has the memory of its
 * parent, and no end of its own to tell of.
 */
#include "config.h"

#include "api/hooked_summary.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/syscall.h>

#include "api/hooked.h"
#include "api/result.h"
#include "base/options.h"
#include "emulate/mclfuture_emulated.h"
#include "kernel/smaps.h"
#include "kernel/sys.h"
#include "kernel/syscall.h"
#include "ledger/attrs.h"
#include "ledger/runs.h"

#define STACK_MIN	((size_t)16 << 10)

static struct {
	_Atomic long pid;		/* 0: no summary */
	_Atomic uint64_t refused;	/* calls */
	_Atomic uint64_t ranges, all;	/* bytes asked by range, by mlockall */
	uint64_t converted;		/* before this process was forked */
} counts;

/* The name that /proc has for standard error, and its name at the beginning. */
struct name {
	char text[256];		/* a longer name is cut off */
};

static struct name first;

static int standard_error(struct name *name)
{
	long len;

	*name = (struct name){ "" };
	len = lof_sys_readlink("/proc/thread-self/fd/2", name->text,
			       sizeof(name->text) - 1);
	return len < 0 ? (int)len : 0;
}

/*
 * Many programs close their standard error at the end; a terminal can be opened
 * again. A file cannot: other processes may write to it at a place of their own.
 * If another file is there, the program opened it for its own use.
 */
static bool is_writable(struct lof_summary *summary)
{
	struct name now;
	int err = standard_error(&now);

	if (!err)
		return strcmp(now.text, first.text) == 0;
	summary->terminal = first.text;
	return err == -ENOENT &&
	       (strncmp(first.text, "/dev/pts/", 9) == 0 ||
		strncmp(first.text, "/dev/tty", 8) == 0);
}

static long own_pid(void)
{
	return lof_syscall_raw(SYS_getpid, 0, 0, 0, 0, 0, 0);
}

LOF_PUBLIC bool lof_hooked_summary_begin(void)
{
	if (standard_error(&first))
		return false;
	counts.pid = own_pid();
	return true;
}

void lof_summary_after_fork_in_child(void)
{
	if (!counts.pid)
		return;
	counts.refused = 0;
	counts.ranges = 0;
	counts.all = 0;
	counts.converted = lof_converted();
	counts.pid = own_pid();
}

LOF_PUBLIC void lof_hooked_summary_count(size_t bytes, bool is_refused)
{
	if (is_refused)
		counts.refused++;
	else
		counts.ranges += bytes;
}

/* The bytes that mlockall() was asked to lock: those of the mappings now. */
LOF_PUBLIC void lof_hooked_summary_count_all(void)
{
	struct lof_stats stats;
	int saved = errno;

	if (!lof_stats(&stats, sizeof(stats)))
		counts.all = stats.charged + stats.left_out;
	errno = saved;
}

/* Do all pages of a VMA that is not locked wait for their first touch? */
static bool is_waiting(const struct lof_vma *vma)
{
	struct lof_entry run;

	if (vma->locked)
		return vma->onfault;
	if (vma->unlockable || vma->secret || !vma->writable)
		return false;
	return lof_mclfuture_emulated() ||
	       (lof_ledger_first(LOF_NOTED_BUDGETS, vma->range, &run) > 0 &&
		LOF_BUDGET_ID(run.attr) && run.range.start <= vma->range.start &&
		run.range.end >= vma->range.end);
}

static int add_area(const struct lof_vma *vma, void *arg)
{
	struct lof_summary *summary = arg;
	uint64_t len = lof_range_len(vma->range);

	if (vma->locked)
		summary->locked += vma->pinned;
	if (is_waiting(vma) && vma->rss < len)
		summary->saved += len - vma->rss;
	return 0;
}

static void at_least(uint64_t *bytes, uint64_t least)
{
	if (*bytes < least)
		*bytes = least;
}

/* A signal handler may call _exit(): does it have the stack for all this? */
static bool has_stack(void)
{
	stack_t stack;

	if (lof_sys_sigaltstack(&stack))
		return true;
	return !(stack.ss_flags & SS_ONSTACK) || stack.ss_size >= STACK_MIN;
}

LOF_PUBLIC bool lof_hooked_summary(struct lof_summary *summary)
{
	struct lof_stats stats;
	long pid = own_pid();

	/* Only one of the ways in which a process ends tells it. */
	if (!atomic_compare_exchange_strong(&counts.pid, &pid, 0))
		return false;
	*summary = (struct lof_summary){
		.converted = lof_converted() - counts.converted,
		.refused = counts.refused,
		.asked = counts.ranges,
	};
	if (!has_stack() || !is_writable(summary) ||
	    lof_stats(&stats, sizeof(stats)) ||
	    lof_smaps_each(add_area, summary))
		return false;
	summary->is_bound = lof_option_value(LOF_CONVERT_MAX);
	summary->charged = stats.charged;
	summary->left_out = summary->is_bound ? stats.overrun : stats.left_out;
	at_least(&summary->asked, counts.all);
	at_least(&summary->asked, stats.charged + stats.left_out);
	return true;
}
