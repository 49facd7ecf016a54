/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reads ELF files by libelf. A file may have any contents: a part that is
 * malformed is not found. The caller judges the result.
 */
#ifndef LOF_ELF_FILE_H
#define LOF_ELF_FILE_H

#include <gelf.h>
#include <stdbool.h>
#include <stddef.h>

struct lof_elf {
	int fd;			/* stays open after lof_elf_close() */
	Elf *elf;
	GElf_Ehdr header;
};

/* False: it is not an ELF file. */
bool lof_elf_open(struct lof_elf *file, int fd);
void lof_elf_close(struct lof_elf *file);

/* Are the class and the machine those of this process? */
bool lof_elf_is_ours(const struct lof_elf *file);

/* Get the path of the dynamic loader. False: the file names none. */
bool lof_elf_loader(const struct lof_elf *file, char *loader, size_t size);

/* The same of this process. False: it is unknown. */
bool lof_elf_own_loader(char *loader, size_t size);

/* The first string of a tag in the dynamic section with a prefix, or NULL. */
const char *lof_elf_dynamic(const struct lof_elf *file, GElf_Sxword tag,
			    const char *prefix);

/* Does the dynamic symbol table define this symbol? */
bool lof_elf_defines(const struct lof_elf *file, const char *symbol);

#endif
