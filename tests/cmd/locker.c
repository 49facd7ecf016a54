/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A program that locks memory, for test_command.sh and test_run.sh. It does not
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
	puts("ready");
	fflush(stdout);
	while (getchar() != EOF)
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
	else
		errx(2, "usage: locker flags | touch BYTES | "
			"hold BYTES ONFAULT [NAME]");
	return 0;
}
