/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A part of preload_helper: print the bytes of an alternate stack that a
 * handler uses for a call, with the kernel's signal frame. Each call is the
 * first of its process. The program binds its symbols when it is loaded, so its
 * own symbol lookups are not counted.
 */
#include "config.h"

#include "preload/helper.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define BYTES		65536
#define UNUSED		0x5a

static unsigned char stack[BYTES];
static int nth;

static void call(int signal)
{
	(void)signal;
	switch (nth) {
	case 0:
		mlock(at(0), page);
		break;
	case 1:
		mlock2(at(0), page, 0);
		break;
	case 2:
		munlock(at(0), page);
		break;
	case 3:
		mmap(NULL, page, RW, ANON, -1, 0);
		break;
	case 4:
		mmap(NULL, page, RW, ANON | MAP_LOCKED, -1, 0);
		break;
	case 5:
		mmap(at(4), page, RW, OVER | MAP_LOCKED, -1, 0);
		break;
	case 6:
		munmap(at(1), page);
		break;
	case 7:
		mremap(at(0), pages(2), pages(4), MREMAP_MAYMOVE);
		break;
	case 8:
		mprotect(at(0), page, PROT_READ);
		break;
	}
}

static size_t used(void)
{
	size_t unused = 0;

	while (unused < BYTES && stack[unused] == UNUSED)
		unused++;
	return BYTES - unused;
}

static void measure(int is_other_locked)
{
	stack_t alternate = { .ss_sp = stack, .ss_size = BYTES };
	struct sigaction action = {
		.sa_handler = call, .sa_flags = SA_ONSTACK,
	};

	memset(stack, UNUSED, BYTES);
	if (sigaltstack(&alternate, NULL) ||
	    sigaction(SIGUSR1, &action, NULL) ||
	    (is_other_locked && mlock(at(6), page)))
		exit(14);
	raise(SIGUSR1);
	printf("%zu ", used());
	fflush(stdout);
	_exit(0);
}

void stack_used(void)
{
	int status;
	pid_t pid;

	for (int i = 0; i < 2 * 9; i++) {
		nth = i / 2;
		pid = fork();
		if (pid == 0)
			measure(i % 2);
		if (waitpid(pid, &status, 0) != pid || status)
			exit(15);
	}
	puts("");
}
