/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Programs that crash when their memory is locked: they discard pages by
 * madvise(2), which the kernel refuses for locked memory, and take the refusal
 * for a fatal error. The shim translates these calls; a call from outside does
 * not change them.
 */
#include "config.h"

#include "attach.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct sign {
	const char *name;		/* or the beginning of it */
	const char *runtime;
};

static const char v8[] = "V8";
static const char sbcl[] = "SBCL";

/* Names of executables, whole. */
static const struct sign executables[] = {
	{ "node", v8 }, { "nodejs", v8 }, { "deno", v8 }, { "electron", v8 },
	{ "chrome", v8 }, { "chromium", v8 }, { "chromium-browser", v8 },
	{ "msedge", v8 }, { "brave", v8 }, { "opera", v8 }, { "vivaldi", v8 },
	{ "QtWebEngineProcess", v8 }, { "sbcl", sbcl },
};

/* Beginnings of names of mapped files, and of names of anonymous memory. */
static const struct sign mappings[] = {
	{ "libnode.so", v8 }, { "libv8", v8 }, { "libcef.so", v8 },
	{ "v8_context_snapshot", v8 }, { "snapshot_blob.bin", v8 },
	{ "libQt5WebEngineCore.so", v8 }, { "libQt6WebEngineCore.so", v8 },
	{ "[anon:v8", v8 }, { "[anon:partition_alloc", v8 },
};

static const char *executable_runtime(int pid)
{
	char link[32], path[PATH_MAX], *name;
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/%d/exe", pid);
	n = readlink(link, path, sizeof(path) - 1);
	if (n < 0)
		return NULL;
	path[n] = '\0';
	name = strrchr(path, '/');
	name = name ? name + 1 : path;
	for (size_t i = 0; i < sizeof(executables) / sizeof(*executables); i++)
		if (strcmp(name, executables[i].name) == 0)
			return executables[i].runtime;
	return NULL;
}

/* A line of maps; its name is a path or "[anon:NAME]". */
static const char *mapping_runtime(const char *line)
{
	const char *name = strrchr(line, '/');

	name = name ? name + 1 : strchr(line, '[');
	if (!name)
		return NULL;
	for (size_t i = 0; i < sizeof(mappings) / sizeof(*mappings); i++)
		if (strncmp(name, mappings[i].name,
			    strlen(mappings[i].name)) == 0)
			return mappings[i].runtime;
	return NULL;
}

const char *lof_runtime_crashes(int pid)
{
	const char *runtime = executable_runtime(pid);
	char path[32], line[PATH_MAX + 128];
	FILE *maps;

	if (runtime)
		return runtime;
	snprintf(path, sizeof(path), "/proc/%d/maps", pid);
	maps = fopen(path, "re");
	if (!maps)
		return NULL;
	while (!runtime && fgets(line, sizeof(line), maps))
		runtime = mapping_runtime(line);
	fclose(maps);
	return runtime;
}
