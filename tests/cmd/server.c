/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A server that locks memory and touches a page of it, for tests/test_bench.sh.
 * Then it does what its other arguments say, one after the other, and waits to
 * be killed.
 */
#define _GNU_SOURCE

#include <arpa/inet.h>
#include <err.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define LIFE	600	/* seconds: nothing is left behind if a test fails */

/* Without huge pages, so that one touch populates one page. */
static void lock(size_t len)
{
	char *addr = mmap(NULL, len, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (addr == MAP_FAILED)
		err(2, "mmap");
	madvise(addr, len, MADV_NOHUGEPAGE);
	if (mlock(addr, len))
		err(2, "mlock");
	*addr = 1;
}

static int listen_at(const void *address, socklen_t len)
{
	const struct sockaddr *generic = address;
	int fd = socket(generic->sa_family, SOCK_STREAM, 0);

	if (fd < 0 || bind(fd, generic, len) || listen(fd, 8))
		err(2, "listen");
	return fd;
}

/* Port 0: the kernel chooses one. Returns the port. */
static int listen_port(const char *port)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_port = htons((uint16_t)atoi(port)),
		.sin_addr = { htonl(INADDR_LOOPBACK) },
	};
	socklen_t len = sizeof(address);
	int fd = listen_at(&address, len);

	if (getsockname(fd, (struct sockaddr *)&address, &len))
		err(2, "getsockname");
	return ntohs(address.sin_port);
}

static void listen_path(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	if (strlen(path) >= sizeof(address.sun_path))
		errx(2, "the path is too long");
	strcpy(address.sun_path, path);
	unlink(path);
	listen_at(&address, sizeof(address));
}

static void fork_and(const char *end_of)
{
	pid_t child = fork();

	if (child < 0)
		err(2, "fork");
	if (strcmp(end_of, "parent") == 0 && child > 0)
		exit(0);
	alarm(LIFE);
}

/* NAME:VALUE */
static void act(const char *name, const char *value)
{
	if (strcmp(name, "tcp") == 0)
		listen_port(value);
	else if (strcmp(name, "unix") == 0)
		listen_path(value);
	else if (strcmp(name, "say") == 0)
		puts(value);
	else if (strcmp(name, "exit") == 0)
		exit(atoi(value));
	else if (strcmp(name, "kill") == 0)
		raise(atoi(value));
	else if (strcmp(name, "ignore") == 0)
		signal(atoi(value), SIG_IGN);
	else if (strcmp(name, "fork") == 0)
		fork_and(value);
	else
		errx(2, "unknown: %s", name);
	fflush(stdout);
}

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "free-port") == 0)
		return printf("%d\n", listen_port("0")) < 0;
	if (argc < 2)
		errx(2, "usage: server free-port | BYTES [NAME:VALUE...]");
	alarm(LIFE);
	lock(strtoul(argv[1], NULL, 0));
	for (char **arg = argv + 2; *arg; arg++) {
		char *colon = strchr(*arg, ':');

		if (!colon)
			errx(2, "no colon: %s", *arg);
		*colon = '\0';
		act(*arg, colon + 1);
	}
	for (;;)
		pause();
}
