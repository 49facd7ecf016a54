/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reads the facts that the library publishes in a process (base/published.h).
 * The process may have written anything there: each value is taken as a number
 * only, and nothing is read beyond the library's own data.
 */
#include "config.h"

#include "process.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

#include "base/published.h"
#include "kernel/smaps.h"

/* The library has less data, in all builds. */
#define DATA_MAX	((size_t)1 << 20)

/* False also for an address that is too large for this process. */
static bool read_memory(int pid, uint64_t addr, void *to, size_t len)
{
	struct iovec local = { to, len };
	struct iovec remote = { (void *)(uintptr_t)addr, len };

	return (uintptr_t)addr == addr &&
	       process_vm_readv(pid, &local, 1, &remote, 1, 0) == (ssize_t)len;
}

/* Does a line of maps describe the writable data of the library? */
static bool is_data(const char *line, uint64_t *start, size_t *len)
{
	static const char library[] = "/liblockonfault.so";
	const char *slash = strrchr(line, '/');
	uint64_t end;
	char perms[5];

	if (!slash || strncmp(slash, library, sizeof(library) - 1) != 0 ||
	    sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s", start, &end,
		   perms) != 3 || strcmp(perms, "rw-p") != 0)
		return false;
	*len = end - *start < DATA_MAX ? (size_t)(end - *start) : DATA_MAX;
	return true;
}

static bool find_mark(const char *data, size_t len,
		      struct lof_published *published)
{
	const char *at = memmem(data, len, LOF_PUBLISHED_MARK,
				sizeof(LOF_PUBLISHED_MARK));

	if (!at || (size_t)(data + len - at) < sizeof(*published))
		return false;
	memcpy(published, at, sizeof(*published));
	return true;
}

static bool read_data(int pid, uint64_t start, size_t len,
		      struct lof_published *published)
{
	char *data = malloc(len);
	bool found = data && read_memory(pid, start, data, len) &&
		     find_mark(data, len, published);

	free(data);
	return found;
}

static const char *shim_state(const struct lof_published *published)
{
	uint32_t shim = published->shim;

	switch (shim) {
	case LOF_PUBLISHED_ACTIVE:
		return published->bound && (published->is_stalled ||
					    !published->sync_ms) ?
		       "stalled" : "active";
	case LOF_PUBLISHED_INERT:
		return "inert";
	default:
		return "linked";
	}
}

/* A process may publish any number. */
static void take_faults(struct lof_process *process, uint64_t mark)
{
	struct lof_process_state state;

	if (!mark || lof_smaps_process(process->pid, &state) ||
	    state.faults < mark)
		return;
	process->has_mark = true;
	process->faults = state.faults - mark;
}

static void take(struct lof_process *process,
		 const struct lof_published *published)
{
	struct lof_published_live live = { 0 };

	if (published->live && !read_memory(process->pid, published->live,
					    &live, sizeof(live)))
		return;
	process->has_published = true;
	process->shim = shim_state(published);
	process->bound = published->bound;
	process->over = live.over;
	take_faults(process, live.faults);
	process->emulates = live.future & LOF_PUBLISHED_EMULATED;
	if (live.left_at == live.future)
		process->left_out = live.left_out;
}

void lof_process_read_published(struct lof_process *process)
{
	struct lof_published published;
	char path[32], *line = NULL;
	bool is_there = false, has_lines = false;
	size_t size = 0, len;
	uint64_t start;
	FILE *maps;

	snprintf(path, sizeof(path), "/proc/%d/maps", process->pid);
	maps = fopen(path, "re");
	if (!maps)
		return;
	while (!process->has_published && getline(&line, &size, maps) > 0) {
		has_lines = true;
		if (!is_data(line, &start, &len))
			continue;
		is_there = true;
		if (read_data(process->pid, start, len, &published))
			take(process, &published);
	}
	free(line);
	fclose(maps);
	if (has_lines && !is_there) {
		process->has_published = true;
		process->shim = "no";
	}
}
