/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A program that puts itself under a seccomp filter, which allows only the calls
 * that the program makes. A child does this; its parent prints the results of
 * the calls and the memory that the child has locked.
 */
#include "config.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "preload/helper.h"

#ifdef SYS_mmap2
#define NR_MMAP	SYS_mmap2
#else
#define NR_MMAP	SYS_mmap
#endif

static const int allowed[] = {
	NR_MMAP, SYS_munmap, SYS_mremap, SYS_mprotect, SYS_madvise, SYS_mlock,
	SYS_munlock, SYS_mlockall, SYS_munlockall, SYS_write, SYS_read,
	SYS_exit_group, SYS_clone, SYS_wait4, SYS_set_robust_list, SYS_gettid,
	SYS_getpid, SYS_rt_sigprocmask, SYS_rseq, SYS_rt_sigreturn,
#ifdef SYS_sigreturn
	SYS_sigreturn,
#endif
};

#define NALLOWED	(sizeof(allowed) / sizeof(allowed[0]))

/* Install the filter; action is the answer to every other call. */
static int confine(uint32_t action, bool by_number)
{
	struct sock_filter code[2 * NALLOWED + 2];
	struct sock_fprog program = { 0, code };

	code[program.len++] = (struct sock_filter)BPF_STMT(
		BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
	for (size_t i = 0; i < NALLOWED; i++) {
		code[program.len++] = (struct sock_filter)BPF_JUMP(
			BPF_JMP | BPF_JEQ | BPF_K, (unsigned int)allowed[i], 0,
			1);
		code[program.len++] = (struct sock_filter)BPF_STMT(
			BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	}
	code[program.len++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K,
							   action);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return -1;
	return by_number ? (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0,
					&program) :
			   prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

static char report[4096];

static void note(int failed)
{
	size_t len = strlen(report);

	snprintf(report + len, sizeof(report) - len, "%s ",
		 !failed ? "ok" : strerrorname_np(errno));
	errno = 0;
}
#define NOTE(call)	note((call) != 0)
#define NOTE_MAP(call)	note((call) == MAP_FAILED)

static void fork_once(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	note(pid < 0 || waitpid(pid, NULL, 0) != pid);
}

static void make_calls(void)
{
	char *more;

	NOTE(mlock(at(4), pages(2)));
	NOTE(munlock(at(4), page));
	NOTE(mlock(at(0), pages(HELPER_PAGES + 4)));
	more = mmap(NULL, pages(8), RW, ANON, -1, 0);
	note(more == MAP_FAILED);
	NOTE(mlock(more, pages(8)));
	NOTE_MAP(more = mremap(more, pages(8), pages(16), MREMAP_MAYMOVE));
	NOTE_MAP(mremap(more, pages(4), pages(4),
			MREMAP_MAYMOVE | MREMAP_DONTUNMAP, NULL));
	NOTE(madvise(more, page, MADV_DONTNEED));
	NOTE(mprotect(more, page, PROT_READ));
	NOTE(munmap(more + pages(8), pages(4)));
	NOTE_MAP(mmap(at(8), page, RW, OVER | MAP_LOCKED, -1, 0));
	NOTE_MAP(mmap(NULL, page, RW, ANON | MAP_LOCKED | MAP_POPULATE, -1, 0));
	fork_once();
	NOTE(mlockall(MCL_FUTURE));
	NOTE_MAP(mmap(NULL, page, RW, ANON, -1, 0));
	NOTE(munlockall());
	NOTE(mlock(at(1), pages(3)));
}

/* The parent reads the locked memory, and then closes the pipe. */
static void end_child(int in)
{
	char byte;

	_exit(read(in, &byte, 1) != 0);
}

static void print_report(void)
{
	if (write(1, report, strlen(report)) < 0)
		_exit(1);
}

/* The bytes that a process has locked, from its /proc/PID/status. */
static long locked_kib(pid_t pid)
{
	char path[32], line[256];
	long kib = -1;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file))
		if (strncmp(line, "VmLck:", 6) == 0)
			kib = strtol(line + 6, NULL, 10);
	if (file)
		fclose(file);
	return kib;
}

/* Run a child; print its output, its locked pages and how it ended. */
static void run_child(void (*child)(int in, uint32_t action), uint32_t action)
{
	int out[2], in[2], status;
	char text[4096] = "";
	pid_t pid;

	if (pipe(out) || pipe(in))
		exit(20);
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		dup2(out[1], 1);
		close(in[1]);
		child(in[0], action);
	}
	close(out[1]);
	if (read(out[0], text, sizeof(text) - 1) < 0)
		exit(21);
	printf("%s%ld ", text, locked_kib(pid) * 1024 / (long)page);
	close(in[1]);
	if (waitpid(pid, &status, 0) != pid)
		exit(22);
	printf("%d\n", status);
}

static void be_confined(int in, uint32_t action)
{
	NOTE(mlock(at(0), pages(4)));
	NOTE(confine(action, false));
	make_calls();
	print_report();
	end_child(in);
}

static void be_confined_by_number(int in, uint32_t action)
{
	NOTE(confine(action, true));
	make_calls();
	print_report();
	end_child(in);
}

/* Filters that the kernel refuses must not change anything. */
static void be_refused(int in, uint32_t action)
{
	struct sock_filter code = BPF_STMT(BPF_RET | BPF_K, action);
	struct sock_fprog none = { 0, NULL }, empty = { 0, &code };
	struct sock_fprog wild = { 4, (struct sock_filter *)8 };
	struct sock_fprog high = { 4, (struct sock_filter *)-8l };

	NOTE(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	NOTE(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, NULL));
	NOTE(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, 8));
	NOTE(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, -1l));
	NOTE(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &none));
	NOTE(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &empty));
	NOTE(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &wild));
	NOTE(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &high));
	NOTE(prctl(PR_SET_SECCOMP, 77, &wild));
	NOTE((int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 77, &empty));
	NOTE((int)syscall(SYS_seccomp, 77, 0, &empty));
	NOTE(prctl(PR_GET_SECCOMP));
	NOTE(mlock(at(0), pages(4)));
	/* A lock on fault tells that mlock2 is still made. */
	fputs(report, stdout);
	helper_show(at(0), 4);
	fflush(stdout);
	end_child(in);
}

/* In this mode only read, write, exit and sigreturn are allowed. */
static void be_strict(int in, uint32_t action)
{
	(void)action;
	NOTE(mlock(at(0), pages(4)));
	NOTE(prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT));
	print_report();
	if (read(in, report, 1) == 0)
		syscall(SYS_exit, 0);
}

/* Under a bound: touch memory, and be confined before the next scan. */
static void be_bounded(int in, uint32_t action)
{
	NOTE(mlock(at(0), pages(8)));
	for (size_t i = 0; i < 4; i++)
		helper_touch(i);
	NOTE(confine(action, false));
	print_report();
	end_child(in);
}

void filter_kill(void)
{
	run_child(be_confined, SECCOMP_RET_KILL_PROCESS);
}

void filter_bounded(void)
{
	run_child(be_bounded, SECCOMP_RET_KILL_PROCESS);
}

static void on_sigsys(int sig)
{
	static const char text[] = "SIGSYS ";

	(void)sig;
	if (write(1, text, sizeof(text) - 1) < 0)
		_exit(23);
}

void filter_trap(void)
{
	signal(SIGSYS, on_sigsys);
	run_child(be_confined, SECCOMP_RET_TRAP);
}

void filter_errno(void)
{
	run_child(be_confined, SECCOMP_RET_ERRNO | EXDEV);
}

void filter_by_number(void)
{
	run_child(be_confined_by_number, SECCOMP_RET_KILL_PROCESS);
}

void filter_refused(void)
{
	run_child(be_refused, SECCOMP_RET_KILL_PROCESS);
}

void filter_strict(void)
{
	run_child(be_strict, 0);
}

static struct sock_filter allows_all[] = {
	BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
};
static struct sock_fprog allowing = { 1, allows_all };

void confine_by_name(void)
{
	DONE(prctl(PR_SET_NAME, "confined"));
	DONE(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	DONE(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &allowing));
	DONE(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, NULL));
	DONE(unshare(0));
	DONE(setns(-1, 0));
	DONE(mlock(at(0), page));
	SHOW();
}

void confine_by_number(void)
{
	DONE(syscall(SYS_prctl, PR_SET_NAME, "confined"));
	DONE(syscall(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	DONE(syscall(SYS_prctl, PR_SET_SECCOMP, SECCOMP_MODE_FILTER,
		     &allowing));
	DONE(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &allowing));
	DONE(syscall(SYS_unshare, 0));
	DONE(syscall(SYS_setns, -1, 0));
	DONE(mlock(at(0), page));
	SHOW();
}
