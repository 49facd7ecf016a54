/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reads /proc/TID/status. */
#include "config.h"

#include "trace/thread_status.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int read_file(pid_t tid, char *text, size_t size)
{
	ssize_t n, len = 0;
	char path[32];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)tid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -ESRCH;
	do {
		n = read(fd, text + len, size - 1 - (size_t)len);
		len += n > 0 ? n : 0;
	} while (n > 0);
	close(fd);
	text[len] = '\0';
	return n < 0 || len == 0 ? -ESRCH : 0;
}

/* The number in a line; 0: there is no such line. */
static uint64_t number(const char *text, const char *title, int base)
{
	const char *line = strstr(text, title);

	return line ? strtoull(line + strlen(title), NULL, base) : 0;
}

/* The first line is "Name:\tNAME\n". */
static void copy_name(char *name, size_t size, const char *text)
{
	const char *from = strchr(text, '\t');
	size_t i = 0;

	for (from += !!from; from && *from && *from != '\n' && i < size - 1;
	     from++)
		name[i++] = *from == ' ' ? '?' : *from;
	name[i] = '\0';
}

int lof_thread_status_read(pid_t tid, struct lof_thread_status *status)
{
	char text[8192];
	uint64_t caps;
	int err = read_file(tid, text, sizeof(text));

	if (err)
		return err;
	copy_name(status->name, sizeof(status->name), text);
	status->pid = (pid_t)number(text, "\nTgid:", 10);
	status->locked = number(text, "\nVmLck:", 10) * 1024;
	caps = number(text, "\nCapEff:", 16);
	status->may_lock = caps >> CAP_IPC_LOCK & 1;
	status->is_admin = caps >> CAP_SYS_ADMIN & caps >> CAP_SYS_PTRACE & 1;
	status->nfilters = (unsigned int)number(text, "\nSeccomp_filters:",
						10);
	return 0;
}
