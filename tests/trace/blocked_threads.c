/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The states that have to do with threads and with registers. */
#include "config.h"

#include "blocked.h"

#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define NWAITERS	50

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000) + now.tv_nsec / 1000000;
}

const char *run_futex(void)
{
	struct timespec time = { duration_ms / 1000,
				 duration_ms % 1000 * 1000000L };
	uint32_t word = 0;

	is_ready();
	return syscall(SYS_futex, &word, FUTEX_WAIT, 0, &time, NULL, 0) == -1 &&
	       errno == ETIMEDOUT ? NULL : "no ETIMEDOUT";
}

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;

static void *wait_for_timeout(void *arg)
{
	const struct timespec *end = arg;
	int err;

	pthread_mutex_lock(&mutex);
	err = pthread_cond_timedwait(&cond, &mutex, end);
	pthread_mutex_unlock(&mutex);
	return err == ETIMEDOUT ? NULL : arg;
}

const char *run_waiters(void)
{
	pthread_t threads[NWAITERS];
	const char *reason = NULL;
	struct timespec end;
	void *result;

	clock_gettime(CLOCK_REALTIME, &end);
	end.tv_sec += duration_ms / 1000;
	end.tv_nsec += duration_ms % 1000 * 1000000L;
	end.tv_sec += end.tv_nsec / 1000000000;
	end.tv_nsec %= 1000000000;
	for (int i = 0; i < NWAITERS; i++)
		pthread_create(&threads[i], NULL, wait_for_timeout, &end);
	is_ready();
	for (int i = 0; i < NWAITERS; i++) {
		pthread_join(threads[i], &result);
		if (result)
			reason = "no ETIMEDOUT";
	}
	return reason;
}

static void *add_one(void *arg)
{
	++*(int *)arg;
	return NULL;
}

const char *run_churn(void)
{
	int64_t end = now_ms() + duration_ms;
	int wanted = 0, sum = 0;

	is_ready();
	while (now_ms() < end) {
		pthread_t thread;

		if (pthread_create(&thread, NULL, add_one, &sum))
			return "pthread_create";
		pthread_join(thread, NULL);
		wanted++;
	}
	return sum == wanted ? NULL : "a thread did not run";
}

#if defined(__x86_64__)

/* Registers, flags and the red zone, over some microseconds. */
static int spin_once(void)
{
	uint64_t wrong;

	__asm__ volatile(
		"sub $512, %%rsp\n\t"
		"mov $0x1122334455667788, %%rax\n\t"
		"mov %%rax, -8(%%rsp)\n\t"
		"mov %%rax, -128(%%rsp)\n\t"
		"movq %%rax, %%xmm3\n\t"
		"movq %%rax, %%xmm15\n\t"
		"lea 1(%%rax), %%rbx\n\t"
		"lea 2(%%rax), %%rdx\n\t"
		"lea 3(%%rax), %%rsi\n\t"
		"lea 4(%%rax), %%rdi\n\t"
		"lea 5(%%rax), %%r8\n\t"
		"lea 6(%%rax), %%r10\n\t"
		"lea 7(%%rax), %%r12\n\t"
		"lea 8(%%rax), %%r15\n\t"
		"mov $20000, %%ecx\n\t"
		"stc\n"
		"1:\tinc %%r11d\n\t"	/* inc and dec keep the carry */
		"dec %%ecx\n\t"
		"jnz 1b\n\t"
		"sbb %%r9, %%r9\n\t"	/* all ones */
		"not %%r9\n\t"
		"lea 1(%%rax), %%r11\n\txor %%r11, %%rbx\n\tor %%rbx, %%r9\n\t"
		"lea 2(%%rax), %%r11\n\txor %%r11, %%rdx\n\tor %%rdx, %%r9\n\t"
		"lea 3(%%rax), %%r11\n\txor %%r11, %%rsi\n\tor %%rsi, %%r9\n\t"
		"lea 4(%%rax), %%r11\n\txor %%r11, %%rdi\n\tor %%rdi, %%r9\n\t"
		"lea 5(%%rax), %%r11\n\txor %%r11, %%r8\n\tor %%r8, %%r9\n\t"
		"lea 6(%%rax), %%r11\n\txor %%r11, %%r10\n\tor %%r10, %%r9\n\t"
		"lea 7(%%rax), %%r11\n\txor %%r11, %%r12\n\tor %%r12, %%r9\n\t"
		"lea 8(%%rax), %%r11\n\txor %%r11, %%r15\n\tor %%r15, %%r9\n\t"
		"mov -8(%%rsp), %%r11\n\txor %%rax, %%r11\n\tor %%r11, %%r9\n\t"
		"mov -128(%%rsp), %%r11\n\txor %%rax, %%r11\n\t"
		"or %%r11, %%r9\n\t"
		"movq %%xmm3, %%r11\n\txor %%rax, %%r11\n\tor %%r11, %%r9\n\t"
		"movq %%xmm15, %%r11\n\txor %%rax, %%r11\n\tor %%r11, %%r9\n\t"
		"movabs $0x1122334455667788, %%r11\n\txor %%rax, %%r11\n\t"
		"or %%r11, %%r9\n\t"
		"add $512, %%rsp\n\t"
		"mov %%r9, %0"
		: "=r" (wrong)
		:
		: "rax", "rbx", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10",
		  "r11", "r12", "r15", "xmm3", "xmm15", "memory", "cc");
	return wrong != 0;
}

#else

static int spin_once(void)
{
	volatile double sum = 0;
	double twice = 0;

	for (int i = 0; i < 2000; i++) {
		sum += i * 0.5;
		twice += i;
	}
	return sum * 2 != twice;
}

#endif

const char *run_registers(void)
{
	int64_t end = now_ms() + duration_ms;

	is_ready();
	while (now_ms() < end)
		if (spin_once())
			return "a register changed";
	return NULL;
}
