/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A small server for real.sh: serve SOCKET all | model FILE. With all, it locks
 * all its memory, then maps 16 MiB and starts a thread for each answer. With
 * model, it maps FILE as llama.cpp maps a model: shared and populated, then
 * locked piece by piece. It reads a quarter of the memory.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static char *memory;
static size_t size;

static void *sum(void *result)
{
	long *total = result;

	for (size_t i = 0; i < size / 4; i += 64)
		*total += memory[i];
	return NULL;
}

static int answer(int client)
{
	char line[64];
	pthread_t thread;
	long total = 0;
	int len;

	if (read(client, line, sizeof(line)) <= 0)
		return 0;
	if (pthread_create(&thread, NULL, sum, &total))
		return 2;
	pthread_join(thread, NULL);
	len = snprintf(line, sizeof(line), "%zu bytes, sum %ld\n", size, total);
	return write(client, line, len) == len ? 0 : 2;
}

static int lock_all(void)
{
	if (mlockall(MCL_CURRENT | MCL_FUTURE)) {
		perror("mlockall");
		return 1;
	}
	size = 16 << 20;
	memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED) {
		perror("mmap");
		return 1;
	}
	memset(memory, 1, size / 4);
	return 0;
}

static int lock_model(const char *file)
{
	size_t piece = 1 << 20;
	struct stat st;
	int fd = open(file, O_RDONLY);

	if (fd < 0 || fstat(fd, &st))
		return 1;
	size = st.st_size;
	memory = mmap(NULL, size, PROT_READ, MAP_SHARED | MAP_POPULATE, fd, 0);
	if (memory == MAP_FAILED)
		return 1;
	close(fd);
	for (size_t i = 0; i < size; i += piece)
		if (mlock(memory + i, piece)) {
			perror("mlock");	/* llama.cpp goes on, too */
			break;
		}
	return 0;
}

int main(int argc, char **argv)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int s, client;

	if (argc < 3 || (argc > 3 ? lock_model(argv[3]) : lock_all()))
		return 1;
	signal(SIGPIPE, SIG_IGN);
	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", argv[1]);
	s = socket(AF_UNIX, SOCK_STREAM, 0);
	if (bind(s, (struct sockaddr *)&addr, sizeof(addr)) || listen(s, 8))
		return 1;
	while ((client = accept(s, NULL, NULL)) >= 0) {
		if (answer(client))
			return 2;
		close(client);
	}
	return 0;
}
