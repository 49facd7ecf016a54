/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reads /proc/PID/status. */
#include "config.h"

#include "attach.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define FIRST_USER_NS	"user:[4026531837]"	/* PROC_USER_INIT_INO */

static void read_line(struct lof_status *status, const char *line)
{
	uint64_t kib;
	int flag;

	if (sscanf(line, "State: %c", &status->state) == 1 ||
	    sscanf(line, "Tgid: %d", &status->tgid) == 1 ||
	    sscanf(line, "TracerPid: %d", &status->tracer) == 1 ||
	    sscanf(line, "Seccomp: %d", &status->seccomp) == 1 ||
	    sscanf(line, "CapEff: %" SCNx64, &status->capabilities) == 1 ||
	    sscanf(line, "Uid: %u %u %u", &status->uid[0], &status->uid[1],
		   &status->uid[2]) == 3)
		return;
	if (sscanf(line, "VmSize: %" SCNu64, &kib) == 1)
		status->mapped = kib << 10;
	else if (sscanf(line, "Kthread: %d", &flag) == 1)
		status->is_kernel_thread = flag;
}

/* Before Linux 6.8 there is no line Kthread. */
int lof_status_read(struct lof_status *status, int pid)
{
	char path[32], line[256];
	FILE *file;

	*status = (struct lof_status){ .state = '?' };
	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	file = fopen(path, "re");
	if (!file)
		return -ESRCH;
	while (fgets(line, sizeof(line), file))
		read_line(status, line);
	fclose(file);
	if (!status->mapped && status->state != 'Z' && status->state != 'X')
		status->is_kernel_thread = true;
	return status->tgid ? 0 : -ESRCH;
}

bool lof_status_has_capability(const struct lof_status *status, int pid,
			       int capability)
{
	char path[32], name[64];
	ssize_t n;

	if (!(status->capabilities >> capability & 1))
		return false;
	snprintf(path, sizeof(path), "/proc/%d/ns/user", pid);
	n = readlink(path, name, sizeof(name) - 1);
	/* A kernel without user namespaces has no such file. */
	if (n < 0)
		return errno == ENOENT;
	name[n] = '\0';
	return strcmp(name, FIRST_USER_NS) == 0;
}
