/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A part of preload_helper: locks of several kinds of memory. */
#include "config.h"

#include "preload/helper.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "support/truth.h"

int mlock2(const void *addr, size_t len, unsigned int flags);

static char file_name[] = P_tmpdir "/lof-skip.XXXXXX";
static char *heap;

/*
 * The arena: 0 and 1 are a file, 2 and 3 shared memory, the rest is anonymous.
 * heap is a page of the heap.
 */
static void build(void)
{
	int saved = errno, fd = mkstemp(file_name);

	if (fd < 0 || ftruncate(fd, (off_t)pages(2)) ||
	    mmap(at(0), pages(2), RW, MAP_SHARED | MAP_FIXED, fd, 0) ==
	    MAP_FAILED ||
	    mmap(at(2), pages(2), RW, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED,
		 -1, 0) == MAP_FAILED)
		exit(5);
	close(fd);
	unlink(file_name);
	heap = sbrk((intptr_t)pages(4));
	if (heap == (void *)-1)
		exit(6);
	heap = (char *)(((uintptr_t)heap + page - 1) & ~(page - 1));
	errno = saved;
}

static void show_kinds(void)
{
	char kinds[3][2];
	uintptr_t here = (uintptr_t)&kinds & ~(page - 1);

	truth_kinds(heap, 1, kinds[0]);
	truth_kinds((void *)here, 1, kinds[1]);
	truth_kinds((void *)((uintptr_t)show_kinds & ~(page - 1)), 1, kinds[2]);
	printf("heap %s stack %s text %s ", kinds[0], kinds[1], kinds[2]);
	SHOW();
}

void skip_locks(void)
{
	build();
	DONE(mlock(at(0), pages(6)));
	SHOW();
	DONE(munlock(at(0), pages(6)));
	DONE(mlock2(at(1), pages(4), 0));
	SHOW();
	DONE(mlock(heap, pages(1)));
	show_kinds();
}

void skip_fails(void)
{
	build();
	munmap(at(5), pages(1));
	DONE(mlock(at(0), pages(7)));
	DONE(mlock(at(0), (size_t)-1));
	DONE(mlock2(at(0), pages(2), 8));
	mmap(at(5), pages(1), RW, OVER, -1, 0);
	SHOW();
}

void skip_maps(void)
{
	build();
	DONE_MAP(mmap(at(2), pages(1), RW, OVER | MAP_LOCKED, -1, 0));
	DONE_MAP(mmap(at(3), pages(1), RW, MAP_SHARED | MAP_ANONYMOUS |
		      MAP_FIXED | MAP_LOCKED, -1, 0));
	SHOW();
}

/* The stack of the thread is locked after the thread was made. */
static pthread_barrier_t is_made;

static void *show_thread(void *unused)
{
	char kind[2];

	pthread_barrier_wait(&is_made);
	truth_kinds((void *)((uintptr_t)&unused & ~(page - 1)), 1, kind);
	printf("thread %s\n", kind);
	return NULL;
}

static void all(int flags)
{
	pthread_t thread;

	build();
	DONE(mlockall(flags));
	show_kinds();
	DONE_MAP(mmap(at(2), pages(1), RW, OVER, -1, 0));
	DONE_MAP(mmap(at(4), pages(1), RW, MAP_SHARED | MAP_ANONYMOUS |
		      MAP_FIXED, -1, 0));
	SHOW();
	if (pthread_barrier_init(&is_made, NULL, 2) ||
	    pthread_create(&thread, NULL, show_thread, NULL))
		exit(7);
	pthread_barrier_wait(&is_made);
	pthread_join(thread, NULL);
	DONE(munlockall());
	SHOW();
}

void skip_all(void)
{
	all(MCL_CURRENT | MCL_FUTURE);
}

void skip_current(void)
{
	all(MCL_CURRENT);
}

void skip_nobody(void)
{
	helper_become_nobody((size_t)8 << 20);
	all(MCL_CURRENT | MCL_FUTURE);
}

void skip_loaded(void)
{
	show_kinds();
}

/* The heap grows unseen: a thread of the library locks it. */
void skip_grows(void)
{
	char kind[2] = ".";

	build();
	DONE(mlockall(MCL_CURRENT | MCL_FUTURE));
	heap = (char *)(((uintptr_t)sbrk((intptr_t)pages(64)) + page - 1) &
			~(page - 1)) + pages(32);
	*heap = 1;
	for (int i = 0; i < 50 && kind[0] == '.'; i++) {
		usleep(20000);
		truth_kinds(heap, 1, kind);
	}
	show_kinds();
}

/* With LOCKONFAULT_MAX. */
void skip_bound(void)
{
	build();
	DONE(mlock(at(0), pages(6)));
	for (size_t i = 0; i < 8; i++)
		helper_touch(i);
	for (int i = 0; i < 50 && !truth_vmlck(); i++)
		usleep(20000);
	SHOW();
}

/* No file can be opened. */
void skip_blind(void)
{
	struct rlimit none, old;

	build();
	getrlimit(RLIMIT_NOFILE, &old);
	none = old;
	none.rlim_cur = 3;
	setrlimit(RLIMIT_NOFILE, &none);
	DONE(mlock(at(0), pages(6)));
	setrlimit(RLIMIT_NOFILE, &old);
	SHOW();
}
