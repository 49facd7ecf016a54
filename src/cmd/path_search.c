/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The file that execvp would execute, to examine it before execvp. */
#include "config.h"

#include "cmd.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool is_executable(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode) &&
	       access(path, X_OK) == 0;
}

/* Make dir/name. An empty dir is the current directory. */
static int join(char *path, size_t size, const char *dir, size_t len,
		const char *name)
{
	int n;

	if (len == 0) {
		dir = ".";
		len = 1;
	}
	if (len >= size)
		return -ENAMETOOLONG;
	n = snprintf(path, size, "%.*s/%s", (int)len, dir, name);
	return n < 0 || (size_t)n >= size ? -ENAMETOOLONG : 0;
}

int lof_find_command(const char *name, char *path, size_t size)
{
	const char *dirs = getenv("PATH");

	if (!*name)
		return -ENOENT;
	if (strchr(name, '/')) {
		if (strlen(name) >= size)
			return -ENAMETOOLONG;
		strcpy(path, name);
		return is_executable(path) ? 0 : -ENOENT;
	}
	/* The default of glibc's execvp. */
	if (!dirs)
		dirs = "/bin:/usr/bin";
	for (;; dirs++) {
		size_t len = strcspn(dirs, ":");

		if (join(path, size, dirs, len, name) == 0 &&
		    is_executable(path))
			return 0;
		dirs += len;
		if (!*dirs)
			return -ENOENT;
	}
}
