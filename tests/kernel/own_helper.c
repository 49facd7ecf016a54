/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A program that the library's own memory and its probes could disturb. The
 * program fills holes, grows mappings, and runs under limits and filters. It
 * does not use the library, and must print the same with the shim and without.
 *
 *	own_helper COMMAND [ARGUMENT...]
 */
#include "config.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE	0x100000
#endif
#ifndef SECCOMP_RET_KILL_PROCESS
#define SECCOMP_RET_KILL_PROCESS	0x80000000u
#endif

#define RW	(PROT_READ | PROT_WRITE)
#define ANON	(MAP_PRIVATE | MAP_ANONYMOUS)

static size_t page;

static void say(const char *name, int failed)
{
	printf("%s: %s\n", name, failed ? strerror(errno) : "ok");
}

static char *map(size_t npages)
{
	char *addr = mmap(NULL, npages * page, RW, ANON, -1, 0);

	if (addr == MAP_FAILED) {
		say("mmap", 1);
		exit(1);
	}
	return addr;
}

/* Make calls for which the library maps its own memory. */
static void make_it_work(void)
{
	char *addr = map(256);

	for (size_t i = 0; i < 128; i++)
		mlock(addr + 2 * i * page, page);
	munmap(addr, 256 * page);
	mlockall(MCL_FUTURE);
	munlockall();
}

static size_t count_not(const char *addr, size_t len, char value)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++)
		n += addr[i] != value;
	return n;
}

/*
 * Fill a hole. The library must not use the memory there. The library first
 * maps its own memory after the hole is filled, or before that ("before"), or
 * before the hole exists ("for-all").
 */
static void fill_hole(const char *when, size_t npages)
{
	int flags = strcmp(when, "before") ? MAP_FIXED : MAP_FIXED_NOREPLACE;
	char *hole = map(npages), *addr;

	if (!strcmp(when, "for-all"))
		mlockall(MCL_FUTURE);
	munmap(hole, npages * page);
	if (!strcmp(when, "before"))
		make_it_work();
	addr = mmap(hole, npages * page, RW, ANON | flags, -1, 0);
	say("mmap", addr == MAP_FAILED);
	if (addr == MAP_FAILED)
		return;
	for (int i = 0; i < 300; i++)
		map(512);
	printf("%zu bytes are not 0\n", count_not(addr, npages * page, 0));
	memset(addr, 0x5a, npages * page);
	make_it_work();
	printf("%zu bytes were changed\n",
	       count_not(addr, npages * page, 0x5a));
}

/* Unmapped memory can be neither locked nor advised. */
static void use_hole(void)
{
	char *addr = map(3), *gone = map(1);

	munmap(gone, page);
	say("mlock of unmapped memory", mlock(gone, page));
	say("madvise of it", madvise(gone, page, MADV_NORMAL));
	munmap(addr + page, page);
	say("mlock over a hole", mlock(addr, 3 * page));
	make_it_work();
	say("the hole", msync(addr + page, page, MS_ASYNC));
}

static void grow_back(size_t from, size_t to)
{
	char *addr = map(from);

	for (int i = 0; i < 2; i++) {
		say("shrink", mremap(addr, from * page, to * page, 0) !=
			      addr);
		if (i)
			make_it_work();
		say("grow", mremap(addr, to * page, from * page, 0) != addr);
	}
	munmap(addr, from * page);
}

static void shrink_and_grow(void)
{
	for (size_t npages = 2; npages <= 64; npages *= 2)
		grow_back(npages, npages / 2);
	grow_back(5, 3);
}

/* Use memory for which the library maps its own, under a limit. */
/* Map ever more, up to half of the addresses below the stack. */
static void map_half(void)
{
	char name[32];
	void *addr;

	/* The stack lies at the end of the addresses. */
	for (size_t size = page << 18; size && size < (uintptr_t)name;
	     size *= 2) {
		addr = mmap(NULL, size, PROT_NONE, ANON | MAP_NORESERVE, -1, 0);
		snprintf(name, sizeof(name), "%zu GiB", size >> 30);
		say(name, addr == MAP_FAILED);
		if (addr != MAP_FAILED)
			munmap(addr, size);
	}
}

static void touch_all(void)
{
	char *addr = map(1);

	*addr = 1;
	say("mlock", mlock(addr, page));
	say("mremap", mremap(addr, page, 2 * page, MREMAP_MAYMOVE) ==
		      MAP_FAILED);
}

/* The size of the process, in KiB. */
static void print_size(void)
{
	FILE *status = fopen("/proc/self/status", "re");
	char line[256];

	while (status && fgets(line, sizeof(line), status))
		if (!strncmp(line, "VmSize:", 7))
			printf("%ld\n", atol(line + 7));
	if (status)
		fclose(status);
}

/* Map so many KiB more, and lock all memory. */
static void lock_current(const char *kib)
{
	size_t npages = (size_t)atol(kib) * 1024 / page;

	if (npages)
		map(npages);
	say("mlockall", mlockall(MCL_CURRENT));
	say("mlock", mlock(map(1), page));
}

#define DIE_IF(call, arg, mask)						\
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 3),		\
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS,				\
		 offsetof(struct seccomp_data, args[arg])),		\
	BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, mask, 0, 1),		\
	BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),		\
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr))

/*
 * Kill the process at a call with an unknown flag, as a probe would make it. If
 * opens is set, kill the process also when it opens a file.
 */
static int kill_at_probes(int opens)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 offsetof(struct seccomp_data, nr)),
		DIE_IF(SYS_mlock2, 2, 0x1000),
		DIE_IF(SYS_mlockall, 0, 0x1000),
		DIE_IF(SYS_madvise, 2, 0x1000),
		DIE_IF(SYS_openat, 2, opens ? 0x80000 : 0x10000000),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = {
		.len = sizeof(filter) / sizeof(filter[0]), .filter = filter,
	};

	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	       prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog);
}

static void call_in_sandbox(void)
{
	char *addr = map(16), *other = map(1);

	say("filter", kill_at_probes(1));
	munmap(other, page);
	say("mremap", mremap(addr, 16 * page, 12 * page, 0) != addr);
	say("mprotect", mprotect(addr, page, PROT_READ));
	say("madvise", madvise(addr + page, page, MADV_DONTNEED));
	say("mlock", mlock(addr, 2 * page));
	say("mlock2", (int)syscall(SYS_mlock2, addr + 4 * page, page, 1));
	say("munlock", munlock(addr, page));
	say("mmap", mmap(NULL, page, RW, ANON | MAP_LOCKED, -1, 0) ==
		    MAP_FAILED);
	say("munlockall", munlockall());
}

static int run_in_sandbox(char **program)
{
	if (kill_at_probes(0)) {
		perror("filter");
		return 77;
	}
	execv(*program, program);
	perror(*program);
	return 127;
}

int main(int argc, char **argv)
{
	const char *command = argc > 1 ? argv[1] : "";

	page = (size_t)sysconf(_SC_PAGESIZE);
	if (!strcmp(command, "fill-hole") && argc > 3)
		fill_hole(argv[2], (size_t)atol(argv[3]));
	else if (!strcmp(command, "use-hole"))
		use_hole();
	else if (!strcmp(command, "shrink-and-grow"))
		shrink_and_grow();
	else if (!strcmp(command, "map-half"))
		map_half();
	else if (!strcmp(command, "touch"))
		touch_all();
	else if (!strcmp(command, "size"))
		print_size();
	else if (!strcmp(command, "lock-current") && argc > 2)
		lock_current(argv[2]);
	else if (!strcmp(command, "call-in-sandbox"))
		call_in_sandbox();
	else if (!strcmp(command, "run-in-sandbox") && argc > 2)
		return run_in_sandbox(argv + 2);
	else if (strcmp(command, "nothing"))
		return 2;
	return 0;
}
