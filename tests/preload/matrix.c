/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Each call that locks, in a process that is confined in one way:
 *
 *	matrix CONDITION [LIBRARIES]
 *
 * runs itself with LIBRARIES preloaded. For each call it prints a line: the
 * call, its results, the pages of the arena that are locked, VmLck in KiB, and
 * the pages that the ledger has wrong and does not mark. The locks are read by
 * the parent, which is not confined. Without LIBRARIES there is no ledger: "-".
 *
 * A condition is a list of words joined by "+": user (nobody, 8 MiB), noproc
 * (no /proc), nofd (no file can be opened), chroot, setuid (root becomes
 * nobody), filter (the program installs a filter), and ERRNO:CALL,CALL... (a
 * filter that was there from the start). Exit status 77: this user cannot.
 */
#include "config.h"

#include <dlfcn.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kernel/syscall.h"
#include "lockonfault.h"
#include "preload/helper.h"

#define NPAGES	64
#define LIMIT	((size_t)8 << 20)

size_t page;
char *arena;

static const struct {
	const char *name;
	int nr;
} calls[] = {
	{ "mlock2", SYS_mlock2 }, { "openat", SYS_openat },
	{ "msync", SYS_msync }, { "ioctl", SYS_ioctl },
	{ "prlimit64", SYS_prlimit64 },
};

static char results[128];

static void note(int failed)
{
	size_t len = strlen(results);

	snprintf(results + len, sizeof(results) - len, "%s%s", len ? "," : "",
		 failed ? strerrorname_np(errno) : errno ? "changed" : "ok");
	errno = 0;
}
#define NOTE(call)	note((call) != 0)
#define NOTE_MAP(call)	note((call) == MAP_FAILED)

/* Touched memory is locked under a bound, too. */
static void touch(size_t first, size_t npages)
{
	for (size_t i = first; i < first + npages; i++)
		*(volatile char *)at(i) = 'a';
}

static void do_mlock(void)
{
	NOTE(mlock(at(0), pages(16)));
}

static void do_hole(void)
{
	munmap(at(4), page);
	NOTE(mlock(at(0), pages(16)));
}

static void do_map_locked(void)
{
	NOTE_MAP(mmap(at(16), pages(16), RW, OVER | MAP_LOCKED, -1, 0));
	touch(16, 16);
}

static void do_current(void)
{
	NOTE(mlockall(MCL_CURRENT));
}

static void do_future(void)
{
	NOTE(mlockall(MCL_FUTURE));
	NOTE_MAP(mmap(at(16), pages(16), RW, OVER, -1, 0));
	touch(16, 16);
}

static void do_both(void)
{
	NOTE(mlockall(MCL_CURRENT | MCL_FUTURE));
	NOTE_MAP(mmap(at(16), pages(16), RW, OVER, -1, 0));
	touch(16, 16);
}

static void do_mremap(void)
{
	NOTE(mlock(at(0), pages(8)));
	NOTE_MAP(mremap(at(0), pages(8), pages(16), MREMAP_MAYMOVE |
			MREMAP_FIXED, at(32)));
	touch(32, 16);
}

static void do_munlock(void)
{
	NOTE(mlock(at(0), pages(16)));
	NOTE(munlock(at(4), pages(4)));
}

static void do_munlockall(void)
{
	NOTE(mlock(at(0), pages(16)));
	NOTE(munlockall());
	NOTE(mlock(at(1), page));
}

static void do_fork(void)
{
	pid_t pid;

	NOTE(mlock(at(0), pages(16)));
	pid = fork();
	if (pid == 0)
		_exit(mlock(at(0), page) != 0);
	note(pid < 0);
	note(waitpid(pid, NULL, 0) != pid);
}

static void *touch_stack(void *unused)
{
	volatile char frame[8192];

	frame[0] = 'a';
	(void)frame[0];
	return unused;
}

static void do_thread(void)
{
	pthread_attr_t attr;
	pthread_t thread;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, (size_t)256 << 10);
	errno = 0;
	NOTE(mlockall(MCL_FUTURE));
	errno = pthread_create(&thread, &attr, touch_stack, NULL);
	note(errno);
	errno = pthread_join(thread, NULL);
	note(errno);
	NOTE_MAP(mmap(at(16), pages(16), RW, OVER, -1, 0));
	touch(16, 16);
}

static const struct {
	const char *name;
	void (*run)(void);
} ops[] = {
	{ "mlock", do_mlock }, { "hole", do_hole },
	{ "MAP_LOCKED", do_map_locked }, { "current", do_current },
	{ "future", do_future }, { "both", do_both }, { "mremap", do_mremap },
	{ "munlock", do_munlock }, { "munlockall", do_munlockall },
	{ "fork", do_fork }, { "thread", do_thread },
};

#define NOPS	(sizeof(ops) / sizeof(ops[0]))

static bool has(const char *condition, const char *word)
{
	return strstr(condition, word) != NULL;
}

/* The program's own filter refuses what it does not call itself. */
static int install_filter(void)
{
	struct sock_filter code[2 * 5 + 2] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 offsetof(struct seccomp_data, nr)),
	};
	struct sock_fprog program = { 1, code };

	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		code[program.len++] = (struct sock_filter)BPF_JUMP(
			BPF_JMP | BPF_JEQ | BPF_K, (unsigned int)calls[i].nr, 0,
			1);
		code[program.len++] = (struct sock_filter)BPF_STMT(
			BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
	}
	code[program.len++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K,
							   SECCOMP_RET_ALLOW);
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	       prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

/* Conditions that begin while the program runs. */
static int confine(const char *condition)
{
	struct rlimit limit = { LIMIT, LIMIT }, nofile = { 0, 0 };

	if (has(condition, "chroot") && (chroot("/var/empty.none") == 0 ||
					 chroot("/sys") || chdir("/")))
		return 77;
	if (has(condition, "setuid") && (setrlimit(RLIMIT_MEMLOCK, &limit) ||
					 setresuid(65534, 65534, 65534)))
		return 77;
	if (has(condition, "nofd") && setrlimit(RLIMIT_NOFILE, &nofile))
		return 77;
	return has(condition, "filter") && install_filter() ? 77 : 0;
}

typedef int asker(const void *addr, struct lof_region *region, size_t size);

/*
 * What the ledger has of a page: '?' if it says itself that it may be wrong, 'e'
 * if lof_query() fails because smaps cannot be read.
 */
static void ask_ledger(char *kinds)
{
	struct lof_region region;
	asker *query = NULL;

	*(void **)&query = dlsym(RTLD_DEFAULT, "lof_query");
	for (size_t i = 0; i < NPAGES; i++) {
		kinds[i] = '-';
		if (!query)
			continue;
		if (query(at(i), &region, sizeof(region)))
			kinds[i] = 'e';
		else if (region.flags & LOF_UNVERIFIED)
			kinds[i] = '?';
		else
			kinds[i] = region.kind ? 'L' : '.';
	}
}

/* One call, in a child: print its results, and wait to be looked at. */
static void run_op(size_t op, const char *condition)
{
	char kinds[NPAGES + 1] = "", byte;
	int err;

	if (mmap(arena, pages(NPAGES), RW, OVER, -1, 0) != arena)
		_exit(98);
	touch(0, 16);
	err = confine(condition);
	if (err)
		_exit(err);
	errno = 0;
	ops[op].run();
	dprintf(1, "%d %s\n", (int)lof_syscall_raw(SYS_getpid, 0, 0, 0, 0, 0,
						    0), results);
	/* The parent has read the locks; only then may the ledger ask. */
	if (read(0, &byte, 1) != 1)
		_exit(96);
	ask_ledger(kinds);
	dprintf(1, "%s\n", kinds);
	_exit(read(0, &byte, 1) == 1 ? 0 : 95);
}

/* The confined program: a child for each call. */
static int run_ops(const char *condition)
{
	int status;

	for (size_t op = 0; op < NOPS; op++) {
		pid_t pid = fork();

		if (pid == 0)
			run_op(op, condition);
		if (waitpid(pid, &status, 0) != pid)
			return 94;
		if (status)
			return WIFEXITED(status) ? WEXITSTATUS(status) : 93;
	}
	return 0;
}

/* From here on: the parent, which sees all. */

/* Lock state of the pages of the arena in another process; returns VmLck. */
static long look(pid_t pid, char *kinds)
{
	unsigned long from, to, start = 0, end = 0;
	char path[64], line[512];
	long kib = -1;
	FILE *file;

	memset(kinds, '.', NPAGES);
	snprintf(path, sizeof(path), "/proc/%d/smaps", pid);
	file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%lx-%lx ", &from, &to) == 2) {
			start = from;
			end = to;
		}
		if (strncmp(line, "VmFlags:", 8) || !strstr(line, " lo"))
			continue;
		for (size_t i = 0; i < NPAGES; i++)
			if ((uintptr_t)at(i) >= start && (uintptr_t)at(i) < end)
				kinds[i] = 'L';
	}
	if (file)
		fclose(file);
	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file))
		if (strncmp(line, "VmLck:", 6) == 0)
			kib = strtol(line + 6, NULL, 10);
	if (file)
		fclose(file);
	return kib;
}

static size_t count(const char *kinds)
{
	size_t n = 0;

	for (size_t i = 0; i < NPAGES; i++)
		n += kinds[i] == 'L';
	return n;
}

/* Under a bound the pages are locked a little later: wait for that. */
static long look_patiently(pid_t pid, char *kinds, bool is_late)
{
	size_t before = NPAGES + 1;
	long kib = 0;

	for (int i = 0; i < 40; i++) {
		kib = look(pid, kinds);
		if (!is_late || (count(kinds) == before && count(kinds)))
			break;
		before = count(kinds);
		usleep(3000);
	}
	return kib;
}

static int print_op(size_t op, FILE *out, int in)
{
	bool is_late = getenv("LOCKONFAULT_MAX") != NULL;
	char truth[NPAGES + 1] = "", ledger[256], text[128], wrong[32] = "-";
	size_t nwrong = 0;
	int pid;
	long kib;

	if (fscanf(out, "%d %127s", &pid, text) != 2)
		return 1;
	kib = look_patiently(pid, truth, is_late);
	if (write(in, "", 1) != 1 || fscanf(out, "%255s", ledger) != 1)
		return 1;
	look(pid, truth);
	if (write(in, "", 1) != 1)
		return 1;
	for (size_t i = 0; i < NPAGES; i++)
		nwrong += !strchr("?e", ledger[i]) && ledger[i] != truth[i];
	if (ledger[0] != '-')
		snprintf(wrong, sizeof(wrong), "%zu", nwrong);
	printf("%s\t%s\t%zu\t%ld\t%s\n", ops[op].name, text, count(truth), kib,
	       wrong);
	return 0;
}

/* "EPERM:mlock2,openat" becomes a value of REFUSE. */
static void set_refused(const char *condition)
{
	static const struct {
		const char *name;
		int err;
	} errors[] = {
		{ "EPERM:", EPERM }, { "ENOSYS:", ENOSYS },
		{ "EACCES:", EACCES },
	};
	char text[128] = "";
	size_t len = 0;

	unsetenv("REFUSE");
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
		if (has(condition, errors[i].name))
			len = (size_t)snprintf(text, sizeof(text), "%d",
					       errors[i].err);
	for (size_t i = 0; len && i < sizeof(calls) / sizeof(calls[0]); i++)
		if (has(condition, calls[i].name))
			len += (size_t)snprintf(text + len, sizeof(text) - len,
						" %d", calls[i].nr);
	if (len)
		setenv("REFUSE", text, 1);
}

/* Conditions that are there from the start. */
static int become(const char *condition, const char *libraries, char **argv)
{
	struct rlimit limit = { LIMIT, LIMIT };

	if (has(condition, "noproc") &&
	    (unshare(CLONE_NEWNS) ||
	     mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	     umount2("/proc", MNT_DETACH)))
		return 77;
	if (has(condition, "user") &&
	    (setrlimit(RLIMIT_MEMLOCK, &limit) ||
	     (geteuid() == 0 && (setresgid(65534, 65534, 65534) ||
				 setresuid(65534, 65534, 65534)))))
		return 77;
	set_refused(condition);
	setenv("LD_PRELOAD", libraries, 1);
	setenv("MATRIX_CONDITION", condition, 1);
	execv("/proc/self/exe", argv);
	execv(argv[0], argv);
	return 92;
}

int main(int argc, char **argv)
{
	const char *condition = getenv("MATRIX_CONDITION");
	int in[2], out[2], status, bad = 0;
	FILE *from;
	pid_t pid;

	page = (size_t)sysconf(_SC_PAGESIZE);
	arena = (char *)(uintptr_t)HELPER_ARENA;
	if (condition)
		return run_ops(condition);
	if (argc < 2 || pipe(in) || pipe(out))
		return 2;
	signal(SIGPIPE, SIG_IGN);
	pid = fork();
	if (pid == 0) {
		if (dup2(in[0], 0) < 0 || dup2(out[1], 1) < 0)
			_exit(91);
		for (int i = 0; i < 2; i++) {
			close(in[i]);
			close(out[i]);
		}
		_exit(become(argv[1], argc > 2 ? argv[2] : "", argv));
	}
	close(in[0]);
	close(out[1]);
	from = fdopen(out[0], "r");
	for (size_t op = 0; op < NOPS && !bad; op++)
		bad = print_op(op, from, in[1]);
	close(in[1]);
	if (waitpid(pid, &status, 0) != pid)
		return 90;
	return status ? (WIFEXITED(status) ? WEXITSTATUS(status) : 89) : bad;
}
