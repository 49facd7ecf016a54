/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One system call by instruction: it returns the result or a negative errno,
 * and does not change errno. libc's syscall() cannot be used, since the shim
 * may replace it, and since sanitizers intercept libc's wrappers.
 */
#ifndef LOF_KERNEL_SYSCALL_H
#define LOF_KERNEL_SYSCALL_H

#include <sys/syscall.h>

/* The headers may be older than the call (Linux 4.4). */
#ifndef SYS_mlock2
#if defined(__x86_64__)
#define SYS_mlock2 325
#elif defined(__i386__)
#define SYS_mlock2 376
#else
#define SYS_mlock2 284		/* asm-generic */
#endif
#endif

#if defined(__x86_64__) && !defined(__ILP32__)
#define LOF_SYSCALL_IS_OURS	1
static inline long lof_syscall_raw(long nr, long a, long b, long c, long d,
				   long e, long f)
{
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;
	long ret;

	__asm__ volatile("syscall"
			 : "=a"(ret)
			 : "0"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8),
			   "r"(r9)
			 : "rcx", "r11", "memory");
	return ret;
}
#elif defined(__i386__)
#define LOF_SYSCALL_IS_OURS	1
static inline long lof_syscall_raw(long nr, long a, long b, long c, long d,
				   long e, long f)
{
	/* ebx may hold the GOT and ebp the frame: save and restore both. */
	const long args[3] = { a, e, f }, *rest = args;
	long ret;

	__asm__ volatile("pushl %%ebx\n\t"
			 "pushl %%ebp\n\t"
			 "movl (%%edi), %%ebx\n\t"
			 "movl 8(%%edi), %%ebp\n\t"
			 "movl 4(%%edi), %%edi\n\t"
			 "int $0x80\n\t"
			 "popl %%ebp\n\t"
			 "popl %%ebx"
			 : "=a"(ret), "+D"(rest)
			 : "0"(nr), "c"(b), "d"(c), "S"(d)
			 : "memory");
	return ret;
}
#elif defined(__aarch64__)
#define LOF_SYSCALL_IS_OURS	1
static inline long lof_syscall_raw(long nr, long a, long b, long c, long d,
				   long e, long f)
{
	register long x8 __asm__("x8") = nr;
	register long x0 __asm__("x0") = a;
	register long x1 __asm__("x1") = b;
	register long x2 __asm__("x2") = c;
	register long x3 __asm__("x3") = d;
	register long x4 __asm__("x4") = e;
	register long x5 __asm__("x5") = f;

	__asm__ volatile("svc #0"
			 : "+r"(x0)
			 : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
			 : "memory");
	return x0;
}
#elif defined(__riscv) && __riscv_xlen == 64
#define LOF_SYSCALL_IS_OURS	1
static inline long lof_syscall_raw(long nr, long a, long b, long c, long d,
				   long e, long f)
{
	register long a7 __asm__("a7") = nr;
	register long a0 __asm__("a0") = a;
	register long a1 __asm__("a1") = b;
	register long a2 __asm__("a2") = c;
	register long a3 __asm__("a3") = d;
	register long a4 __asm__("a4") = e;
	register long a5 __asm__("a5") = f;

	__asm__ volatile("ecall"
			 : "+r"(a0)
			 : "r"(a7), "r"(a1), "r"(a2), "r"(a3), "r"(a4), "r"(a5)
			 : "memory");
	return a0;
}
#else
/*
 * On other architectures libc's syscall() is used. The shim does not hook it.
 */
#include <errno.h>
#include <unistd.h>
static inline long lof_syscall_raw(long nr, long a, long b, long c, long d,
				   long e, long f)
{
	int saved = errno;
	long ret = syscall(nr, a, b, c, d, e, f);

	if (ret == -1) {
		ret = -errno;
		errno = saved;
	}
	return ret;
}
#endif

#endif
