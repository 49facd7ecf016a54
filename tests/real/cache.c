/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A registration cache: cache FILE. UCX patches the code of libc, so that it
 * sees which memory a program unmaps. The program locks all its memory, unmaps
 * some by different calls, and writes to FILE how many of them UCX saw.
 */
#define _GNU_SOURCE
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <ucm/api/ucm.h>
#include <unistd.h>

#define SIZE ((size_t)1 << 20)

static uintptr_t wanted;
static int nseen;

static void see(ucm_event_type_t type, ucm_event_t *event, void *arg)
{
	uintptr_t start = (uintptr_t)event->vm_unmapped.address;

	(void)type;
	(void)arg;
	if (wanted && start <= wanted &&
	    wanted < start + event->vm_unmapped.size)
		nseen++;
}

static char *map(void)
{
	char *memory = mmap(NULL, SIZE, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	wanted = (uintptr_t)memory;
	memory[0] = 1;
	return memory;
}

static int count(int way)
{
	char *memory = map(), *moved = memory;

	nseen = 0;
	switch (way) {
	case 0:
		munmap(memory, SIZE);
		return nseen;
	case 1:
		moved = mmap(memory, SIZE, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
		break;
	case 2:
		moved = mremap(memory, SIZE, 4 * SIZE, MREMAP_MAYMOVE);
		break;
	case 3:
		madvise(memory, SIZE, MADV_DONTNEED);
		break;
	}
	way = nseen;
	wanted = 0;
	munmap(moved, SIZE);
	return way;
}

int main(int argc, char **argv)
{
	int err = ucm_set_event_handler(UCM_EVENT_VM_UNMAPPED, 0, see, NULL);
	int locked = mlockall(MCL_CURRENT | MCL_FUTURE);
	FILE *f = argc > 1 ? fopen(argv[1], "w") : NULL;

	if (!f)
		return 1;
	(void)locked;	/* under a limit it may be refused */
	fprintf(f, "%d: munmap %d, mmap %d, mremap %d, madvise %d\n", err,
		count(0), count(1), count(2), count(3));
	fclose(f);
	pause();
	return 0;
}
