/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The capabilities of this kernel and this sandbox. A probe changes nothing
 * except the stored answer, so that two threads may probe at the same time.
 */
#include "config.h"

#include "kernel/caps.h"

#include <stdatomic.h>
#include <string.h>

#include "kernel/own_memory.h"
#include "kernel/permit.h"
#include "kernel/smaps.h"
#include "kernel/sys.h"
#include "lockonfault.h"

enum { UNKNOWN, ABSENT, PRESENT };

static _Atomic int answers[LOF_NCAPS];

static int find_scratch(const struct lof_vma *vma, void *arg)
{
	const uintptr_t *scratch = arg;

	if (vma->range.end <= *scratch)
		return 0;
	/* Without the right to lock, the probe learns nothing: return 1. */
	return vma->onfault || !vma->locked ? 1 : 2;
}

/*
 * Linux 6.2 prints "lf" in VmFlags, Linux 4.4 "??" at a known place. An
 * emulated kernel may print neither.
 */
static bool smaps_tells_kind(void)
{
	struct lof_range scratch;
	int told = 0;

	/* Without mlock2 smaps never shows lf; only the ledger has the kind. */
	if (!lof_cap_is_there(LOF_CAP_MLOCK2))
		return false;
	if (lof_own_scratch(lof_sys_page_size(), PROT_READ, &scratch))
		return true;
	/* If the limit refuses, MCL_FUTURE may have locked it in full. */
	if (!lof_sys_mlock2(scratch, MLOCK_ONFAULT))
		told = lof_smaps_each(find_scratch, &scratch.start);
	lof_own_return(scratch);
	return told != 2;
}

/*
 * Does an mlock that fails leave VMAs locked and not populated? Lock a page
 * that cannot be populated and a page that can. mlock must fail, and the second
 * page must be locked and not resident. If the limit refuses even these two
 * pages the answer is yes; the limit then refuses later calls as well.
 */
static bool mlock_only_flags(void)
{
	size_t page = lof_sys_page_size();
	struct lof_range both, second;
	unsigned char present = 0;
	bool flags;
	int err;

	if (!lof_cap_is_there(LOF_CAP_MSYNC))
		return false;
	if (lof_own_scratch(2 * page, PROT_READ | PROT_WRITE, &both))
		return true;
	second = (struct lof_range){ both.start + page, both.end };
	lof_sys_mprotect(both.start, page, PROT_NONE);
	/* Under MCL_FUTURE the pages are locked already. */
	lof_sys_munlock(both);
	lof_sys_madvise(both.start, 2 * page, MADV_DONTNEED);
	err = lof_sys_mlock(both);
	lof_sys_mincore(second, &present);
	flags = err && !(present & 1);
	if (lof_sys_msync(both, MS_ASYNC | MS_INVALIDATE) == -EBUSY)
		flags &= lof_sys_msync(second, MS_ASYNC | MS_INVALIDATE) ==
			 -EBUSY;
	lof_own_return(both);
	return flags;
}

/*
 * A new PROT_NONE page cannot be resident, not even under MCL_FUTURE. gVisor,
 * which keeps no account of pages, says that all pages are resident.
 */
static bool mincore_tells(void)
{
	unsigned char present = 0;
	struct lof_range scratch;

	if (lof_own_scratch(lof_sys_page_size(), PROT_NONE, &scratch))
		return true;
	lof_sys_mincore(scratch, &present);
	lof_own_return(scratch);
	return !(present & 1);
}

/* A page that is mapped, and was touched. */
static struct lof_range page_of_answers(void)
{
	uintptr_t page = lof_sys_page_size();
	uintptr_t here = (uintptr_t)&answers & ~(page - 1);

	return (struct lof_range){ here, here + page };
}

/*
 * Does pagemap report a touched page? UNKNOWN: no file descriptor or no memory
 * is free now.
 */
static int pagemap_tells(bool by_ioctl)
{
	const struct lof_range here = page_of_answers();
	uintptr_t page = lof_sys_page_size();
	int fd = lof_sys_open("/proc/self/pagemap");
	const struct lof_pm_question question = {
		.range = here,
	};
	struct lof_pm_region region = { .start = 0 };
	uint64_t entry, walked;
	bool tells;

	if (fd == -EMFILE || fd == -ENFILE || fd == -ENOMEM)
		return UNKNOWN;
	if (fd < 0)
		return ABSENT;
	if (by_ioctl)
		tells = lof_sys_pagemap_scan(fd, &question, &region, 1,
					     &walked) == 1;
	else
		tells = lof_sys_seek_read(fd, &entry, sizeof(entry),
			here.start / page * sizeof(entry)) == sizeof(entry) &&
			entry >> 63;
	lof_sys_close(fd);
	return tells ? PRESENT : ABSENT;
}

/* qemu-user accepts any advice, known or not, and follows few. */
static bool follows(int advice)
{
	return lof_sys_madvise(0, 0, advice) == 0 &&
	       lof_sys_madvise(0, 0, ~0) != 0;
}

static bool ask(enum lof_cap cap)
{
	const struct lof_range nothing = { 0, 0 };
	uint64_t bytes;

	switch (cap) {
	case LOF_CAP_LOCKS:
		return mincore_tells();
	case LOF_CAP_MLOCK2:
		/*
		 * The kernel checks the flags before the privilege, so that
		 * -EINVAL can come only from mlock2 itself. A filter returns
		 * -EPERM or -ENOSYS.
		 */
		return lof_sys_mlock2(nothing, ~0u) == -EINVAL;
	case LOF_CAP_ONFAULT_BY_MLOCK:
		return mlock_only_flags();
	case LOF_CAP_MLOCKALL_ONFAULT:
		/*
		 * Before Linux 4.4 this is -EINVAL, too, and so is the real
		 * call. qemu-user drops unknown flags: the flags that remain
		 * must not lock anything.
		 */
		return lof_sys_mlockall(~(MCL_CURRENT | MCL_FUTURE)) == -EINVAL;
	case LOF_CAP_DONTNEED_LOCKED:
		return follows(MADV_DONTNEED_LOCKED);
	case LOF_CAP_POPULATE:
		return follows(MADV_POPULATE_READ);
	case LOF_CAP_SMAPS_KIND:
		return smaps_tells_kind();
	case LOF_CAP_MSYNC:
		return lof_sys_msync(page_of_answers(), MS_ASYNC) == 0;
	case LOF_CAP_HUGETLB:
		/* Before Linux 4.16 there is no Hugetlb line: assume yes. */
		return lof_smaps_hugetlb(&bytes) || bytes > 0;
	default:
		return false;
	}
}

static int answer_to(enum lof_cap cap)
{
	if (cap == LOF_CAP_PAGEMAP_SCAN || cap == LOF_CAP_PAGEMAP)
		return pagemap_tells(cap == LOF_CAP_PAGEMAP_SCAN);
	return ask(cap) ? PRESENT : ABSENT;
}

#define CALL(call)	((uint32_t)1 << LOF_CALL_ ## call)

/* The system calls without which a capability is of no use. */
static const uint32_t needed[LOF_NCAPS] = {
	[LOF_CAP_MLOCK2] = CALL(MLOCK2),
	[LOF_CAP_ONFAULT_BY_MLOCK] = CALL(MSYNC) | CALL(FILES),
	[LOF_CAP_MLOCKALL_ONFAULT] = CALL(MLOCKALL),
	[LOF_CAP_DONTNEED_LOCKED] = CALL(DISCARD),
	[LOF_CAP_POPULATE] = CALL(ADVISE),
	[LOF_CAP_SMAPS_KIND] = CALL(FILES),
	[LOF_CAP_PAGEMAP_SCAN] = CALL(FILES) | CALL(PAGEMAP_SCAN),
	[LOF_CAP_PAGEMAP] = CALL(FILES),
	[LOF_CAP_MSYNC] = CALL(MSYNC),
};

bool lof_cap_is_there(enum lof_cap cap)
{
	int answer = atomic_load_explicit(&answers[cap], memory_order_relaxed);

	if (lof_permits_not(needed[cap]))
		return false;

	if (answer == UNKNOWN) {
		answer = answer_to(cap);
		atomic_store_explicit(&answers[cap], answer,
				      memory_order_relaxed);
	}
	return answer == PRESENT;
}

void lof_cap_found(enum lof_cap cap)
{
	if (!lof_cap_is_there(cap))
		atomic_store_explicit(&answers[cap], PRESENT,
				      memory_order_relaxed);
}

bool lof_cap_is_lost(enum lof_cap cap, int err)
{
	/* These come from the limit or from the memory, not from a filter. */
	if (!err || err == -ENOMEM || err == -EAGAIN || err == -EINTR ||
	    err == -EINVAL || ask(cap))
		return false;
	atomic_store_explicit(&answers[cap], ABSENT, memory_order_relaxed);
	return true;
}

void lof_cap_override(enum lof_cap cap, int answer)
{
	atomic_store(&answers[cap], answer < 0 ? UNKNOWN :
				    answer ? PRESENT : ABSENT);
}

/*
 * Was a seccomp filter installed before the program was started? A system call
 * that the filter forbids may then kill the process, and the program may never
 * make that call: so do not probe. To open a file is safe, since the loader has
 * opened files.
 */
static bool is_filtered(void)
{
	const char *line;
	char text[4096];
	size_t used = 0;
	long n;
	int fd = lof_sys_open("/proc/self/status");

	if (fd < 0)
		return false;
	while ((n = lof_sys_read(fd, text + used,
				 sizeof(text) - 1 - used)) > 0)
		used += (size_t)n;
	lof_sys_close(fd);
	text[used] = '\0';
	line = strstr(text, "\nSeccomp:\t");
	return line && line[sizeof("\nSeccomp:\t") - 1] != '0';
}

/*
 * A program that puts itself into a sandbox allows only the calls that it
 * makes. So the capabilities that wrappers depend on are probed at load. The
 * other probes open files, and no wrapper depends on those capabilities.
 */
__attribute__((constructor))
static void caps_init(void)
{
	const enum lof_cap asked[] = {
		LOF_CAP_MLOCK2, LOF_CAP_MLOCKALL_ONFAULT,
		LOF_CAP_DONTNEED_LOCKED, LOF_CAP_POPULATE, LOF_CAP_MSYNC,
	};

	lof_sys_page_size();
	lof_cap_is_there(LOF_CAP_HUGETLB);
	if (is_filtered())
		return;
	for (size_t i = 0; i < sizeof(asked) / sizeof(asked[0]); i++)
		lof_cap_is_there(asked[i]);
	if (!lof_cap_is_there(LOF_CAP_MLOCK2))
		lof_cap_is_there(LOF_CAP_ONFAULT_BY_MLOCK);
}
