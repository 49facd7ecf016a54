/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Is what is locked on fault really never swapped? For a machine with little
 * memory and some swap (tests/guest.sh makes one): every second page of four
 * ranges is touched, one locked by mlock2, one by mlock alone, one by a budget,
 * one not at all; then another process takes more memory than there is.
 * Statically linked with the library's inner names, so that it can be told that
 * there is no mlock2.
 */
#include "config.h"

#include "lockonfault.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kernel/caps.h"

#define PAGE	((size_t)4096)
#define PAGES	((size_t)1024)		/* in each range */
#define HOG	((size_t)300 << 20)	/* bytes */
#define SWAPPED	((uint64_t)1 << 62)	/* of a word of pagemap */

static int failed;

static void fail(const char *what)
{
	perror(what);
	exit(EXIT_FAILURE);
}

static void say(bool is_right, const char *what, size_t n)
{
	printf("%s: %s: %zu of %zu touched pages are swapped out\n",
	       is_right ? "ok" : "FAIL", what, n, PAGES / 2);
	failed |= !is_right;
}

static char *map(void)
{
	/* Holes on both sides. */
	char *addr = mmap(NULL, (PAGES + 2) * PAGE, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (addr == MAP_FAILED)
		fail("mmap");
	munmap(addr, PAGE);
	munmap(addr + (PAGES + 1) * PAGE, PAGE);
	return addr + PAGE;
}

static char *map_locked(bool by_mlock2)
{
	char *addr = map();

	lof_cap_override(LOF_CAP_MLOCK2, by_mlock2);
	if (lof_mlock2(addr, PAGES * PAGE, MLOCK_ONFAULT))
		fail("lof_mlock2");
	return addr;
}

/* What is touched later, a look at it locks. */
static char *map_budgeted(void)
{
	char *addr = map();

	if (lof_lock_budget(addr, PAGES * PAGE, PAGES / 2 * PAGE,
			    LOF_BUDGET_FIRST))
		fail("lof_lock_budget");
	return addr;
}

static void look(void)
{
	struct lof_stats stats;

	lof_cap_override(LOF_CAP_MLOCK2, 1);
	if (lof_sync() || lof_stats(&stats, sizeof(stats)))
		fail("lof_sync");
	failed |= stats.swept != PAGES / 2 * PAGE || stats.overrun;
	printf("%s: the budget: %zu pages locked, %zu over\n",
	       failed ? "FAIL" : "ok", (size_t)stats.swept / PAGE,
	       (size_t)stats.overrun / PAGE);
}

static void touch(char *addr)
{
	for (size_t i = 0; i < PAGES; i += 2)
		memset(addr + i * PAGE, (int)(i % 251), PAGE);
}

static size_t count_swapped(const char *addr)
{
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	static uint64_t words[PAGES];
	size_t n = 0;

	if (fd < 0 || pread(fd, words, sizeof(words), (off_t)
			    ((uintptr_t)addr / PAGE * sizeof(words[0]))) !=
		      sizeof(words))
		fail("pagemap");
	close(fd);
	for (size_t i = 0; i < PAGES; i++)
		n += (words[i] & SWAPPED) != 0;
	return n;
}

static bool is_marked(const char *addr)
{
	for (size_t i = 0; i < PAGES; i += 2)
		for (size_t at = 0; at < PAGE; at += 512)
			if ((unsigned char)addr[i * PAGE + at] != i % 251)
				return false;
	return true;
}

static void take_memory(void)
{
	pid_t pid = fork();
	int status;

	if (pid < 0)
		fail("fork");
	if (pid == 0) {
		char *hog = malloc(HOG);

		for (int turn = 1; hog && turn < 3; turn++)
			for (size_t at = 0; at < HOG; at += PAGE)
				memset(hog + at, turn, 64);
		_exit(hog ? 0 : 1);
	}
	if (waitpid(pid, &status, 0) != pid || status)
		fail("the process that takes memory");
}

int main(void)
{
	char *unlocked = map(), *native = map_locked(true);
	char *flagged = map_locked(false), *budgeted = map_budgeted();

	touch(unlocked);
	touch(native);
	touch(flagged);
	touch(budgeted);
	look();
	take_memory();
	say(count_swapped(unlocked) > PAGES / 4, "not locked",
	    count_swapped(unlocked));
	say(count_swapped(native) == 0, "locked by mlock2",
	    count_swapped(native));
	say(count_swapped(flagged) == 0, "locked by mlock alone",
	    count_swapped(flagged));
	say(count_swapped(budgeted) == 0, "locked by a budget",
	    count_swapped(budgeted));
	if (!is_marked(unlocked) || !is_marked(native) ||
	    !is_marked(flagged) || !is_marked(budgeted)) {
		puts("FAIL: a page is not what was written");
		failed = 1;
	}
	return failed;
}
