/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reads ELF files by libelf. What the contents mean is not judged here. */
#include "config.h"

#include "elf_file.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

bool lof_elf_open(struct lof_elf *file, int fd)
{
	elf_version(EV_CURRENT);
	file->fd = fd;
	/* Without mmap: another process may truncate the file meanwhile. */
	file->elf = elf_begin(fd, ELF_C_READ, NULL);
	if (file->elf && elf_kind(file->elf) == ELF_K_ELF &&
	    gelf_getehdr(file->elf, &file->header))
		return true;
	elf_end(file->elf);
	return false;
}

void lof_elf_close(struct lof_elf *file)
{
	elf_end(file->elf);
}

static bool open_own(struct lof_elf *own)
{
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return false;
	if (lof_elf_open(own, fd))
		return true;
	close(fd);
	return false;
}

static void close_own(struct lof_elf *own)
{
	lof_elf_close(own);
	close(own->fd);
}

bool lof_elf_is_ours(const struct lof_elf *file)
{
	struct lof_elf own;
	bool same;

	if (!open_own(&own))
		return true;
	same = file->header.e_machine == own.header.e_machine &&
	       file->header.e_ident[EI_CLASS] == own.header.e_ident[EI_CLASS];
	close_own(&own);
	return same;
}

bool lof_elf_loader(const struct lof_elf *file, char *loader, size_t size)
{
	GElf_Phdr header;

	for (int i = 0; gelf_getphdr(file->elf, i, &header); i++) {
		ssize_t n;

		if (header.p_type != PT_INTERP)
			continue;
		if (header.p_filesz < size)
			size = header.p_filesz + 1;
		n = pread(file->fd, loader, size - 1, (off_t)header.p_offset);
		loader[n > 0 ? n : 0] = '\0';
		return true;
	}
	return false;
}

bool lof_elf_own_loader(char *loader, size_t size)
{
	struct lof_elf own;
	bool found;

	if (!open_own(&own))
		return false;
	found = lof_elf_loader(&own, loader, size);
	close_own(&own);
	return found;
}

/* The data and the header of the first section of a type; NULL: none. */
static Elf_Data *section_of(const struct lof_elf *file, GElf_Word type,
			    GElf_Shdr *header)
{
	Elf_Scn *section = NULL;

	while ((section = elf_nextscn(file->elf, section)))
		if (gelf_getshdr(section, header) && header->sh_type == type)
			return elf_getdata(section, NULL);
	return NULL;
}

const char *lof_elf_dynamic(const struct lof_elf *file, GElf_Sxword tag,
			    const char *prefix)
{
	GElf_Shdr header;
	Elf_Data *data = section_of(file, SHT_DYNAMIC, &header);
	GElf_Dyn entry;

	for (int i = 0; data && gelf_getdyn(data, i, &entry); i++) {
		const char *text;

		if (entry.d_tag == DT_NULL)
			break;
		if (entry.d_tag != tag)
			continue;
		text = elf_strptr(file->elf, header.sh_link, entry.d_un.d_val);
		if (text && strncmp(text, prefix, strlen(prefix)) == 0)
			return text;
	}
	return NULL;
}

bool lof_elf_defines(const struct lof_elf *file, const char *symbol)
{
	GElf_Shdr header;
	Elf_Data *data = section_of(file, SHT_DYNSYM, &header);
	GElf_Sym entry;

	for (int i = 0; data && gelf_getsym(data, i, &entry); i++) {
		const char *name = elf_strptr(file->elf, header.sh_link,
					      entry.st_name);

		if (entry.st_shndx != SHN_UNDEF && name &&
		    strcmp(name, symbol) == 0)
			return true;
	}
	return false;
}
