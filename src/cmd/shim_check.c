/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Is a file a shim? ld.so would only print a message, or load any library. */
#include "config.h"

#include "cmd.h"

#include <err.h>
#include <fcntl.h>
#include <unistd.h>

#include "elf_file.h"

static const char *judge(const struct lof_elf *file)
{
	if (file->header.e_type != ET_DYN)
		return "it is not an ELF shared object";
	if (!lof_elf_is_ours(file))
		return "it is for another machine or word size";
	/* preload/hooks.c defines it as a mark. */
	if (!lof_elf_defines(file, "lof_preload"))
		return "it does not define lof_preload";
	return NULL;
}

int lof_shim_check(const char *path)
{
	const char *why = "it is not an ELF shared object";
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct lof_elf file;

	if (fd < 0) {
		warn("cannot read the shim %s", path);
		return -1;
	}
	if (lof_elf_open(&file, fd)) {
		why = judge(&file);
		lof_elf_close(&file);
	}
	close(fd);
	if (!why)
		return 0;
	warnx("%s is no shim: %s", path, why);
	return -1;
}
