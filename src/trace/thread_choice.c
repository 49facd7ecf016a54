/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Locks belong to the memory, so a call in any thread of the process will do.
 * The kernel restarts most system calls after a stop as if nothing had
 * happened; a few it does not.
 */
#include "config.h"

#include "trace/thread_choice.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "trace/regs.h"
#include "trace/resume.h"

#define MOST_LOOKED_AT	64	/* threads of a process that has many */

/* The best first. */
enum rank {
	IN_RESTARTED_CALL, RUNNING, IN_SOCKET_CALL, IN_ENDED_CALL,
	UNINTERRUPTIBLE, NONE
};

static FILE *open_task(pid_t pid, pid_t tid, const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/task/%d/%s", (int)pid, (int)tid,
		 name);
	return fopen(path, "re");
}

/* The state is behind the name, which may contain anything. '\0': unknown */
static char state_of(pid_t pid, pid_t tid)
{
	FILE *file = open_task(pid, tid, "stat");
	char line[128] = "", *end;
	size_t n;

	if (!file)
		return '\0';
	n = fread(line, 1, sizeof(line) - 1, file);
	fclose(file);
	line[n] = '\0';
	end = strrchr(line, ')');
	return end && end[1] ? end[2] : '\0';
}

static bool is_confined(pid_t pid, pid_t tid)
{
	FILE *file = open_task(pid, tid, "status");
	int mode = 0;
	char line[256];

	if (!file)
		return false;
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "Seccomp: %d", &mode) == 1)
			break;
	fclose(file);
	return mode != 0;
}

/* The byte EI_CLASS of the executable. */
static bool is_32_bit(pid_t pid)
{
	char path[48], ident[5] = "";
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/exe", (int)pid);
	file = fopen(path, "re");
	if (!file)
		return false;
	if (fread(ident, 1, sizeof(ident), file) != sizeof(ident))
		ident[4] = 0;
	fclose(file);
	return ident[4] == 1;
}

static enum rank rank_of_call(pid_t tid, bool is_32)
{
	struct lof_blocked_call blocked;

	lof_blocked_call_read(tid, &blocked);
	switch (lof_regs_kind(blocked.number, is_32)) {
	case LOF_CALL_ENDS:
		return IN_ENDED_CALL;
	case LOF_CALL_SOCKET:
		return IN_SOCKET_CALL;
	default:
		return IN_RESTARTED_CALL;
	}
}

static enum rank rank_of(pid_t pid, pid_t tid, bool is_32)
{
	switch (state_of(pid, tid)) {
	case 'S':
	case 'T':
		return rank_of_call(tid, is_32);
	case 'R':
		return RUNNING;
	case 'D':
		return UNINTERRUPTIBLE;
	default:
		return NONE;
	}
}

static bool is_skipped(pid_t tid, const pid_t *skip, size_t nskip)
{
	for (size_t i = 0; i < nskip; i++)
		if (skip[i] == tid)
			return true;
	return false;
}

int lof_thread_choose(struct lof_thread *thread, pid_t pid, const pid_t *skip,
		      size_t nskip)
{
	enum rank rank, best = NONE;
	struct dirent *entry;
	bool is_32 = is_32_bit(pid);
	char path[32];
	int looked_at = 0;
	DIR *tasks;

	snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	tasks = opendir(path);
	if (!tasks)
		return -ESRCH;
	while (best > IN_RESTARTED_CALL && looked_at < MOST_LOOKED_AT &&
	       (entry = readdir(tasks))) {
		pid_t tid = atoi(entry->d_name);

		if (tid <= 0 || is_skipped(tid, skip, nskip))
			continue;
		looked_at++;
		rank = rank_of(pid, tid, is_32);
		if (rank < best) {
			best = rank;
			thread->tid = tid;
		}
	}
	closedir(tasks);
	if (best == NONE)
		return -ESRCH;
	thread->is_confined = is_confined(pid, thread->tid);
	return 0;
}
