/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Finds the shim, and puts it into LD_PRELOAD. */
#include "config.h"

#include "cmd.h"

#include <err.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SHIM_NAME	"liblockonfault-preload.so"

/* For a build that is not installed, or was moved after installation. */
static bool find_beside_us(char *path)
{
	char self[PATH_MAX], beside[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self));
	char *slash;
	int len;

	if (n <= 0 || (size_t)n >= sizeof(self))
		return false;
	self[n] = '\0';
	slash = strrchr(self, '/');
	if (!slash)
		return false;
	*slash = '\0';
	len = snprintf(beside, sizeof(beside), "%s/" SHIM_NAME, self);
	return len > 0 && (size_t)len < sizeof(beside) &&
	       realpath(beside, path) && access(path, R_OK) == 0;
}

static int find(const char *wanted, char *path)
{
	if (wanted) {
		if (realpath(wanted, path) && access(path, R_OK) == 0)
			return 0;
		warn("cannot read the shim %s", wanted);
		return -1;
	}
	if (find_beside_us(path))
		return 0;
	if (realpath(LOF_PRELOAD_FILE, path) && access(path, R_OK) == 0)
		return 0;
	warn("cannot read the shim %s", LOF_PRELOAD_FILE);
	return -1;
}

int lof_shim_find(const char *wanted, char *path, size_t size)
{
	char found[PATH_MAX];

	if (find(wanted, found))
		return -1;
	/* ld.so splits LD_PRELOAD at these; they cannot be quoted. */
	if (found[strcspn(found, ": \t\n\v\f\r")]) {
		warnx("LD_PRELOAD cannot hold a path with white space or ':': "
		      "'%s'", found);
		return -1;
	}
	if (strlen(found) >= size) {
		warnx("the path of the shim is too long: %s", found);
		return -1;
	}
	strcpy(path, found);
	return 0;
}

int lof_shim_preload(const char *shim)
{
	const char *before = getenv("LD_PRELOAD");
	char *both = NULL;
	int err;

	if (!before || !*before)
		err = setenv("LD_PRELOAD", shim, 1);
	else if (asprintf(&both, "%s:%s", shim, before) < 0)
		err = -1;
	else
		err = setenv("LD_PRELOAD", both, 1);
	if (err)
		warn("cannot set LD_PRELOAD");
	free(both);
	return err;
}
