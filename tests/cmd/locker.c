/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A program that locks memory, for the tests of the command. It does not
 * use the library, and can also be linked statically.
 */
#define _GNU_SOURCE

#include <err.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Without huge pages, so that one touch populates one page. */
static void *map(size_t len)
{
	void *addr = mmap(NULL, len, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (addr == MAP_FAILED)
		err(2, "mmap");
	madvise(addr, len, MADV_NOHUGEPAGE);
	return addr;
}

/* The lock flags of addr in smaps. */
static const char *flags_at(const void *addr)
{
	FILE *smaps = fopen("/proc/self/smaps", "re");
	const char *flags = "gone";
	bool here = false;
	char line[4096];

	if (!smaps)
		err(2, "/proc/self/smaps");
	while (fgets(line, sizeof(line), smaps)) {
		uintptr_t start, end;

		if (sscanf(line, "%lx-%lx ", &start, &end) == 2)
			here = start <= (uintptr_t)addr &&
			       (uintptr_t)addr < end;
		else if (here && strncmp(line, "VmFlags:", 8) == 0)
			flags = !strstr(line, " lo") ? "none" :
				strstr(line, " lf") || strstr(line, " ??") ?
				"lo lf" : "lo";
	}
	fclose(smaps);
	return flags;
}

/* Wait for the end of the input. */
static void wait_for_end(void)
{
	char byte;

	puts("ready");
	fflush(stdout);
	while (read(0, &byte, 1) > 0)
		;
}

/* Lock by mlock(), which the shim converts. */
static void print_flags(void)
{
	void *addr = map(1 << 16);

	if (mlock(addr, 1 << 16))
		err(2, "mlock");
	puts(flags_at(addr));
}

/* Lock by mlock(), write to all pages, and wait as hold() does. */
static void touch(size_t len)
{
	void *addr = map(len);

	if (mlock(addr, len))
		err(2, "mlock");
	memset(addr, 1, len);
	wait_for_end();
}

/*
 * Lock all, map memory, and wait for the end of the input. A child of fork,
 * which has no locks, waits too. The IDs of both are printed.
 */
static void all(size_t len)
{
	char *addr;
	pid_t child;

	if (mlockall(MCL_CURRENT | MCL_FUTURE))
		err(2, "mlockall");
	addr = map(len);
	*addr = 1;
	child = fork();
	if (child < 0)
		err(2, "fork");
	if (!child)
		exit(read(0, addr, 1) > 0);
	printf("%d %d\n", (int)getpid(), (int)child);
	wait_for_end();
}

/* Map memory, lock all, print the ID, and wait for the end of the input. */
static void present(size_t len, int flags)
{
	map(len);
	if (mlockall(flags))
		err(2, "mlockall");
	printf("%d\n", (int)getpid());
	wait_for_end();
}

/* Lock memory, in full or on fault, and wait for the end of the input. */
static void hold(size_t len, unsigned int onfault, const char *name)
{
	char *addr = map(len);

	if (syscall(SYS_mlock2, addr, len, onfault))
		err(2, "mlock2");
	*addr = 1;
	if (name)
		prctl(PR_SET_NAME, name);
	wait_for_end();
}

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "flags") == 0)
		print_flags();
	else if (argc >= 4 && strcmp(argv[1], "hold") == 0)
		hold(strtoul(argv[2], NULL, 0),
		     (unsigned int)strtoul(argv[3], NULL, 0), argv[4]);
	else if (argc == 3 && strcmp(argv[1], "touch") == 0)
		touch(strtoul(argv[2], NULL, 0));
	else if (argc == 3 && strcmp(argv[1], "all") == 0)
		all(strtoul(argv[2], NULL, 0));
	else if (argc == 4 && strcmp(argv[1], "present") == 0)
		present(strtoul(argv[2], NULL, 0), atoi(argv[3]));
	else
		errx(2, "usage: locker flags | touch BYTES | all BYTES | "
			"present BYTES FLAGS | hold BYTES ONFAULT [NAME]");
	return 0;
}
