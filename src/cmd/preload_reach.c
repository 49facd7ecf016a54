/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Does LD_PRELOAD have an effect on a program? The answer comes from the
 * program's file, which is only read. The file may have any contents, and may
 * be replaced before it is executed.
 */
#include "config.h"

#include "cmd.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <link.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#define OUR_CLASS	(sizeof(void *) == 8 ? ELFCLASS64 : ELFCLASS32)
#define MAX_SCRIPTS	5	/* a script whose interpreter is a script ... */

struct program {
	int fd;
	struct stat st;
	size_t filled;			/* bytes of head */
	union {
		ElfW(Ehdr) elf;
		char text[256];		/* BINPRM_BUF_SIZE of the kernel */
	} head;
};

static bool program_open(struct program *program, const char *path)
{
	ssize_t n;

	program->fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (program->fd < 0)
		return false;
	if (fstat(program->fd, &program->st) == 0 &&
	    S_ISREG(program->st.st_mode)) {
		n = pread(program->fd, &program->head, sizeof(program->head),
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
	const char *text = program->head.text;
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

/* Get the path of the dynamic loader. False: the program has none. */
static bool program_loader(const struct program *program, char *loader,
			   size_t size)
{
	const ElfW(Ehdr) *elf = &program->head.elf;
	ElfW(Phdr) header;

	for (unsigned int i = 0; i < elf->e_phnum; i++) {
		off_t at = (off_t)elf->e_phoff +
			   (off_t)(i * sizeof(header));
		ssize_t n;

		if (pread(program->fd, &header, sizeof(header), at) !=
		    (ssize_t)sizeof(header))
			return false;
		if (header.p_type != PT_INTERP)
			continue;
		if (header.p_filesz < size)
			size = header.p_filesz + 1;
		n = pread(program->fd, loader, size - 1,
			  (off_t)header.p_offset);
		loader[n > 0 ? n : 0] = '\0';
		return true;
	}
	return false;
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* The shim works with the dynamic loader of the command, and with musl's. */
static bool is_our_loader(const char *loader)
{
	struct program self;
	char ours[PATH_MAX];
	bool same = true;

	if (!program_open(&self, "/proc/self/exe"))
		return true;
	if (program_loader(&self, ours, sizeof(ours)))
		same = strcmp(base_name(ours), base_name(loader)) == 0 ||
		       strncmp(base_name(loader), "ld-musl-", 8) == 0;
	close(self.fd);
	return same;
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

static const char *judge(const struct program *program)
{
	const ElfW(Ehdr) *elf = &program->head.elf;
	const char *why = gains_privilege(program);
	char loader[PATH_MAX];

	if (why)
		return why;
	if (program->filled < sizeof(*elf) ||
	    memcmp(elf->e_ident, ELFMAG, SELFMAG) != 0)
		return NULL;
	if (elf->e_ident[EI_CLASS] != OUR_CLASS)
		return OUR_CLASS == ELFCLASS64 ? "it is not a 64-bit program" :
						 "it is not a 32-bit program";
	if (!program_loader(program, loader, sizeof(loader)))
		return "it is statically linked";
	if (!is_our_loader(loader))
		return "it uses a different dynamic loader";
	return NULL;
}

const char *lof_target_out_of_reach(const char *path)
{
	char interpreter[sizeof(((struct program *)0)->head) + 1];
	struct program program;
	const char *why = NULL;
	bool is_script = true;

	for (int i = 0; i < MAX_SCRIPTS && is_script; i++) {
		if (!program_open(&program, path))
			return NULL;
		is_script = script_interpreter(&program, interpreter);
		if (is_script)
			path = interpreter;
		else
			why = judge(&program);
		close(program.fd);
	}
	return why;
}
