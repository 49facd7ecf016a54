/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The argument of --max of lockonfault run: a size, or a percentage of the
 * memory of the machine, of RLIMIT_MEMLOCK or of the cgroup's memory limit.
 */
#include "config.h"

#include "cmd.h"

#include <err.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include "base/size.h"

#define GROUPS_FILE	"/proc/self/cgroup"
#define NO_LIMIT	UINT64_MAX

/* The path and the file name of the memory limits in a cgroup version. */
struct hierarchy {
	const char *mount, *name;
};

static const struct hierarchy v1 = {
	"/sys/fs/cgroup/memory", "memory.limit_in_bytes",
};
static const struct hierarchy v2 = { "/sys/fs/cgroup", "memory.max" };

/* A quantity that a percentage can refer to. */
struct whole {
	const char *prefix;
	int (*find)(uint64_t *bytes);	/* 0, or -1 after a message */
};

static int find_memory(uint64_t *bytes)
{
	struct sysinfo info;

	if (sysinfo(&info)) {
		warn("cannot get the size of the memory");
		return -1;
	}
	*bytes = (uint64_t)info.totalram * info.mem_unit;
	return 0;
}

static int find_rlimit(uint64_t *bytes)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_MEMLOCK, &limit)) {
		warn("cannot get RLIMIT_MEMLOCK");
		return -1;
	}
	if (limit.rlim_cur == RLIM_INFINITY) {
		warnx("RLIMIT_MEMLOCK is unlimited; "
		      "a percentage of it is meaningless");
		return -1;
	}
	*bytes = limit.rlim_cur;
	return 0;
}

/* Is word in a list such as "cpu,memory"? */
static bool has_word(const char *list, size_t len, const char *word)
{
	const char *end = list + len;

	for (;; list++) {
		size_t n = strcspn(list, ",:");

		if (n == strlen(word) && memcmp(list, word, n) == 0)
			return true;
		list += n;
		if (list >= end)
			return false;
	}
}

/*
 * line is "ID:CONTROLLERS:PATH". Return PATH if memory is charged in that
 * hierarchy, or else NULL. v1 has "memory" in CONTROLLERS. v2 has ID 0 and no
 * CONTROLLERS, and is used only if v1 does not have the memory controller.
 */
static const char *path_in(const char *line, const struct hierarchy **where)
{
	const char *list = strchr(line, ':'), *path;

	path = list ? strchr(++list, ':') : NULL;
	if (!path || path[1] != '/')
		return NULL;
	if (has_word(list, (size_t)(path - list), "memory"))
		*where = &v1;
	else if (strncmp(line, "0::", 3) == 0 && *where != &v1)
		*where = &v2;
	else
		return NULL;
	return path + 1;
}

/* Find the cgroup of this process: 0, or -1 after a message. */
static int find_group(char *group, size_t size, const struct hierarchy **where)
{
	FILE *file = fopen(GROUPS_FILE, "re");
	int err = file ? 0 : -errno;
	char line[PATH_MAX + 128];

	*where = NULL;
	while (!err && fgets(line, sizeof(line), file)) {
		size_t len = strcspn(line, "\n");
		const char *path;

		if (!line[len])
			err = -ENAMETOOLONG;
		line[len] = '\0';
		path = path_in(line, where);
		if (path && strlen(path) >= size)
			err = -ENAMETOOLONG;
		else if (path)
			strcpy(group, path);
	}
	if (file)
		fclose(file);
	if (!err)
		return 0;
	errno = -err;
	warn("cannot read " GROUPS_FILE);
	return -1;
}

/*
 * Lower *least to the limit in path. The file may be missing: the root cgroup
 * has no limit, and a cgroup has none if its parent does not enable the memory
 * controller.
 */
static int read_limit(const char *path, uint64_t *least)
{
	FILE *file = fopen(path, "re");
	char text[32] = "";
	uint64_t limit;

	if (!file && errno == ENOENT)
		return 0;
	if (!file) {
		warn("cannot read %s", path);
		return -1;
	}
	if (fgets(text, sizeof(text), file))
		text[strcspn(text, "\n")] = '\0';
	fclose(file);
	if (strcmp(text, "max") == 0)
		return 0;
	if (lof_size_parse(text, &limit)) {
		warnx("%s has an invalid limit: '%s'", path, text);
		return -1;
	}
	if (limit < *least)
		*least = limit;
	return 0;
}

/* The least limit from group up to the root; a limit binds all descendants. */
static int least_limit(const struct hierarchy *where, const char *group,
		       uint64_t *least)
{
	const size_t root = strlen(where->mount);
	char path[PATH_MAX + 64];
	char *end = stpcpy(stpcpy(path, where->mount), group);

	while (end >= path + root) {
		snprintf(end, sizeof(path) - (size_t)(end - path), "/%s",
			 where->name);
		if (read_limit(path, least))
			return -1;
		end = memrchr(path, '/', (size_t)(end - path));
	}
	return 0;
}

/* v1 shows the largest number of whole pages if there is no limit. */
static bool is_none(uint64_t limit)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);

	return limit >= INT64_MAX / page * page;
}

static int find_cgroup_limit(uint64_t *bytes)
{
	const struct hierarchy *where;
	char group[PATH_MAX];

	if (find_group(group, sizeof(group), &where))
		return -1;
	/* The path of a cgroup outside of our cgroup namespace begins so. */
	if (where && (strncmp(group, "/../", 4) == 0 ||
		      strcmp(group, "/..") == 0)) {
		warnx("the cgroup is outside of this namespace: %s", group);
		return -1;
	}
	*bytes = NO_LIMIT;
	if (where && least_limit(where, group, bytes))
		return -1;
	if (is_none(*bytes)) {
		warnx("the cgroup has no memory limit; "
		      "a percentage of it is meaningless");
		return -1;
	}
	return 0;
}

/* Parse "1%" to "100%". Return the number, or 0 if text is malformed. */
static unsigned int percent_parse(const char *text)
{
	unsigned int percent = 0;

	for (; *text >= '0' && *text <= '9'; text++) {
		percent = 10 * percent + (unsigned int)(*text - '0');
		if (percent > 100)
			return 0;
	}
	return strcmp(text, "%") == 0 ? percent : 0;
}

/* Convert a percentage such as "limit:50%" to bytes: 0, or -1 with message. */
static int find_part(const char *text, uint64_t *bytes)
{
	static const struct whole wholes[] = {
		{ "", find_memory },
		{ "limit:", find_rlimit },
		{ "cgroup:", find_cgroup_limit },
	};

	for (size_t i = 0; i < sizeof(wholes) / sizeof(*wholes); i++) {
		size_t len = strlen(wholes[i].prefix);
		unsigned int percent = 0;
		uint64_t whole;

		if (strncmp(text, wholes[i].prefix, len) == 0)
			percent = percent_parse(text + len);
		if (!percent)
			continue;
		if (wholes[i].find(&whole))
			return -1;
		*bytes = whole / 100 * percent + whole % 100 * percent / 100;
		return 0;
	}
	warnx("invalid argument '%s' for --max: "
	      "not SIZE, P%%, limit:P%% or cgroup:P%%", text);
	return -1;
}

int lof_max_parse(const char *text, uint64_t *bytes)
{
	if (lof_size_parse(text, bytes) && find_part(text, bytes))
		return -1;
	if (*bytes < (uint64_t)sysconf(_SC_PAGESIZE)) {
		warnx("--max %s is less than a page: %" PRIu64 " bytes", text,
		      *bytes);
		return -1;
	}
	/* The shim ignores a LOCKONFAULT_MAX that exceeds ULONG_MAX. */
	if (*bytes > ULONG_MAX)
		*bytes = ULONG_MAX;
	return 0;
}
