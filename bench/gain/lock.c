/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Lock 256 MiB. gain.sh says how the programs of this folder behave. */
#define _GNU_SOURCE
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGES ((size_t)65536)
#define SIZE (PAGES * 4096)

int main(void)
{
	unsigned char *memory = mmap(NULL, SIZE, PROT_READ | PROT_WRITE,
				     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	unsigned long sum = 0;
	size_t i;

	if (memory == MAP_FAILED || mlock(memory, SIZE)) {
		perror("lock");
		return 1;
	}
	memory[0] = 1;
	puts("ready");
	fflush(stdout);
	if (getchar() != EOF) {
		for (i = 0; i < PAGES; i++)
			memory[i * 4096] = (unsigned char)i;
		for (i = 0; i < SIZE; i++)
			sum += memory[i];
		printf("sum %lu\n", sum);
		fflush(stdout);
	}
	for (;;)
		pause();
}
