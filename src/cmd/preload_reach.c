/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Does LD_PRELOAD have an effect on a program? The answer comes from the
 * program's file, which is only read. The file may have any contents, and may
 * be replaced before it is executed.
 */
#include "config.h"

#include "cmd.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "elf_file.h"

#define MAX_SCRIPTS	5	/* a script whose interpreter is a script ... */

struct program {
	int fd;
	struct stat st;
	size_t filled;			/* bytes of text */
	char text[256];			/* BINPRM_BUF_SIZE of the kernel */
};

static bool program_open(struct program *program, const char *path)
{
	ssize_t n;

	program->fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (program->fd < 0)
		return false;
	if (fstat(program->fd, &program->st) == 0 &&
	    S_ISREG(program->st.st_mode)) {
		n = pread(program->fd, program->text, sizeof(program->text),
			  0);
		if (n >= 0) {
			program->filled = (size_t)n;
			return true;
		}
	}
	close(program->fd);
	return false;
}

/* Get the interpreter of "#!/bin/sh -e": "/bin/sh". */
static bool script_interpreter(const struct program *program, char *path)
{
	const char *text = program->text;
	size_t at = 2, len = 0;

	if (program->filled < 2 || memcmp(text, "#!", 2) != 0)
		return false;
	while (at < program->filled && (text[at] == ' ' || text[at] == '\t'))
		at++;
	while (at + len < program->filled && text[at + len] &&
	       !strchr(" \t\n", text[at + len]))
		len++;
	memcpy(path, text + at, len);
	path[len] = '\0';
	return len > 0;
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* The shim works with the dynamic loader of the command, and with musl's. */
static bool is_our_loader(const char *loader)
{
	char ours[PATH_MAX];

	return !lof_elf_own_loader(ours, sizeof(ours)) ||
	       strcmp(base_name(ours), base_name(loader)) == 0 ||
	       strncmp(base_name(loader), "ld-musl-", 8) == 0;
}

/*
 * The kernel sets AT_SECURE, which makes ld.so ignore LD_PRELOAD, only if the
 * user ID, the group ID or the capabilities really change.
 */
static const char *gains_privilege(const struct program *program)
{
	const mode_t set_gid = S_ISGID | S_IXGRP;
	const struct stat *st = &program->st;
	struct statvfs fs;

	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 ||
	    (fstatvfs(program->fd, &fs) == 0 && fs.f_flag & ST_NOSUID))
		return NULL;
	if (st->st_mode & S_ISUID && st->st_uid != getuid())
		return "it is set-user-ID";
	if ((st->st_mode & set_gid) == set_gid && st->st_gid != getgid())
		return "it is set-group-ID";
	if (getuid() != 0 &&
	    fgetxattr(program->fd, "security.capability", NULL, 0) > 0)
		return "it has file capabilities";
	return NULL;
}

static const char *judge_elf(const struct lof_elf *file)
{
	char path[PATH_MAX];
	const char *loader = path;

	if (!lof_elf_is_ours(file))
		return "it is for another machine or word size";
	/*
	 * "ld.so PROGRAM" honours LD_PRELOAD for PROGRAM. ld.so has many names,
	 * but one soname.
	 */
	if (!lof_elf_loader(file, path, sizeof(path)))
		loader = lof_elf_dynamic(file, DT_SONAME, "");
	if (!loader)
		return "it is statically linked";
	if (!is_our_loader(loader))
		return "it uses a different dynamic loader";
	return NULL;
}

static void judge(const struct program *program, struct lof_target *target)
{
	struct lof_elf file;

	target->why = gains_privilege(program);
	target->gains = target->why;
	if (target->gains || !lof_elf_open(&file, program->fd))
		return;
	target->why = judge_elf(&file);
	/* The runtime of AddressSanitizer aborts if a library comes first. */
	if (!target->why && lof_elf_dynamic(&file, DT_NEEDED, "libasan.so.")) {
		target->why = "AddressSanitizer must be loaded first";
		target->refuses = true;
	}
	lof_elf_close(&file);
}

void lof_target_examine(const char *path, struct lof_target *target)
{
	char interpreter[sizeof(((struct program *)0)->text) + 1];
	struct program program;
	bool is_script = true;

	*target = (struct lof_target){ .why = NULL };
	for (int i = 0; i < MAX_SCRIPTS && is_script; i++) {
		if (!program_open(&program, path))
			return;
		is_script = script_interpreter(&program, interpreter);
		if (is_script)
			path = interpreter;
		else
			judge(&program, target);
		close(program.fd);
	}
}
