/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The system calls that a seccomp filter refuses. The filter is evaluated for
 * each call that the library makes of its own accord, with arguments that the
 * library uses. It is evaluated once, before it is installed: a set of bits
 * then costs each call a load. The set holds for all threads, although a filter
 * may bind one thread only.
 */
#include "config.h"

#include "kernel/permit.h"

#include <fcntl.h>
#include <linux/audit.h>
#include <linux/futex.h>
#include <linux/ioctl.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <unistd.h>

#include "base/classic_bpf.h"
#include "kernel/sys.h"
#include "kernel/syscall.h"
#include "lockonfault.h"

/* Any address that the library might pass. */
#define SOME	(0x7f0000000000ull & UINTPTR_MAX)
#define PAGE	4096
#define ANON	(MAP_PRIVATE | MAP_ANONYMOUS)
#define RW	(PROT_READ | PROT_WRITE)

/* One call with its arguments. */
struct instance {
	enum lof_own_call call;
	int nr;
	uint64_t args[6];
};

static const struct instance instances[] = {
	{ LOF_CALL_MLOCK, SYS_mlock, { SOME, PAGE } },
	{ LOF_CALL_MUNLOCK, SYS_munlock, { SOME, PAGE } },
	{ LOF_CALL_MLOCK2, SYS_mlock2, { SOME, PAGE, MLOCK_ONFAULT } },
	{ LOF_CALL_MLOCKALL, SYS_mlockall, { MCL_CURRENT | MCL_ONFAULT } },
	{ LOF_CALL_MLOCKALL, SYS_mlockall, { MCL_FUTURE | MCL_ONFAULT } },
	{ LOF_CALL_MLOCKALL, SYS_mlockall,
	  { MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT } },
	{ LOF_CALL_MSYNC, SYS_msync, { SOME, PAGE, MS_ASYNC } },
	{ LOF_CALL_MSYNC, SYS_msync,
	  { SOME, PAGE, MS_ASYNC | MS_INVALIDATE } },
	{ LOF_CALL_MINCORE, SYS_mincore, { SOME, PAGE, SOME } },
	{ LOF_CALL_FILES, SYS_openat,
	  { (uint32_t)AT_FDCWD, SOME, O_RDONLY | O_CLOEXEC } },
	{ LOF_CALL_FILES, SYS_read, { 3, SOME, PAGE } },
#ifdef SYS__llseek
	{ LOF_CALL_FILES, SYS__llseek, { 3, 0, 0, SOME, SEEK_SET } },
#else
	{ LOF_CALL_FILES, SYS_lseek, { 3, 0, SEEK_SET } },
#endif
	{ LOF_CALL_FILES, SYS_close, { 3 } },
	{ LOF_CALL_PAGEMAP_SCAN, SYS_ioctl, { 3, LOF_PM_SCAN, SOME } },
	{ LOF_CALL_PRLIMIT, SYS_prlimit64, { 0, RLIMIT_MEMLOCK, 0, SOME } },
	{ LOF_CALL_FUTEX, SYS_futex, { SOME, FUTEX_WAIT_PRIVATE, 0, SOME } },
	{ LOF_CALL_FUTEX, SYS_futex, { SOME, FUTEX_WAKE_PRIVATE, 1 } },
	{ LOF_CALL_FUTEX, SYS_futex,
	  { SOME, FUTEX_WAKE_OP_PRIVATE, 0, 0, SOME, LOF_FUTEX_ADD_0 } },
	{ LOF_CALL_SIGALTSTACK, SYS_sigaltstack, { 0, SOME } },
#ifdef SYS_shmctl
	{ LOF_CALL_SHMCTL, SYS_shmctl, { 1, IPC_STAT, SOME } },
#endif
	{ LOF_CALL_OWN_MEMORY, LOF_SYS_MMAP,
	  { SOME, PAGE, RW, ANON | MAP_FIXED_NOREPLACE, (uint32_t)-1, 0 } },
	{ LOF_CALL_OWN_MEMORY, LOF_SYS_MMAP,
	  { SOME, PAGE, PROT_NONE, ANON | MAP_FIXED_NOREPLACE, (uint32_t)-1 } },
	{ LOF_CALL_OWN_MEMORY, SYS_munmap, { SOME, PAGE } },
	{ LOF_CALL_OWN_MEMORY, SYS_munlock, { SOME, PAGE } },
	{ LOF_CALL_OWN_MEMORY, SYS_mremap, { SOME, PAGE, 2 * PAGE } },
	{ LOF_CALL_OWN_MEMORY, SYS_madvise, { SOME, PAGE, MADV_HUGEPAGE } },
	{ LOF_CALL_ADVISE, SYS_madvise, { SOME, PAGE, MADV_POPULATE_READ } },
	{ LOF_CALL_ADVISE, SYS_madvise, { SOME, PAGE, MADV_POPULATE_WRITE } },
	{ LOF_CALL_DISCARD, SYS_madvise, { SOME, PAGE, MADV_DONTNEED_LOCKED } },
	{ LOF_CALL_PROBE_HUGETLB, SYS_mremap, { SOME, PAGE, PAGE } },
	{ LOF_CALL_LOG, SYS_openat,
	  { (uint32_t)AT_FDCWD, SOME, LOF_LOG_FLAGS, 0600 } },
	{ LOF_CALL_LOG, SYS_write, { 3, SOME, PAGE } },
	{ LOF_CALL_LOG, SYS_close, { 3 } },
	{ LOF_CALL_LOG, SYS_lseek, { 2, 0, SEEK_CUR } },
	{ LOF_CALL_LOG, SYS_ppoll, { SOME, 1, SOME, 0, 8 } },
	{ LOF_CALL_LOG, SYS_getpid, { 0 } },
	{ LOF_CALL_LOG, SYS_rt_sigprocmask, { SIG_BLOCK, SOME, SOME, 8 } },
	{ LOF_CALL_LOG, SYS_rt_sigprocmask, { SIG_SETMASK, SOME, 0, 8 } },
	{ LOF_CALL_LOG, SYS_rt_sigpending, { SOME, 8 } },
	{ LOF_CALL_LOG, SYS_rt_sigtimedwait, { SOME, 0, SOME, 8 } },
	{ LOF_CALL_READLINK, SYS_readlinkat,
	  { (uint32_t)AT_FDCWD, SOME, SOME, PAGE } },
	{ LOF_CALL_THREAD, SYS_clone, { LOF_THREAD_FLAGS, SOME, SOME } },
	{ LOF_CALL_THREAD, SYS_rt_sigprocmask, { SIG_SETMASK, SOME, SOME, 8 } },
	{ LOF_CALL_THREAD, SYS_futex, { SOME, FUTEX_WAIT, 1 } },
	{ LOF_CALL_THREAD, SYS_getpid, { 0 } },
	{ LOF_CALL_THREAD, SYS_tgkill, { 1, 2 } },
	{ LOF_CALL_THREAD, SYS_sched_yield, { 0 } },
	{ LOF_CALL_THREAD, SYS_prctl, { PR_SET_NAME, SOME } },
	{ LOF_CALL_THREAD, SYS_prctl, { PR_SET_NO_NEW_PRIVS, 1 } },
	{ LOF_CALL_THREAD, SYS_prctl,
	  { PR_SET_SECCOMP, SECCOMP_MODE_FILTER, SOME } },
	{ LOF_CALL_THREAD, SYS_capget, { SOME, SOME } },
	{ LOF_CALL_THREAD, SYS_capset, { SOME, SOME } },
	{ LOF_CALL_THREAD, SYS_unshare, { CLONE_FS } },
	{ LOF_CALL_THREAD, LOF_SYS_CLOSE_RANGE, { 0, UINT32_MAX, 2 } },
	{ LOF_CALL_THREAD, SYS_exit, { 0 } },
};

/*
 * The program itself makes mlock and munlock, too, and must get the errno of
 * its filter. An errno of 0 would be taken for success.
 */
static bool is_refused(enum lof_own_call call, uint32_t answer)
{
	uint32_t action = answer & SECCOMP_RET_ACTION_FULL;

	if (action == SECCOMP_RET_ERRNO && answer & SECCOMP_RET_DATA &&
	    (call == LOF_CALL_MLOCK || call == LOF_CALL_MUNLOCK))
		return false;
	return action != SECCOMP_RET_ALLOW && action != SECCOMP_RET_LOG;
}

uint32_t lof_permit_judge(const struct sock_filter *code, size_t len)
{
	uint32_t refused = 0;

	for (size_t i = 0; i < sizeof(instances) / sizeof(instances[0]); i++) {
		const struct instance *instance = &instances[i];
		struct seccomp_data data = {
			.nr = instance->nr, .arch = LOF_AUDIT_ARCH,
			.instruction_pointer = (uintptr_t)&lof_permit_judge,
		};

		for (size_t j = 0; j < 6; j++)
			data.args[j] = instance->args[j];
		if (is_refused(instance->call,
			       lof_classic_bpf_run(code, len, &data)))
			refused |= (uint32_t)1 << instance->call;
	}
	return refused;
}

/* In the low half the updates that are under way, in the high half a count. */
static _Atomic uint64_t updates;

#define ONE_BEGUN	((uint64_t)1 << 32)

struct lof_permit_update lof_permit_begin(uint32_t refused)
{
	uint64_t before = atomic_fetch_add(&updates, ONE_BEGUN + 1);
	uint32_t old = atomic_fetch_or(&lof_refused_calls, refused);

	return (struct lof_permit_update){
		.added = refused & ~old,
		.number = (uint32_t)(before >> 32) + 1,
		.overlaps = (uint32_t)before != 0,
	};
}

/* Another update that overlaps may have added the same calls: they stay. */
void lof_permit_end(struct lof_permit_update update, bool installed)
{
	uint64_t now = atomic_fetch_sub(&updates, 1);

	if (!installed && !update.overlaps &&
	    (uint32_t)(now >> 32) == update.number)
		atomic_fetch_and(&lof_refused_calls, ~update.added);
}
