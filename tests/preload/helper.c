/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A program that does not use the library. Its argument names a command: a
 * series of calls of libc. After a call the command prints the state of the
 * memory as smaps shows it.
 */
#include "config.h"

#include "preload/helper.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lockonfault.h"

#include "support/truth.h"

#define UNTOUCHED 7777		/* a value that no call gives errno */

size_t page;
char *arena;

void helper_begin(void)
{
	page = (size_t)sysconf(_SC_PAGESIZE);
	arena = mmap((void *)(uintptr_t)HELPER_ARENA, pages(HELPER_PAGES), RW,
		     ANON, -1, 0);
	if (arena != (void *)(uintptr_t)HELPER_ARENA)
		exit(3);
	errno = UNTOUCHED;
}

static const char *name_of(int err)
{
	switch (err) {
	case EAGAIN:
		return "EAGAIN";
	case EBADF:
		return "EBADF";
	case EINVAL:
		return "EINVAL";
	case ENOMEM:
		return "ENOMEM";
	case EPERM:
		return "EPERM";
	default:
		return strerror(err);
	}
}

void helper_done(int failed)
{
	if (failed)
		printf("%s ", name_of(errno));
	else
		printf("%s ", errno == UNTOUCHED ? "ok" : "errno changed");
	errno = UNTOUCHED;
}

void helper_show(const void *addr, size_t n)
{
	uintptr_t start = (uintptr_t)addr;
	char kinds[HELPER_PAGES + 1];

	truth_kinds(addr, n, kinds);
	printf("%s %zu\n", kinds, truth_rss(start, start + pages(n)) / page);
	errno = UNTOUCHED;
}

void helper_touch(size_t n)
{
	*(volatile char *)at(n) = (char)('a' + (char)n);
}

void helper_become_nobody(size_t limit)
{
	struct rlimit new = { limit, limit };

	if (setrlimit(RLIMIT_MEMLOCK, &new) ||
	    (geteuid() == 0 && setresuid(65534, 65534, 65534)) ||
	    prctl(PR_SET_DUMPABLE, 1, 0, 0, 0))
		exit(4);
	errno = UNTOUCHED;
}

static void locks(void)
{
	DONE(mlock(at(1), pages(3)));
	SHOW();
	helper_touch(2);
	DONE(mlock2(at(5), pages(2), 0));
	SHOW();
	DONE(mlock2(at(6), pages(2), MLOCK_ONFAULT));
	SHOW();
	DONE(munlock(at(2), pages(4)));
	SHOW();
	DONE(mlock2(at(0), page, 64));
	DONE(mlock(at(0), pages(HELPER_PAGES + 4)));
	SHOW();
}

static void all(void)
{
	DONE(mlockall(MCL_CURRENT | MCL_FUTURE));
	SHOW();
	DONE_MAP(mmap(at(2), pages(2), RW, OVER, -1, 0));
	SHOW();
	DONE(munlockall());
	DONE_MAP(mmap(at(2), pages(2), RW, OVER, -1, 0));
	SHOW();
	DONE(mlockall(0));
	SHOW();
}

static void maps(void)
{
	void *addr;

	DONE_MAP(mmap(at(1), pages(3), RW, OVER | MAP_LOCKED, -1, 0));
	SHOW();
	DONE_MAP(mmap(at(5), pages(2), RW, OVER | MAP_LOCKED | MAP_POPULATE,
		      -1, 0));
	SHOW();
	DONE(munmap(at(2), pages(4)));
	SHOW();
	DONE_MAP(addr = mmap(NULL, pages(4), RW, ANON | MAP_LOCKED, -1, 0));
	helper_show(addr, 4);
	DONE_MAP(mmap(at(1), page, RW, MAP_SHARED | MAP_FIXED | MAP_LOCKED, -1,
		      0));
	SHOW();
}

/* A ring buffer: one file mapped twice, into a hole that the kernel chose. */
static void ring(void)
{
	const size_t half = (size_t)1 << 20;
	int fd = memfd_create("ring", 0);
	char *addr;

	DONE(mlock(at(0), page));
	addr = mmap(NULL, 2 * half, PROT_NONE, ANON, -1, 0);
	if (addr == MAP_FAILED || ftruncate(fd, (off_t)half) ||
	    munmap(addr, 2 * half))
		exit(16);
	for (int i = 0; i < 2; i++)
		DONE_MAP(mmap(addr + (size_t)i * half, half, RW,
			      MAP_SHARED | MAP_FIXED | MAP_LOCKED, fd, 0));
	/* The compiler sees two addresses, and might read before it writes. */
	*(volatile char *)(addr + half - 1) = 'r';
	printf("%c ", *(volatile char *)(addr + 2 * half - 1));
	helper_show(addr, 4);
	helper_show(addr + half - pages(4), 8);
}

static void remaps(void)
{
	void *addr;

	DONE(mlock(at(0), pages(4)));
	helper_touch(1);
	DONE(munmap(at(4), pages(4)));
	DONE_MAP(mremap(at(0), pages(4), pages(6), 0));
	SHOW();
	DONE_MAP(addr = mremap(at(0), pages(4), pages(8), MREMAP_MAYMOVE));
	helper_show(addr, 8);
	DONE_MAP(mremap(addr, pages(8), pages(4), MREMAP_MAYMOVE | MREMAP_FIXED,
			at(0)));
	SHOW();
	DONE_MAP(addr = mremap(at(1), pages(2), pages(2), MREMAP_MAYMOVE |
			       MREMAP_DONTUNMAP, at(64)));
	printf("%d ", addr == at(64));
	SHOW();
	helper_show(addr, 2);
	printf("%c %zu\n", *(char *)addr, truth_vmlck() / page);
	DONE_MAP(mremap(at(1), pages(2), pages(2), MREMAP_MAYMOVE |
			MREMAP_FIXED, at(4) + 1));
	SHOW();
}

static void discard(void)
{
	helper_touch(1);
	helper_touch(2);
	DONE(mlock(at(0), pages(2)));
	DONE(madvise(at(0), pages(2), MADV_DONTNEED));
	DONE(madvise(at(2), page, MADV_DONTNEED));
	SHOW();
}

static void limits(void)
{
	DONE(mlock(at(0), pages(2)));
	DONE(munmap(at(4), pages(4)));
	helper_touch(1);
	helper_touch(2);
	helper_become_nobody(pages(4));
	DONE_MAP(mmap(at(4), pages(3), RW, ANON | MAP_LOCKED, -1, 0));
	SHOW();
	DONE_MAP(mmap(at(1), pages(4), RW, OVER | MAP_LOCKED, -1, 0));
	SHOW();
	printf("%c%c\n", *at(1), *at(2));
	DONE(mlock(at(0), pages(5)));
	DONE(mlock(at(2), pages(3)));
	DONE(mlockall(MCL_CURRENT));
	SHOW();
	helper_become_nobody(0);
	DONE(mlock(at(0), page));
	DONE_MAP(mmap(at(4), page, RW, ANON | MAP_LOCKED, -1, 0));
	SHOW();
}

/* All memory fits the limit: the code is locked, too. Later memory may not. */
static void limit_fits(void)
{
	char kind[2];

	helper_become_nobody(8 << 20);
	DONE(mlockall(MCL_CURRENT | MCL_FUTURE));
	truth_kinds((void *)((uintptr_t)limit_fits & ~(uintptr_t)(page - 1)), 1,
		    kind);
	printf("%s ", kind);
	DONE_MAP(mmap(NULL, 64 << 20, RW, ANON, -1, 0));
	SHOW();
}

/* Not all memory fits the limit. */
static void limit_current(void)
{
	void *much = mmap(NULL, 64 << 20, RW, ANON, -1, 0);

	helper_become_nobody(8 << 20);
	DONE(mlockall(MCL_CURRENT));
	helper_show(much, 4);
	SHOW();
	DONE_MAP(mmap(at(2), pages(2), RW, OVER, -1, 0));
	SHOW();
}

/*
 * All that the emulation of MCL_FUTURE locks fits the limit, but more is mapped.
 * libc maps memory unseen.
 */
static void limit_room(int flags, size_t unlocked)
{
	char *volatile area;

	DONE_MAP(mmap(NULL, 64 << 20, PROT_READ, ANON, -1, 0));
	helper_become_nobody(8 << 20);
	DONE(mlockall(flags));
	for (int i = 0; i < 8; i++)
		area = malloc(100000);
	(void)area;
	if (unlocked)
		DONE(munlock(at(0), unlocked));
	SHOW();
}

static void limit_stack(void)
{
	limit_room(MCL_CURRENT | MCL_FUTURE, 0);
}

static void limit_exempt(void)
{
	limit_room(MCL_CURRENT | MCL_FUTURE, pages(2));
}

static void limit_future(void)
{
	limit_room(MCL_FUTURE, 0);
}

/* The kernel answers a program that asks for MCL_ONFAULT itself. */
static void limit_asked(void)
{
	helper_become_nobody(8 << 20);
	DONE(mlockall(MCL_FUTURE | MCL_ONFAULT));
	DONE_MAP(mmap(NULL, 64 << 20, RW, ANON, -1, 0));
	SHOW();
}

static void child(void)
{
	int status;
	pid_t pid;

	DONE(mlock(at(0), pages(4)));
	helper_touch(0);
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		SHOW();
		DONE(mlock(at(2), pages(2)));
		SHOW();
		fflush(stdout);
		_exit(0);
	}
	if (waitpid(pid, &status, 0) != pid || status)
		exit(5);
	SHOW();
}

/* Linux 6.11: mlock of MAP_DROPPABLE memory succeeds, but does not lock it. */
static void droppable(void)
{
	const int map_droppable = 0x08;

	if (mmap(at(0), pages(8), RW, map_droppable | MAP_ANONYMOUS | MAP_FIXED,
		 -1, 0) == MAP_FAILED) {
		puts("none");
		return;
	}
	errno = UNTOUCHED;
	DONE(mlock(at(0), pages(4)));
	DONE(mlock2(at(4), pages(4), MLOCK_ONFAULT));
	SHOW();
}

/* Is the VMA at at(0) marked MADV_NOHUGEPAGE? */
static void huge(void)
{
	FILE *file;
	char line[512];
	bool found = false, split = false;

	DONE(mlock(at(0), pages(4)));
	file = fopen("/proc/self/smaps", "re");
	while (file && fgets(line, sizeof(line), file)) {
		uintptr_t start = strtoul(line, NULL, 16);

		found |= start == (uintptr_t)at(0) && strchr(line, '-');
		if (found && strncmp(line, "VmFlags:", 8) == 0) {
			split = strstr(line, " nh") != NULL;
			break;
		}
	}
	if (!found)
		exit(10);
	fclose(file);
	puts(split ? "split" : "huge");
}

/* The shim must not keep a descriptor: this program closes all. */
static void descriptors(void)
{
	int fd;

	for (fd = 3; fd < 256; fd++)
		close(fd);
	fd = memfd_create("own", 0);
	errno = UNTOUCHED;
	DONE(mlock(at(1), pages(3)));
	SHOW();
	printf("%d %lld %d\n", fd, (long long)lseek(fd, 0, SEEK_END), dup(fd));
}

/* Touch eight locked pages, and wait for the scan of a budget. */
static void bound(void)
{
	DONE(mlock(at(0), pages(8)));
	for (size_t n = 0; n < 8; n++)
		helper_touch(n);
	for (int i = 0; i < 50 && !truth_vmlck(); i++)
		usleep(20000);
	SHOW();
}

/* Unlock: how often was the ledger wrong, and did not know it? */
static void unlock(void)
{
	int (*ask)(struct lof_stats *stats, size_t size);
	struct lof_stats stats;

	*(void **)&ask = dlsym(RTLD_DEFAULT, "lof_stats");
	DONE(mlock(at(0), pages(2)));
	DONE(munlock(at(0), pages(2)));
	if (!ask || ask(&stats, sizeof(stats)))
		exit(17);
	printf("%llu ", (unsigned long long)stats.drift);
	SHOW();
}

static void nothing(void)
{
}

/* Show the memory that preload_early.so locked before main. */
static void early(void)
{
	void *const *mapped = dlsym(RTLD_DEFAULT, "early_mapped");
	void *const *locked = dlsym(RTLD_DEFAULT, "early_locked");
	void *const *numbered = dlsym(RTLD_DEFAULT, "early_numbered");

	if (!mapped || !locked || !numbered)
		exit(6);
	helper_show(*mapped, 4);
	helper_show(*locked, 4);
	helper_show(*numbered, 4);
}

static char lowest[2], highest[2];	/* kinds of pages */
static pthread_barrier_t is_made;

static void *show_stack(void *unused)
{
	char *here = (char *)&unused, *start = NULL;
	pthread_attr_t attr;
	size_t size = 0;

	pthread_barrier_wait(&is_made);
	if (pthread_getattr_np(pthread_self(), &attr) ||
	    pthread_attr_getstack(&attr, (void **)&start, &size))
		exit(7);
	pthread_attr_destroy(&attr);
	truth_kinds(start, 1, lowest);
	truth_kinds((void *)((uintptr_t)here & ~(uintptr_t)(page - 1)), 1,
		    highest);
	return NULL;
}

static void show_stack_of(const pthread_attr_t *attr)
{
	pthread_t thread;

	if (pthread_create(&thread, attr, show_stack, NULL))
		exit(9);
	pthread_barrier_wait(&is_made);
	pthread_join(thread, NULL);
	printf("%s%s\n", lowest, highest);
}

/* glibc unmaps such stacks, and the second is in the place of the first. */
static void large_stacks(void)
{
	pthread_attr_t attr;

	if (mlockall(MCL_FUTURE) || pthread_barrier_init(&is_made, NULL, 2) ||
	    pthread_attr_init(&attr) ||
	    pthread_attr_setstacksize(&attr, (size_t)48 << 20))
		exit(8);
	show_stack_of(&attr);
	show_stack_of(&attr);
	pthread_attr_destroy(&attr);
}

/*
 * A thread with default attributes, whose stack is made small for the limit,
 * and a thread with a given stack size and guard size.
 */
static void stacks(void)
{
	pthread_attr_t attr;

	if (mlockall(MCL_FUTURE) || pthread_barrier_init(&is_made, NULL, 2) ||
	    pthread_attr_init(&attr) ||
	    pthread_attr_setstacksize(&attr, 256 * page) ||
	    pthread_setattr_default_np(&attr) ||
	    pthread_attr_setstacksize(&attr, 64 * page) ||
	    pthread_attr_setguardsize(&attr, 3 * page))
		exit(8);
	show_stack_of(NULL);
	show_stack_of(&attr);
	pthread_attr_destroy(&attr);
}

static const struct {
	const char *name;
	void (*run)(void);
} commands[] = {
	{ "stacks", stacks },
	{ "large-stacks", large_stacks },
	{ "locks", locks },
	{ "all", all },
	{ "maps", maps },
	{ "remaps", remaps },
	{ "ring", ring },
	{ "discard", discard },
	{ "limits", limits },
	{ "limit-fits", limit_fits },
	{ "limit-current", limit_current },
	{ "limit-stack", limit_stack },
	{ "limit-exempt", limit_exempt },
	{ "limit-future", limit_future },
	{ "limit-asked", limit_asked },
	{ "child", child },
	{ "descriptors", descriptors },
	{ "droppable", droppable },
	{ "huge", huge },
	{ "bound", bound },
	{ "unlock", unlock },
	{ "nothing", nothing },
	{ "thread-begins", thread_begins },
	{ "thread-setuid", thread_setuid },
	{ "thread-single", thread_single },
	{ "thread-last", thread_last },
	{ "thread-fork", thread_fork },
	{ "thread-daemon", thread_daemon },
	{ "thread-many", thread_many },
	{ "filter-kill", filter_kill },
	{ "filter-trap", filter_trap },
	{ "filter-errno", filter_errno },
	{ "filter-by-number", filter_by_number },
	{ "filter-refused", filter_refused },
	{ "filter-bounded", filter_bounded },
	{ "filter-strict", filter_strict },
	{ "confine", confine_by_name },
	{ "syscall-confine", confine_by_number },
	{ "early", early },
	{ "syscall-locks", syscall_locks },
	{ "syscall-all", syscall_all },
	{ "syscall-maps", syscall_maps },
	{ "syscall-remaps", syscall_remaps },
	{ "syscall-discard", syscall_discard },
	{ "syscall-others", syscall_others },
	{ "syscall-wide", syscall_wide },
	{ "harm-log", harm_log },
	{ "harm-stderr", harm_stderr },
	{ "map-far", map_far },
	{ "holds-stack", holds_stack },
	{ "holds-by-number", holds_by_number },
	{ "holds-fail", holds_fail },
	{ "holds-live", holds_live },
	{ "holds-many", holds_many },
	{ "holds-nobody", holds_nobody },
	{ "holds-all", holds_all },
	{ "holds-bound", holds_bound },
	{ "rlimit-all", rlimit_all },
	{ "rlimit-nobody", rlimit_nobody },
	{ "rlimit-none", rlimit_none },
	{ "rlimit-ways", rlimit_ways },
	{ "rlimit-others", rlimit_others },
	{ "skip-locks", skip_locks },
	{ "skip-fails", skip_fails },
	{ "skip-maps", skip_maps },
	{ "skip-all", skip_all },
	{ "skip-current", skip_current },
	{ "skip-nobody", skip_nobody },
	{ "skip-loaded", skip_loaded },
	{ "skip-bound", skip_bound },
	{ "skip-blind", skip_blind },
	{ "skip-grows", skip_grows },
	{ "sizes-limited", sizes_limited },
	{ "sizes-unprivileged", sizes_unprivileged },
	{ "sizes-narrow", sizes_narrow },
	{ "stack", stack_used },
	{ "lfs-map", lfs_map },
	{ "lfs-map64", lfs_map64 },
	{ "lfs-map-far", lfs_map_far },
	{ "lfs-model", lfs_model },
	{ "shm", shm_attach },
	{ "syscall-shm", shm_attach_by_number },
	{ "remap-file", shm_remap },
	{ "syscall-remap-file", shm_remap_by_number },
};

int main(int argc, char **argv)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (argc > 1 && strcmp(argv[1], commands[i].name) == 0) {
			helper_begin();
			commands[i].run();
			return 0;
		}
	return 2;
}
