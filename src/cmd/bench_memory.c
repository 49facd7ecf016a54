/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* lockonfault bench: the descendants of this process and their memory. */
#include "config.h"

#include "bench.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "process.h"

struct entry {
	int pid, parent;
	char state;
	bool below;			/* it is a descendant */
	/* Faults, with those of children that have ended. */
	uint64_t minor, major;
};

struct entries {
	struct entry *at;
	size_t n, room;
};

static FILE *open_file(int pid, const char *name)
{
	char path[48];

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	return fopen(path, "re");
}

/* The name, in brackets, may contain anything. */
static bool parse_stat(const char *text, struct entry *entry)
{
	const char *bracket = strrchr(text, ')');
	uint64_t children[2];

	if (!bracket || sscanf(bracket + 1, " %c %d %*d %*d %*d %*d %*u "
			       "%" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64,
			       &entry->state, &entry->parent, &entry->minor,
			       &children[0], &entry->major, &children[1]) != 6)
		return false;
	entry->minor += children[0];
	entry->major += children[1];
	return true;
}

static bool read_stat(int pid, struct entry *entry)
{
	FILE *file = open_file(pid, "stat");
	char text[1024];
	size_t n;

	if (!file)
		return false;
	n = fread(text, 1, sizeof(text) - 1, file);
	fclose(file);
	text[n] = '\0';
	*entry = (struct entry){ .pid = pid };
	return parse_stat(text, entry);
}

static int add_entry(struct entries *all, const struct entry *entry)
{
	if (all->n == all->room) {
		size_t room = 2 * all->room + 64;
		struct entry *at = reallocarray(all->at, room, sizeof(*at));

		if (!at)
			return -ENOMEM;
		all->at = at;
		all->room = room;
	}
	all->at[all->n++] = *entry;
	return 0;
}

static int read_all(struct entries *all)
{
	DIR *proc = opendir("/proc");
	struct dirent *name;
	struct entry entry;
	int err = 0;

	if (!proc)
		return -errno;
	while (!err && (name = readdir(proc))) {
		int pid = atoi(name->d_name);

		if (pid > 0 && read_stat(pid, &entry))
			err = add_entry(all, &entry);
	}
	closedir(proc);
	return err;
}

static bool is_below(const struct entries *all, int parent)
{
	if (parent == getpid())
		return true;
	for (size_t i = 0; i < all->n; i++)
		if (all->at[i].pid == parent)
			return all->at[i].below;
	return false;
}

static void find_descendants(struct entries *all)
{
	bool found;

	do {
		found = false;
		for (size_t i = 0; i < all->n; i++) {
			struct entry *entry = &all->at[i];

			if (entry->below || !is_below(all, entry->parent))
				continue;
			entry->below = true;
			found = true;
		}
	} while (found);
}

int lof_bench_children(void (*visit)(int pid, void *arg), void *arg)
{
	struct entries all = { .n = 0 };
	int ret = read_all(&all);

	for (size_t i = 0; ret >= 0 && i < all.n; i++) {
		if (all.at[i].parent != getpid() || all.at[i].state == 'Z')
			continue;
		visit(all.at[i].pid, arg);
		ret++;
	}
	free(all.at);
	return ret;
}

static void add(struct lof_sample *sample, enum lof_figure figure,
		uint64_t value)
{
	sample->value[figure] += value;
	sample->has[figure] = true;
}

/* "VmRSS:      1234 kB" */
static void read_sizes(struct lof_sample *sample, int pid)
{
	static const struct {
		const char *name;
		enum lof_figure figure;
	} sizes[] = {
		{ "VmHWM:", LOF_BENCH_PEAK },
		{ "VmRSS:", LOF_BENCH_RESIDENT },
		{ "RssAnon:", LOF_BENCH_ANONYMOUS },
	};
	FILE *file = open_file(pid, "status");
	char line[256], name[16];
	uint64_t kib;

	if (!file)
		return;
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%15s %" SCNu64, name, &kib) != 2)
			continue;
		for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++)
			if (strcmp(name, sizes[i].name) == 0)
				add(sample, sizes[i].figure, 1024 * kib);
	}
	fclose(file);
}

/* Sets *hidden if the locked memory cannot be read. */
static void add_process(struct lof_sample *sample, const struct entry *entry,
			bool *hidden)
{
	struct lof_process process;

	if (lof_process_open(&process, entry->pid) || !process.has_charge)
		return;
	read_sizes(sample, entry->pid);
	add(sample, LOF_BENCH_MINFLT, entry->minor);
	add(sample, LOF_BENCH_MAJFLT, entry->major);
	add(sample, LOF_BENCH_CHARGED, process.charged);
	lof_process_read_areas(&process);
	if (process.has_areas)
		add(sample, LOF_BENCH_LOCKED, process.locked);
	else
		*hidden = true;
}

int lof_bench_memory(struct lof_sample *sample)
{
	struct entries all = { .n = 0 };
	int err = read_all(&all);
	bool hidden = false;

	find_descendants(&all);
	for (size_t i = 0; !err && i < all.n; i++)
		if (all.at[i].below)
			add_process(sample, &all.at[i], &hidden);
	/* A sum without one process would be wrong. */
	if (hidden)
		sample->has[LOF_BENCH_LOCKED] = false;
	free(all.at);
	return err;
}
