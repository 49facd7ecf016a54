/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The argument of --ready of lockonfault bench: a socket accepts connections,
 * or a line of the output matches a pattern.
 */
#include "config.h"

#include "bench.h"

#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int parse_port(struct lof_ready *ready, const char *text)
{
	char *end;
	long port = strtol(text, &end, 10);

	if (*text < '0' || *text > '9' || *end || port < 1 || port > 65535) {
		warnx("invalid port: '%s'", text);
		return -1;
	}
	ready->kind = LOF_READY_TCP;
	ready->port = (int)port;
	return 0;
}

static int parse_path(struct lof_ready *ready, const char *text)
{
	if (!*text) {
		warnx("the path of the socket is empty");
		return -1;
	}
	if (strlen(text) >= sizeof(((struct sockaddr_un *)0)->sun_path)) {
		warnx("the path of the socket is too long: %s", text);
		return -1;
	}
	ready->kind = LOF_READY_UNIX;
	ready->path = text;
	return 0;
}

static int parse_pattern(struct lof_ready *ready, const char *text)
{
	int err = regcomp(&ready->pattern, text, REG_EXTENDED | REG_NOSUB);
	char message[128];

	if (err) {
		regerror(err, &ready->pattern, message, sizeof(message));
		warnx("invalid regular expression '%s': %s", text, message);
		return -1;
	}
	ready->kind = LOF_READY_LOG;
	return 0;
}

int lof_ready_parse(struct lof_ready *ready, const char *text)
{
	lof_ready_free(ready);
	ready->text = text;
	if (strncmp(text, "tcp:", 4) == 0)
		return parse_port(ready, text + 4);
	if (strncmp(text, "unix:", 5) == 0)
		return parse_path(ready, text + 5);
	if (strncmp(text, "log:", 4) == 0)
		return parse_pattern(ready, text + 4);
	warnx("invalid argument '%s' for --ready: "
	      "not tcp:PORT, unix:PATH or log:RE", text);
	return -1;
}

void lof_ready_free(struct lof_ready *ready)
{
	if (ready->kind == LOF_READY_LOG)
		regfree(&ready->pattern);
	ready->kind = LOF_READY_EXIT;
}

/* connect() waits only if the queue of the socket is full. */
static int try_connect(int type, const void *address, socklen_t len)
{
	const struct timeval patience = { .tv_usec = 100000 };
	const struct sockaddr *generic = address;
	int fd = socket(generic->sa_family, type | SOCK_CLOEXEC, 0);
	int err;

	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	err = connect(fd, generic, len) ? -errno : 0;
	close(fd);
	return err;
}

static bool port_accepts(int port)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_port = htons((uint16_t)port),
		.sin_addr = { htonl(INADDR_LOOPBACK) },
	};
	struct sockaddr_in6 address6 = {
		.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port),
		.sin6_addr = IN6ADDR_LOOPBACK_INIT,
	};
	int err = try_connect(SOCK_STREAM, &address, sizeof(address));

	if (err == -ECONNREFUSED)
		err = try_connect(SOCK_STREAM, &address6, sizeof(address6));
	return err == 0;
}

/* EAGAIN: the queue of the socket is full. */
static bool path_accepts(const char *path)
{
	static const int types[] = {
		SOCK_STREAM, SOCK_SEQPACKET, SOCK_DGRAM
	};
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int err = -EPROTOTYPE;

	strcpy(address.sun_path, path);
	for (size_t i = 0; err == -EPROTOTYPE &&
	     i < sizeof(types) / sizeof(*types); i++)
		err = try_connect(types[i], &address, sizeof(address));
	return err == 0 || err == -EAGAIN;
}

/* Add a byte of the output. Does it end a line that matches? */
static bool add_byte(struct lof_ready *ready, char byte)
{
	if (byte != '\n') {
		if (ready->len < sizeof(ready->line) - 1)
			ready->line[ready->len++] = byte ? byte : ' ';
		return false;
	}
	ready->line[ready->len] = '\0';
	ready->len = 0;
	return regexec(&ready->pattern, ready->line, 0, NULL, 0) == 0;
}

static bool line_matches(struct lof_ready *ready, int output)
{
	char buf[4096];
	ssize_t n;

	while ((n = pread(output, buf, sizeof(buf), ready->seen)) > 0) {
		ready->seen += n;
		for (ssize_t i = 0; i < n; i++)
			if (add_byte(ready, buf[i]))
				return true;
	}
	return false;
}

bool lof_ready_is(struct lof_ready *ready, int output)
{
	switch (ready->kind) {
	case LOF_READY_TCP:
		return port_accepts(ready->port);
	case LOF_READY_UNIX:
		return path_accepts(ready->path);
	case LOF_READY_LOG:
		return line_matches(ready, output);
	default:
		return false;
	}
}

int lof_ready_begin(struct lof_ready *ready, off_t seen)
{
	ready->seen = seen;
	ready->len = 0;
	if (ready->kind == LOF_READY_LOG || !lof_ready_is(ready, -1))
		return 0;
	warnx("%s accepts connections before CMD is started", ready->text);
	return -1;
}
