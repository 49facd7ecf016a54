/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A part of count_syscalls: the measured calls, their memory, which is mapped
 * anew for each call, and the locks made before a call.
 */
#include "config.h"

#include "preload/count_syscalls.h"

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <unistd.h>

#include "kernel/syscall.h"
#include "lockonfault.h"

#ifdef SYS_mmap2
#define NR_MMAP	SYS_mmap2
#else
#define NR_MMAP	SYS_mmap
#endif
#ifndef MREMAP_DONTUNMAP
#define MREMAP_DONTUNMAP 4
#endif
#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif
#ifndef MADV_DONTNEED_LOCKED
#define MADV_DONTNEED_LOCKED 24
#endif
#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#define MADV_GUARD_REMOVE 103
#endif

int mlock2(const void *addr, size_t len, unsigned int flags);

#define RW	(PROT_READ | PROT_WRITE)
#define ANON	(MAP_PRIVATE | MAP_ANONYMOUS)
#define FIXED	(ANON | MAP_FIXED)
#define MOVE	MREMAP_MAYMOVE

/*
 * The memory: 2 MiB in units of 64 KiB, whole pages on every machine.
 *
 *	 8 to 11	the range of most calls
 *	 4 to 15	the range of calls "around"
 *	 6 to 13	locked if TRACKED
 *	20 to 21	locked if BESIDE
 *	28 to 31	a hole
 */
#define UNIT	0x10000l
#define A(n)	(0x40000000l + (n) * UNIT)
#define L(n)	((n) * UNIT)
#define FAR	0x60000000l

#define MEMFD	100		/* descriptor of the file */
#define SEGMENT	(-77)		/* stands for the id of the segment */
#define THREAD	(-1)		/* stands for pthread_create() */

/* The memory that a call needs. */
enum {
	PLAIN,		/* private and anonymous */
	SHARED,		/* a shared mapping of the file */
	ATTACHED,	/* PLAIN, with the segment over units 8 to 11 */
};

static const struct call {
	const char *name;
	long nr, arg[6];
	int memory;
} calls[] = {
	{ "mmap", NR_MMAP, { 0, L(4), RW, ANON, -1, 0 }, 0 },
	{ "mmap file", NR_MMAP, { 0, L(4), RW, MAP_SHARED, MEMFD, 0 }, 0 },
	{ "mmap bad", NR_MMAP, { 0, L(4), RW, MAP_SHARED, 9999, 0 }, 0 },
	{ "mmap fixed", NR_MMAP, { A(8), L(4), RW, FIXED, -1, 0 }, 0 },
	{ "mmap fixed around", NR_MMAP, { A(4), L(12), RW, FIXED, -1, 0 }, 0 },
	{ "mmap fixed hole", NR_MMAP, { A(28), L(2), RW, FIXED, -1, 0 }, 0 },
	{ "mmap fixed bad", NR_MMAP, { A(8), L(4), RW, MAP_SHARED | MAP_FIXED,
		9999, 0 }, 0 },
	{ "mmap noreplace", NR_MMAP, { A(8), L(4), RW, ANON |
		MAP_FIXED_NOREPLACE, -1, 0 }, 0 },
	{ "mmap LOCKED", NR_MMAP, { 0, L(4), RW, ANON | MAP_LOCKED,
		-1, 0 }, 0 },
	{ "mmap LOCKED populate", NR_MMAP, { 0, L(4), RW, ANON | MAP_LOCKED |
		MAP_POPULATE, -1, 0 }, 0 },
	{ "mmap LOCKED bad", NR_MMAP, { 0, L(4), RW, MAP_SHARED | MAP_LOCKED,
		9999, 0 }, 0 },
	{ "mmap LOCKED fixed", NR_MMAP, { A(8), L(4), RW, FIXED | MAP_LOCKED,
		-1, 0 }, 0 },
	{ "mmap LOCKED fixed hole", NR_MMAP, { A(28), L(2), RW, FIXED |
		MAP_LOCKED, -1, 0 }, 0 },
	{ "munmap", SYS_munmap, { A(8), L(4) }, 0 },
	{ "munmap around", SYS_munmap, { A(4), L(12) }, 0 },
	{ "munmap hole", SYS_munmap, { A(28), L(2) }, 0 },
	{ "munmap bad", SYS_munmap, { A(8) + 1, L(4) }, 0 },
	{ "mremap grow", SYS_mremap, { A(24), L(4), L(6), 0 }, 0 },
	{ "mremap grow move", SYS_mremap, { A(8), L(4), L(6), MOVE }, 0 },
	{ "mremap shrink", SYS_mremap, { A(8), L(4), L(2), 0 }, 0 },
	{ "mremap same", SYS_mremap, { A(8), L(4), L(4), 0 }, 0 },
	{ "mremap fixed", SYS_mremap, { A(8), L(4), L(4), MOVE | MREMAP_FIXED,
		A(16) }, 0 },
	{ "mremap fixed over", SYS_mremap, { A(16), L(4), L(4), MOVE |
		MREMAP_FIXED, A(8) }, 0 },
	{ "mremap dontunmap", SYS_mremap, { A(8), L(4), L(4), MOVE |
		MREMAP_DONTUNMAP, 0 }, 0 },
	{ "mremap no room", SYS_mremap, { A(8), L(4), L(6), 0 }, 0 },
	{ "mremap hole", SYS_mremap, { A(28), L(2), L(3), MOVE }, 0 },
	{ "mremap bad", SYS_mremap, { A(8) + 1, L(4), L(6), MOVE }, 0 },
	{ "mprotect", SYS_mprotect, { A(8), L(4), PROT_READ }, 0 },
	{ "mprotect around", SYS_mprotect, { A(4), L(12), PROT_READ }, 0 },
	{ "mprotect hole", SYS_mprotect, { A(24), L(8), PROT_READ }, 0 },
	{ "mprotect bad", SYS_mprotect, { A(8) + 1, L(4), PROT_READ }, 0 },
	{ "madvise willneed", SYS_madvise, { A(8), L(4), MADV_WILLNEED }, 0 },
	{ "madvise dontneed", SYS_madvise, { A(8), L(4), MADV_DONTNEED }, 0 },
	{ "madvise dontneed around", SYS_madvise, { A(4), L(12),
		MADV_DONTNEED }, 0 },
	{ "madvise dontneed hole", SYS_madvise, { A(24), L(8),
		MADV_DONTNEED }, 0 },
	{ "madvise dontneed_locked", SYS_madvise, { A(8), L(4),
		MADV_DONTNEED_LOCKED }, 0 },
	{ "madvise guard", SYS_madvise, { A(8), L(4), MADV_GUARD_INSTALL }, 0 },
	{ "madvise unguard", SYS_madvise, { A(8), L(4), MADV_GUARD_REMOVE },
		0 },
	{ "madvise remove", SYS_madvise, { A(8), L(4), MADV_REMOVE }, SHARED },
	{ "madvise remove private", SYS_madvise, { A(8), L(4), MADV_REMOVE },
		0 },
	{ "madvise dontfork", SYS_madvise, { A(8), L(4), MADV_DONTFORK }, 0 },
	{ "madvise bad", SYS_madvise, { A(8), L(4), 9999 }, 0 },
	{ "mlock", SYS_mlock, { A(8), L(4) }, 0 },
	{ "mlock around", SYS_mlock, { A(4), L(12) }, 0 },
	{ "mlock hole", SYS_mlock, { A(24), L(8) }, 0 },
	{ "mlock bad", SYS_mlock, { A(8), -L(2) }, 0 },
	{ "mlock2 onfault", SYS_mlock2, { A(8), L(4), MLOCK_ONFAULT }, 0 },
	{ "mlock2 onfault hole", SYS_mlock2, { A(24), L(8),
		MLOCK_ONFAULT }, 0 },
	{ "mlock2 full", SYS_mlock2, { A(8), L(4), 0 }, 0 },
	{ "mlock2 full hole", SYS_mlock2, { A(24), L(8), 0 }, 0 },
	{ "mlock2 bad", SYS_mlock2, { A(8), L(4), 64 }, 0 },
	{ "munlock", SYS_munlock, { A(8), L(4) }, 0 },
	{ "munlock around", SYS_munlock, { A(4), L(12) }, 0 },
	{ "munlock hole", SYS_munlock, { A(24), L(8) }, 0 },
	{ "munlock bad", SYS_munlock, { A(8), -L(2) }, 0 },
	{ "mlockall current", SYS_mlockall, { MCL_CURRENT }, 0 },
	{ "mlockall future", SYS_mlockall, { MCL_FUTURE }, 0 },
	{ "mlockall both", SYS_mlockall, { MCL_CURRENT | MCL_FUTURE }, 0 },
	{ "mlockall onfault", SYS_mlockall, { MCL_CURRENT | MCL_FUTURE |
		MCL_ONFAULT }, 0 },
	{ "mlockall bad", SYS_mlockall, { 8 }, 0 },
	{ "munlockall", SYS_munlockall, { 0 }, 0 },
#ifdef SYS_shmat
	{ "shmat", SYS_shmat, { SEGMENT, 0, 0 }, 0 },
	{ "shmat remap", SYS_shmat, { SEGMENT, A(8), SHM_REMAP }, 0 },
	{ "shmat no room", SYS_shmat, { SEGMENT, A(8), 0 }, 0 },
	{ "shmat bad", SYS_shmat, { -1, 0, 0 }, 0 },
	{ "shmdt", SYS_shmdt, { A(8) }, ATTACHED },
	{ "shmdt bad", SYS_shmdt, { A(8) }, 0 },
#endif
	{ "remap_file_pages", SYS_remap_file_pages, { A(8), L(1), 0, 16 },
		SHARED },
	{ "remap_file_pages bad", SYS_remap_file_pages, { A(8), L(1), 0, 16 },
		0 },
	{ "prlimit64", SYS_prlimit64, { 0, RLIMIT_MEMLOCK, 0, A(8) }, 0 },
	{ "prlimit64 bad", SYS_prlimit64, { 0, 99, 0, A(8) }, 0 },
	{ "pthread_create", THREAD, { 0 }, 0 },
};

#define NCALLS	(sizeof(calls) / sizeof(calls[0]))

/*
 * When a call is measured:
 *
 * first      as the first hooked call of its process
 * later      after several rounds of the same call
 * number     as later, by syscall()
 * elsewhere  memory in another block of 2 MiB is locked on fault
 * beside     memory in the same block is locked on fault
 * tracked    memory of the call is locked on fault
 * future     after mlockall(MCL_CURRENT | MCL_FUTURE)
 */
enum { FIRST, LATER, NUMBER, ELSEWHERE, BESIDE, TRACKED, FUTURE, NWHENS };

const char *const when_names[] = {
	"first", "later", "number", "elsewhere", "beside", "tracked", "future",
};
const size_t when_count = NWHENS;
const size_t call_count = NCALLS;

const char *call_name(size_t call)
{
	return calls[call].name;
}

static int segment;
static pthread_t thread;
static bool has_thread;

static void *end_at_once(void *arg)
{
	return arg;
}

static void create_thread(void)
{
	has_thread = pthread_create(&thread, NULL, end_at_once, NULL) == 0;
}

/* Call the function of libc. */
static void by_name(long nr, const long *a)
{
	void *addr = (void *)a[0];
	size_t len = (size_t)a[1];

	switch (nr) {
	case NR_MMAP:
		mmap(addr, len, (int)a[2], (int)a[3], (int)a[4], a[5]);
		break;
	case SYS_munmap:
		munmap(addr, len);
		break;
	case SYS_mremap:
		mremap(addr, len, (size_t)a[2], (int)a[3], (void *)a[4]);
		break;
	case SYS_mprotect:
		mprotect(addr, len, (int)a[2]);
		break;
	case SYS_madvise:
		madvise(addr, len, (int)a[2]);
		break;
	case SYS_mlock:
		mlock(addr, len);
		break;
	case SYS_mlock2:
		mlock2(addr, len, (unsigned int)a[2]);
		break;
	case SYS_munlock:
		munlock(addr, len);
		break;
	case SYS_mlockall:
		mlockall((int)a[0]);
		break;
	case SYS_prlimit64:
		prlimit64((pid_t)a[0], (__rlimit_resource_t)a[1],
			  (void *)a[2], (void *)a[3]);
		break;
	case SYS_munlockall:
		munlockall();
		break;
#ifdef SYS_shmat
	case SYS_shmat:
		shmat((int)a[0], (void *)a[1], (int)a[2]);
		break;
	case SYS_shmdt:
		shmdt(addr);
		break;
#endif
	case SYS_remap_file_pages:
		remap_file_pages(addr, len, (int)a[2], (size_t)a[3], 0);
		break;
	default:
		create_thread();
		break;
	}
}

/* Make the system call itself: the shim does not see it. */
static void by_instruction(long nr, const long *a)
{
	lof_syscall_raw(nr, a[0], a[1], a[2], a[3], a[4], a[5]);
}

static void by_number(long nr, const long *a)
{
	if (nr == THREAD)
		create_thread();
	else
		syscall(nr, a[0], a[1], a[2], a[3], a[4], a[5]);
}

static void mark(long which)
{
	lof_syscall_raw(SYS_getppid, which, 0, 0, 0, 0, 0);
}

static void prepare(const struct call *call, size_t when)
{
	/* FIRST: the shim must see no call before the measured call. */
	void (*make)(long nr, const long *a) =
		when == FIRST ? by_instruction : by_name;
	const long shared = call->memory == SHARED;

	make(NR_MMAP, (long[6]){ A(0), L(32), RW, MAP_FIXED |
				 (shared ? MAP_SHARED : ANON),
				 shared ? MEMFD : -1, 0 });
	make(SYS_munmap, (long[6]){ A(28), L(4), 0, 0, 0, 0 });
#ifdef SYS_shmat
	if (call->memory == ATTACHED)
		make(SYS_shmat, (long[6]){ segment, A(8), SHM_REMAP, 0, 0, 0 });
#endif
	if (when == ELSEWHERE)
		mlock2((void *)FAR, (size_t)UNIT, MLOCK_ONFAULT);
	if (when == BESIDE)
		mlock2((void *)A(20), (size_t)L(2), MLOCK_ONFAULT);
	if (when == TRACKED)
		mlock2((void *)A(6), (size_t)L(8), MLOCK_ONFAULT);
	if (when == FUTURE)
		mlockall(MCL_CURRENT | MCL_FUTURE);
}

static void make_call(const struct call *call, size_t when)
{
	long arg[6];

	memcpy(arg, call->arg, sizeof(arg));
	if (arg[0] == SEGMENT)
		arg[0] = segment;
	mark(MARK_BEGIN);
	if (when == NUMBER)
		by_number(call->nr, arg);
	else
		by_name(call->nr, arg);
	mark(MARK_END);
	if (has_thread)
		pthread_join(thread, NULL);
	has_thread = false;
}

/* Start to be traced here: traced, the start of the process takes too long. */
static bool be_traced(void)
{
	return !lof_syscall_raw(SYS_ptrace, PTRACE_TRACEME, 0, 0, 0, 0, 0) &&
	       !kill(getpid(), SIGSTOP);
}

static bool make_objects(void)
{
	long fd = lof_syscall_raw(SYS_memfd_create, (long)"count", 0, 0, 0, 0,
				  0);

	segment = shmget(IPC_PRIVATE, (size_t)L(4), IPC_CREAT | 0600);
	if (segment < 0 || fd < 0 || dup2((int)fd, MEMFD) < 0 ||
	    ftruncate(MEMFD, L(32)))
		return false;
	by_instruction(NR_MMAP, (long[6]){ FAR, UNIT, RW, FIXED, -1, 0 });
	return true;
}

int make_calls(size_t call, size_t when)
{
	if (!make_objects() || !be_traced())
		return 99;
	for (int round = 0; round < (when == FIRST ? 1 : NROUNDS); round++) {
		prepare(&calls[call], when);
		make_call(&calls[call], when);
	}
	shmctl(segment, IPC_RMID, NULL);
	return 0;
}
