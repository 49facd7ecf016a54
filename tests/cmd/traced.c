/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A program for the tests of the trace backend, linked statically. It must
 * print the same with and without it, but for "flags" and "size".
 */
#define _GNU_SOURCE

#include <err.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MIB	((size_t)1 << 20)
#define SECONDS	0.5
#define ANON	(MAP_PRIVATE | MAP_ANONYMOUS)
#define RW	(PROT_READ | PROT_WRITE)

static long page;
static volatile bool ends;

static void *map(size_t len, int flags)
{
	return mmap(NULL, len, RW, ANON | flags, -1, 0);
}

/* A value of /proc/self/status, in kB. */
static long kib(const char *title)
{
	FILE *status = fopen("/proc/self/status", "re");
	char line[256];
	long value = -1;

	while (status && fgets(line, sizeof(line), status))
		if (strncmp(line, title, strlen(title)) == 0)
			value = strtol(line + strlen(title) + 1, NULL, 10);
	if (status)
		fclose(status);
	return value;
}

static const char *flags_at(const void *addr)
{
	FILE *smaps = fopen("/proc/self/smaps", "re");
	const char *flags = "gone";
	bool here = false;
	char line[4096];

	while (smaps && fgets(line, sizeof(line), smaps)) {
		unsigned long start, end;

		if (sscanf(line, "%lx-%lx ", &start, &end) == 2)
			here = start <= (uintptr_t)addr &&
			       (uintptr_t)addr < end;
		else if (here && strncmp(line, "VmFlags:", 8) == 0)
			flags = !strstr(line, " lo") ? "none" :
				strstr(line, " lf") || strstr(line, " ??") ?
				"lo lf" : "lo";
	}
	if (smaps)
		fclose(smaps);
	return flags;
}

/* Each kind of call, and how its memory is locked. */
static int show_flags(void)
{
	void *by_mlock = map(MIB, 0), *by_mlock2 = map(MIB, 0);
	void *by_flag = map(MIB, MAP_LOCKED), *later;

	mlock(by_mlock, MIB);
	syscall(SYS_mlock2, by_mlock2, MIB, 0);
	printf("mlock %s, mlock2 %s, ", flags_at(by_mlock),
	       flags_at(by_mlock2));
	printf("MAP_LOCKED %s, ", flags_at(by_flag));
	mlockall(MCL_FUTURE);
	later = map(MIB, 0);
	printf("MCL_FUTURE %s\n", flags_at(later));
	return 0;
}

static void print(const char *title, bool failed)
{
	printf("%s: %s, %ld kB\n", title, failed ? strerror(errno) : "ok",
	       kib("VmLck"));
}

static void print_map(const char *title, void *addr)
{
	print(title, addr == MAP_FAILED);
}

/* A hole of a page in the middle of 16. */
static char *with_hole(void)
{
	char *addr = map(16 * (size_t)page, 0);

	munmap(addr + 8 * page, (size_t)page);
	return addr;
}

static void show_mlock(void)
{
	char *none = mmap(NULL, MIB, PROT_READ, ANON, -1, 0);
	char *hole = with_hole();

	print("mlock", mlock(map(MIB, 0), MIB));
	print("mlock of nothing", mlock(NULL, 0));
	print("mlock of read-only memory", mlock(none, MIB));
	print("mlock unaligned", mlock(hole + 1, 1));
	print("mlock over a hole", mlock(hole, 16 * (size_t)page));
	print("mlock that wraps", mlock((void *)-(uintptr_t)page, MIB));
	print("mlock of 64 MiB", mlock(map(64 * MIB, 0), 64 * MIB));
	print("mlock2", syscall(SYS_mlock2, map(MIB, 0), MIB, 0));
	print("mlock2, a bad flag", syscall(SYS_mlock2, hole, page, 64));
}

static void show_mmap(void)
{
	char *old = map(MIB, 0);

	*old = 'x';
	print_map("MAP_LOCKED", map(MIB, MAP_LOCKED));
	print_map("MAP_LOCKED of 64 MiB", map(64 * MIB, MAP_LOCKED));
	print_map("MAP_LOCKED of nothing", map(0, MAP_LOCKED));
	print_map("MAP_LOCKED of all", map(SIZE_MAX / 2, MAP_LOCKED));
	print_map("MAP_LOCKED and populated",
		  map(MIB, MAP_LOCKED | MAP_POPULATE));
	print_map("MAP_LOCKED of no file",
		  mmap(NULL, MIB, PROT_READ, MAP_PRIVATE | MAP_LOCKED, 99, 0));
	print_map("MAP_LOCKED, a bad offset",
		  mmap(NULL, MIB, RW, ANON | MAP_LOCKED, -1, 1));
	print_map("MAP_LOCKED, fixed",
		  mmap(old, 64 * MIB, RW, ANON | MAP_FIXED | MAP_LOCKED, -1,
		       0));
	printf("the old memory: %s\n", *old == 'x' ? "kept" : "replaced");
	print_map("MAP_SHARED", mmap(NULL, MIB, RW, MAP_SHARED | MAP_ANONYMOUS |
				     MAP_LOCKED, -1, 0));
}

static void show_mlockall(void)
{
	print("mlockall(0)", mlockall(0));
	print("mlockall(-1)", mlockall(-1));
	print("mlockall, current", mlockall(MCL_CURRENT));
	print("munlockall", munlockall());
	print("mlockall, future", mlockall(MCL_FUTURE));
	print_map("a mapping of 64 MiB", map(64 * MIB, 0));
	print("munlockall", munlockall());
}

/* Results and errors, which are those of the kernel. */
static int show_results(void)
{
	struct rlimit none = { 0, 0 };

	show_mlock();
	show_mmap();
	show_mlockall();
	setrlimit(RLIMIT_MEMLOCK, &none);
	print("no limit left: mlock", mlock(map(MIB, 0), MIB));
	print_map("no limit left: MAP_LOCKED", map(MIB, MAP_LOCKED));
	print("no limit left: mlockall", mlockall(MCL_CURRENT));
	return 0;
}

/* The size after locking 256 MiB: it is in MiB. */
static int show_size(void)
{
	void *addr = map(256 * MIB, 0);

	if (mlock(addr, 256 * MIB))
		err(2, "mlock");
	printf("%ld\n", kib("VmRSS") / 1024);
	return 0;
}

/* Populated by MAP_POPULATE beside MAP_LOCKED, or not: pages of 256. */
static int show_populated(void)
{
	unsigned char present[256] = { 0 };
	char *addr = map(256 * (size_t)page, MAP_LOCKED | MAP_POPULATE);
	int n = 0;

	mincore(addr, 256 * (size_t)page, present);
	for (int i = 0; i < 256; i++)
		n += present[i] & 1;
	printf("%d\n", n);
	return 0;
}

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static long wrong;	/* calls with a wrong result */

static void lock_once(char *addr)
{
	if (mlock(addr, MIB) || munlock(addr, MIB))
		__atomic_add_fetch(&wrong, 1, __ATOMIC_RELAXED);
}

static void *lock_for_ever(void *unused)
{
	char *addr = map(MIB, 0);

	while (!ends)
		lock_once(addr);
	return unused;
}

static void start_threads(pthread_t *thread, int n)
{
	for (int i = 0; i < n; i++)
		if (pthread_create(&thread[i], NULL, lock_for_ever, NULL))
			err(2, "pthread_create");
}

static int lock_by_threads(void)
{
	pthread_t thread[4];

	start_threads(thread, 4);
	usleep((useconds_t)(SECONDS * 1e6));
	ends = true;
	for (int i = 0; i < 4; i++)
		pthread_join(thread[i], NULL);
	printf("wrong: %ld\n", wrong);
	return 0;
}

static volatile long signals;

static void count(int unused)
{
	(void)unused;
	signals++;
}

static int lock_under_signals(void)
{
	const struct sigaction action = {
		.sa_handler = count, .sa_flags = SA_RESTART
	};
	const struct itimerval timer = { { 0, 300 }, { 0, 300 } };
	double end = now() + SECONDS;
	char *addr = map(MIB, 0);

	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &timer, NULL);
	/* A loaded machine may let it run little in that time. */
	while (now() < end || (signals < 10 && now() < end + 60))
		lock_once(addr);
	printf("wrong: %ld, signals: %s\n", wrong,
	       signals >= 10 ? "many" : "few");
	return 0;
}

/* Children lock, by fork or vfork; each exits with 7 if it could. */
static int lock_in_children(bool by_vfork)
{
	double end = now() + SECONDS;
	int status;

	while (now() < end) {
		pid_t child = by_vfork ? vfork() : fork();

		if (child == 0) {
			void *addr = map(MIB, 0);
			int failed = mlock(addr, MIB);

			munmap(addr, MIB);
			_exit(failed ? 1 : 7);
		}
		wrong += waitpid(child, &status, 0) != child ||
			 !WIFEXITED(status) || WEXITSTATUS(status) != 7;
	}
	printf("wrong: %ld\n", wrong);
	return 0;
}

/* A program that executes itself while its threads lock. */
static int execute(const char *times)
{
	long n = times ? strtol(times, NULL, 10) : 100;
	pthread_t thread[3];
	char less[24];

	if (n == 0)
		return puts("done") < 0;
	start_threads(thread, 3);
	usleep(2000);
	snprintf(less, sizeof(less), "%ld", n - 1);
	execl("/proc/self/exe", "traced", "exec", less, NULL);
	err(2, "exec");
}

static pid_t start_child(void)
{
	pid_t child = fork();

	if (child == 0)
		lock_for_ever(NULL);
	usleep((useconds_t)rand() % 2000);
	return child;
}

static int kill_children(void)
{
	double end = now() + SECONDS;
	int status;

	while (now() < end) {
		pid_t child = start_child();

		kill(child, SIGKILL);
		wrong += waitpid(child, &status, 0) != child ||
			 !WIFSIGNALED(status);
	}
	printf("wrong: %ld\n", wrong);
	return 0;
}

/* The letter of its state; a call that was begun may end first. */
static bool is_stopped(pid_t pid)
{
	char path[32], line[64] = "";

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	for (int tries = 0; tries < 400; tries++) {
		FILE *stat = fopen(path, "re");

		if (stat && fgets(line, sizeof(line), stat) &&
		    strstr(line, ") T "))
			tries = 400;
		if (stat)
			fclose(stat);
		usleep(5000);
	}
	return strstr(line, ") T ");
}

static int stop_child(void)
{
	pid_t child = start_child();
	int status;

	for (int i = 0; i < 40; i++) {
		kill(child, SIGSTOP);
		wrong += waitpid(child, &status, WUNTRACED) != child ||
			 !WIFSTOPPED(status) || !is_stopped(child);
		kill(child, SIGCONT);
		wrong += waitpid(child, &status, WCONTINUED) != child ||
			 !WIFCONTINUED(status);
		usleep((useconds_t)rand() % 2000);
	}
	kill(child, SIGKILL);
	printf("wrong: %ld\n", wrong);
	return 0;
}

/* A system call changes no register but three. */
static int keep_registers(void)
{
#ifdef __x86_64__
	char *addr = map(MIB, 0);
	register long r8 __asm__("r8") = 8, r9 __asm__("r9") = 9;
	register long r10 __asm__("r10") = 10, r12 __asm__("r12") = 12;
	long rax = SYS_mlock, rdi = (long)addr, rsi = (long)MIB, rdx = 4;

	__asm__ volatile("syscall" : "+a"(rax), "+D"(rdi), "+S"(rsi),
			 "+d"(rdx), "+r"(r8), "+r"(r9), "+r"(r10), "+r"(r12)
			 : : "rcx", "r11", "memory");
	wrong = rax != 0 || rdi != (long)addr || rsi != (long)MIB ||
		rdx != 4 || r8 != 8 || r9 != 9 || r10 != 10 || r12 != 12;
#endif
	printf("wrong: %ld\n", wrong);
	return 0;
}

/* A filter of the program that kills it for mlock2, which it does not call. */
static int lock_under_filter(void)
{
	struct sock_filter insns[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mlock2, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { 4, insns };
	void *addr = map(MIB, 0);

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program))
		err(2, "prctl");
	if (mlock(addr, MIB))
		err(2, "mlock");
	return printf("%s\n", flags_at(addr)) < 0;
}

/* Prints a line, waits for the end of the input or for a signal, and locks. */
static int wait_and_lock(void)
{
	void *addr = map(MIB, 0);
	char byte;

	printf("%d %d\n", (int)getpid(), (int)getppid());
	fflush(stdout);
	while (read(STDIN_FILENO, &byte, 1) > 0)
		;
	if (mlock(addr, MIB))
		return printf("%s\n", strerror(errno)) < 0;
	return printf("%s\n", flags_at(addr)) < 0;
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	page = sysconf(_SC_PAGESIZE);
	if (strcmp(what, "flags") == 0)
		return show_flags();
	if (strcmp(what, "results") == 0)
		return show_results();
	if (strcmp(what, "size") == 0)
		return show_size();
	if (strcmp(what, "populated") == 0)
		return show_populated();
	if (strcmp(what, "threads") == 0)
		return lock_by_threads();
	if (strcmp(what, "signals") == 0)
		return lock_under_signals();
	if (strcmp(what, "fork") == 0 || strcmp(what, "vfork") == 0)
		return lock_in_children(*what == 'v');
	if (strcmp(what, "exec") == 0)
		return execute(argv[2]);
	if (strcmp(what, "kill") == 0)
		return kill_children();
	if (strcmp(what, "stop") == 0)
		return stop_child();
	if (strcmp(what, "registers") == 0)
		return keep_registers();
	if (strcmp(what, "filter") == 0)
		return lock_under_filter();
	if (strcmp(what, "wait") == 0)
		return wait_and_lock();
	return argc > 1 ? atoi(what) : 0;
}
