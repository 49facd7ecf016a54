/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A part of preload_helper: shmat, shmdt and remap_file_pages, by libc's
 * functions and by syscall(). Prints the ledger's notes after each call.
 */
#include "config.h"

#include "preload/helper.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lockonfault.h"

struct calls {
	void *(*shmat)(int id, const void *addr, int flags);
	int (*shmdt)(const void *addr);
	int (*remap_file_pages)(void *addr, size_t len, int prot, size_t pgoff,
				int flags);
};

static int draw(const struct lof_region *region, void *arg)
{
	char *kinds = arg;

	for (size_t i = 0; i < 8; i++)
		if ((uintptr_t)at(i) - region->start < region->len)
			kinds[i] = region->kind == LOF_FULL ? 'F' : 'O';
	return 0;
}

/*
 * Print the ledger's notes, read without a descriptor for /proc, and then the
 * kernel's state.
 */
static void show_both(void)
{
	int (*walk)(int (*visit)(const struct lof_region *, void *), void *);
	char kinds[9] = "........";
	struct rlimit limit, none;

	*(void **)&walk = dlsym(RTLD_DEFAULT, "lof_walk");
	if (!walk || getrlimit(RLIMIT_NOFILE, &limit))
		exit(8);
	none = (struct rlimit){ 0, limit.rlim_max };
	if (setrlimit(RLIMIT_NOFILE, &none) || walk(draw, kinds) ||
	    setrlimit(RLIMIT_NOFILE, &limit))
		exit(9);
	printf("%s ", kinds);
	SHOW();
}

static void attach(const struct calls *calls)
{
	int id;

	DONE(mlock(at(0), pages(4)));
	id = shmget(IPC_PRIVATE, pages(2), IPC_CREAT | 0600);
	DONE_MAP(calls->shmat(id, at(1), SHM_REMAP));
	show_both();
	DONE_MAP(calls->shmat(id, at(1), 0));
	DONE_MAP(calls->shmat(-1, NULL, 0));
	DONE(mlock(at(2), page));
	show_both();
	DONE(calls->shmdt(at(1)));
	DONE(calls->shmdt(at(1)));
	show_both();
	DONE(mlockall(MCL_FUTURE));
	DONE_MAP(calls->shmat(id, at(1), 0));
	show_both();
	DONE(munlockall());
	if (shmctl(id, IPC_RMID, NULL))
		exit(7);
}

static void remap(const struct calls *calls)
{
	DONE_MAP(mmap(at(0), pages(4), RW, MAP_SHARED | MAP_ANONYMOUS |
		      MAP_FIXED, -1, 0));
	DONE(mlock(at(0), pages(4)));
	DONE(calls->remap_file_pages(at(1), page, 0, 3, 0));
	show_both();
	DONE(calls->remap_file_pages(at(6), page, 0, 3, 0));
	show_both();
}

static void *shmat_by_number(int id, const void *addr, int flags)
{
	return (void *)syscall(SYS_shmat, id, addr, flags);
}

static int shmdt_by_number(const void *addr)
{
	return (int)syscall(SYS_shmdt, addr);
}

static int remap_by_number(void *addr, size_t len, int prot, size_t pgoff,
			   int flags)
{
	return (int)syscall(SYS_remap_file_pages, addr, len, prot, pgoff,
			    flags);
}

static const struct calls by_name = { shmat, shmdt, remap_file_pages };
static const struct calls by_number = {
	shmat_by_number, shmdt_by_number, remap_by_number
};

void shm_attach(void)
{
	attach(&by_name);
}

void shm_attach_by_number(void)
{
	attach(&by_number);
}

void shm_remap(void)
{
	remap(&by_name);
}

void shm_remap_by_number(void)
{
	remap(&by_number);
}
