/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A part of preload_helper: two parts of a program lock the same pages, and one
 * of them unlocks.
 */
#include "config.h"

#include "preload/helper.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/truth.h"

int mlock2(const void *addr, size_t len, unsigned int flags);

void holds_stack(void)
{
	DONE(mlock(at(0), pages(4)));
	DONE(mlock2(at(2), pages(4), 0));
	SHOW();
	DONE(munlock(at(0), pages(4)));		/* pages 2 and 3 stay */
	SHOW();
	DONE(mlock2(at(5), pages(1), MLOCK_ONFAULT));
	DONE(munlock(at(0), pages(HELPER_PAGES)));
	SHOW();
	DONE(munlock(at(5), 1));
	SHOW();
	DONE(munlock(at(5), 1));		/* no lock: as bare */
	SHOW();
}

void holds_by_number(void)
{
	DONE((int)syscall(SYS_mlock, at(0), pages(4)));
	DONE((int)syscall(SYS_mlock2, at(2), pages(4), 1));
	DONE((int)syscall(SYS_munlock, at(0), pages(8)));
	SHOW();
	DONE((int)syscall(SYS_munlock, at(2), pages(2)));
	SHOW();
}

/* Failures: a hole, unknown flags, a length that wraps. */
void holds_fail(void)
{
	munmap(at(5), pages(1));
	DONE(mlock(at(0), pages(4)));
	DONE(mlock(at(3), pages(4)));		/* page 4 is locked, too */
	DONE(mlock2(at(0), pages(2), 8));
	DONE(mlock2(at(0), pages(2), (unsigned int)-1));
	DONE(mlock(at(0), (size_t)-1));
	DONE(munlock(at(0), (size_t)-1));
	DONE(mlock(at(0), 0));
	DONE(munlock(at(0), 0));
	DONE(munlock(at(2), pages(6)));		/* 0 and 1 are left */
	mmap(at(5), pages(1), RW, OVER, -1, 0);
	SHOW();
}

/* The life of a count: mremap, munmap, fork, munlockall. */
void holds_live(void)
{
	int status = 0;
	pid_t child;

	DONE(mlock(at(0), pages(4)) || mlock(at(0), pages(4)));
	DONE_MAP(mremap(at(0), pages(2), pages(2), MREMAP_MAYMOVE |
			MREMAP_FIXED, at(6)));
	DONE_MAP(mmap(at(0), pages(2), RW, OVER, -1, 0));
	DONE_MAP(mmap(at(3), pages(1), RW, OVER, -1, 0));
	DONE(mlock(at(3), pages(1)));
	DONE(munlock(at(0), pages(8)));		/* 2, 6 and 7 are held once */
	SHOW();
	fflush(stdout);
	child = fork();
	if (child == 0) {
		DONE(mlock(at(2), pages(2)));
		DONE(munlock(at(2), pages(1)));
		SHOW();
		exit(0);
	}
	if (child < 0 || waitpid(child, &status, 0) != child || status)
		exit(3);
	SHOW();
	DONE(munlockall());
	SHOW();
	DONE(mlock(at(2), pages(1)));
	DONE(munlock(at(2), pages(1)));
	SHOW();
}

/* A page is locked as often as a count can tell, and more. */
void holds_many(void)
{
	int failed = 0;

	for (int i = 0; i < 3000; i++)
		failed += mlock(at(1), page) != 0;
	for (int i = 0; i < 2046; i++)
		failed += munlock(at(1), page) != 0;
	printf("%d ", failed);
	SHOW();
	DONE(munlock(at(1), page));
	SHOW();
}

void holds_nobody(void)
{
	helper_become_nobody(pages(8));
	DONE(mlock(at(0), pages(6)));
	DONE(mlock(at(0), pages(9)));
	DONE(munlock(at(0), pages(5)));
	SHOW();
}

/* mlockall() adds to no count. */
void holds_all(void)
{
	DONE(mlock(at(0), pages(2)) || mlock(at(0), pages(1)));
	DONE(mlockall(MCL_CURRENT));
	DONE(munlock(at(0), pages(4)));
	SHOW();
}

/* With LOCKONFAULT_MAX: a scan locks what was touched and is still held. */
void holds_bound(void)
{
	DONE(mlock(at(0), pages(4)) || mlock(at(2), pages(4)));
	DONE(munlock(at(0), pages(4)));
	for (size_t i = 0; i < 8; i++)
		helper_touch(i);
	for (int i = 0; i < 50 && !truth_vmlck(); i++)
		usleep(20000);
	SHOW();
}
