/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A thread that libc does not know: clone() with a stack and thread-local memory
 * of the library's own. The layout of thread-local memory is that of the ABI:
 * variables lie at fixed distances from the thread pointer.
 */
#include "config.h"

#include "kernel/thread.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#include "kernel/own_memory.h"
#include "kernel/permit.h"
#include "kernel/sys.h"
#include "kernel/syscall.h"

#define STACK_BYTES	((size_t)64 << 10)
#define FRAME_BYTES	((size_t)4 << 10)	/* beside the variables */
#define HEADER_WORDS	8	/* of libc, at the thread pointer */

#if defined(__GLIBC__) && (defined(__x86_64__) || defined(__i386__) || \
			   defined(__aarch64__) || \
			   (defined(__riscv) && __riscv_xlen == 64))
#define IS_KNOWN	1
#else
#define IS_KNOWN	0
#endif

/* The thread pointer of this thread. */
static uintptr_t thread_pointer(void)
{
	uintptr_t pointer = 0;

#if defined(__x86_64__)
	__asm__("mov %%fs:0, %0" : "=r"(pointer));
#elif defined(__i386__)
	__asm__("mov %%gs:0, %0" : "=r"(pointer));
#elif IS_KNOWN
	pointer = (uintptr_t)__builtin_thread_pointer();
#endif
	return pointer;
}

/* x86: the header has pointers to itself, and the guard of the stack. */
static void copy_header(uintptr_t to, uintptr_t from)
{
#if defined(__x86_64__) || defined(__i386__)
	uintptr_t *header = (uintptr_t *)to;

	memcpy(header, (const void *)from, HEADER_WORDS * sizeof(*header));
	header[0] = header[2] = to;
	header[1] = 0;		/* memory of libraries: not for this thread */
#else
	(void)to;
	(void)from;
#endif
}

/* The memory of the thread: a stack, and thread-local memory above it. */
struct room {
	uintptr_t stack_end, pointer;
};

/* local and errno must lie at the same distances as in this thread. */
static int make_room(const void *local, struct room *room)
{
	static struct lof_range memory;
	uintptr_t pointer = thread_pointer();
	uintptr_t first = (uintptr_t)local, last = (uintptr_t)&errno;
	size_t below, above;
	int err;

	if (first > last) {
		first = last;
		last = (uintptr_t)local;
	}
	below = (pointer > first ? pointer - first : 0) + FRAME_BYTES;
	above = (last > pointer ? last - pointer : 0) + FRAME_BYTES;
	below = (below + 63) & ~(size_t)63;
	if (lof_range_is_empty(memory)) {
		err = lof_own_map(STACK_BYTES + below + above, &memory);
		if (err)
			return err;
	}
	memset((void *)(memory.start + STACK_BYTES), 0,
	       lof_range_len(memory) - STACK_BYTES);
	room->stack_end = memory.start + STACK_BYTES;
	room->pointer = room->stack_end + below;
	copy_header(room->pointer, pointer);
	return 0;
}

static int run_thread(void *run)
{
	void (*function)(void);

	memcpy(&function, &run, sizeof(function));
	function();
	return 0;
}

#if IS_KNOWN
static int clone_thread(const struct room *room, void *run,
			_Atomic uint32_t *tid)
{
#if defined(__i386__)
	struct {
		unsigned int entry, base, limit, bits;
	} tls = { 0, (unsigned int)room->pointer, 0xfffff, 0x51 };
	unsigned int selector;

	/* 32-bit segment, limit in pages, usable; in the same entry. */
	__asm__("mov %%gs, %0" : "=r"(selector));
	tls.entry = selector >> 3;
	return clone(run_thread, (void *)room->stack_end, LOF_THREAD_FLAGS,
		     run, tid, &tls, tid) < 0 ? -errno : 0;
#else
	return clone(run_thread, (void *)room->stack_end, LOF_THREAD_FLAGS,
		     run, tid, (void *)room->pointer, tid) < 0 ? -errno : 0;
#endif
}
#else
static int clone_thread(const struct room *room, void *run,
			_Atomic uint32_t *tid)
{
	(void)room;
	(void)run;
	(void)tid;
	return -ENOSYS;
}
#endif

int lof_thread_start(void (*run)(void), const void *local,
		     _Atomic uint32_t *tid)
{
	sigset_t all, before;
	int saved = errno, err;
	struct room room;
	void *function;

	if (!IS_KNOWN)
		return -ENOSYS;
	if (!lof_permits(LOF_CALL_THREAD))
		return -EPERM;
	err = make_room(local, &room);
	if (err)
		return err;
	memcpy(&function, &run, sizeof(function));
	memset(&all, 0xff, sizeof(all));
	err = lof_sys_sigmask(SIG_SETMASK, &all, &before);
	if (!err)
		err = clone_thread(&room, function, tid);
	lof_sys_sigmask(SIG_SETMASK, &before, NULL);
	errno = saved;
	return err;
}

/*
 * The kernel wakes the futex before the thread has left the process. tgkill
 * fails with -ESRCH when it has left.
 */
void lof_thread_join(_Atomic uint32_t *tid)
{
	uint32_t id = atomic_load(tid);

	/* In a child of fork the ID is that of a thread of the parent. */
	while (id && lof_sys_tgkill(id, 0) == 0)
		if (atomic_load(tid) == id)
			lof_sys_futex_wait_shared(tid, id);
		else
			lof_sys_yield();
}

/* Every other call fails with EPERM. */
static const int allowed[] = {
	SYS_close, SYS_exit, SYS_futex, SYS_ioctl, SYS_lseek, SYS_madvise,
	SYS_mincore, SYS_mlock, SYS_mlock2, LOF_SYS_MMAP, SYS_mprotect,
	SYS_mremap, SYS_msync, SYS_munlock, SYS_munmap, SYS_openat,
	SYS_prlimit64, SYS_read,
#ifdef SYS__llseek
	SYS__llseek,
#endif
};

#define NALLOWED	(sizeof(allowed) / sizeof(allowed[0]))

/* Other architectures' numbers of calls are refused, too. */
static void allow_own_calls(void)
{
	struct sock_filter code[NALLOWED + 5];
	struct sock_fprog program = { .filter = code };
	unsigned short n = 0;

	code[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			offsetof(struct seccomp_data, arch));
	code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K,
			LOF_AUDIT_ARCH, 0, NALLOWED + 1);
	code[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			offsetof(struct seccomp_data, nr));
	for (size_t i = 0; i < NALLOWED; i++)
		code[n++] = (struct sock_filter)BPF_JUMP(
			BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)allowed[i],
			(uint8_t)(NALLOWED - i), 0);
	code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K,
			SECCOMP_RET_ERRNO | EPERM);
	code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K,
			SECCOMP_RET_ALLOW);
	program.len = n;
	lof_sys_prctl(PR_SET_NO_NEW_PRIVS, 1, 0);
	lof_sys_prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, (uintptr_t)&program);
}

static void drop_capabilities(void)
{
	struct __user_cap_header_struct header = {
		.version = _LINUX_CAPABILITY_VERSION_3
	};
	struct __user_cap_data_struct data[2] = { { 0, 0, 0 }, { 0, 0, 0 } };

	if (lof_sys_capget(&header, data))
		return;
	data[0].effective &= 1u << CAP_IPC_LOCK;
	data[0].permitted &= 1u << CAP_IPC_LOCK;
	data[0].inheritable = 0;
	data[1] = (struct __user_cap_data_struct){ 0, 0, 0 };
	lof_sys_capset(&header, data);
}

void lof_thread_confine(void)
{
	lof_sys_leave_files();
	lof_sys_unshare(CLONE_FS);
	lof_sys_prctl(PR_SET_NAME, (uintptr_t)"lockonfault", 0);
	drop_capabilities();
	allow_own_calls();
}
