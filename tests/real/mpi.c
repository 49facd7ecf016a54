/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A program of Open MPI with a registration cache: mpi FILE. It locks all its
 * memory and sends itself buffers that are mapped anew each time, so that their
 * addresses come again with other contents.
 */
#define _GNU_SOURCE
#include <mpi.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define SIZE ((size_t)1 << 20)

static char *map(void)
{
	return mmap(NULL, SIZE, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static int send_once(int n)
{
	char *from = map(), *to = map();
	MPI_Request request;
	int same;

	memset(from, n, SIZE);
	MPI_Irecv(to, SIZE, MPI_CHAR, 0, 1, MPI_COMM_WORLD, &request);
	MPI_Send(from, SIZE, MPI_CHAR, 0, 1, MPI_COMM_WORLD);
	MPI_Wait(&request, MPI_STATUS_IGNORE);
	same = !memcmp(from, to, SIZE);
	munmap(from, SIZE);
	munmap(to, SIZE);
	return same;
}

int main(int argc, char **argv)
{
	int nsame = 0, locked = mlockall(MCL_CURRENT | MCL_FUTURE);
	FILE *f;

	(void)locked;	/* under a limit it may be refused */
	MPI_Init(&argc, &argv);
	for (int n = 0; n < 100; n++)
		nsame += send_once(n);
	f = argc > 1 ? fopen(argv[1], "w") : NULL;
	if (!f)
		return 1;
	fprintf(f, "%d of 100\n", nsame);
	fclose(f);
	pause();
	return 0;
}
