/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The main function without libFuzzer: run each file of a corpus once. */
#include "config.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int main(int argc, char **argv)
{
	static uint8_t data[1 << 16];

	for (int i = 1; i < argc; i++) {
		FILE *input = fopen(argv[i], "rbe");
		size_t size;

		if (!input) {
			perror(argv[i]);
			return 1;
		}
		size = fread(data, 1, sizeof(data), input);
		fclose(input);
		LLVMFuzzerTestOneInput(data, size);
	}
	printf("%d inputs\n", argc - 1);
	return argc > 1 ? 0 : 1;
}
