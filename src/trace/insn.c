/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Looks for a system call instruction in the memory of a stopped thread, so
 * that none must be written there.
 */
#include "config.h"

#include "trace/insn.h"

#include <elf.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PAGE		((size_t)4096)	/* the smallest page */
#define VDSO_PAGES	4		/* no vDSO is larger */

struct search {
	int mem;			/* /proc/TID/mem */
	const char *insn;
	size_t len;			/* of insn */
};

static int open_proc(pid_t tid, const char *name)
{
	char path[48];

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)tid, name);
	return open(path, O_RDONLY | O_CLOEXEC);
}

/* Read what there is of a file, or of the memory at an address. */
static size_t read_at(int fd, uint64_t offset, char *to, size_t len)
{
	ssize_t n = pread(fd, to, len, (off_t)offset);

	return n > 0 ? (size_t)n : 0;
}

/* AT_SYSINFO_EHDR, from the pairs of words of the auxiliary vector; 0: none. */
static uint64_t vdso_address(pid_t tid, bool is_32)
{
	char auxv[2048];
	int fd = open_proc(tid, "auxv");
	size_t word = is_32 ? 4 : 8, n = 0;

	if (fd >= 0) {
		n = read_at(fd, 0, auxv, sizeof(auxv));
		close(fd);
	}
	for (size_t at = 0; at + 2 * word <= n; at += 2 * word) {
		uint64_t type = 0, value = 0;

		memcpy(&type, auxv + at, word);
		memcpy(&value, auxv + at + word, word);
		if (type == AT_SYSINFO_EHDR)
			return value;
	}
	return 0;
}

/*
 * Page by page: memory may end before the range does. An instruction across a
 * page boundary is not found.
 */
static uint64_t search_range(const struct search *search, uint64_t start,
			     uint64_t end)
{
	char code[PAGE];

	for (; start < end; start += PAGE) {
		size_t n = read_at(search->mem, start, code, PAGE);
		const char *at = memmem(code, n, search->insn, search->len);

		if (at)
			return start + (uint64_t)(at - code);
		if (n < PAGE)
			break;
	}
	return 0;
}

static uint64_t search_vdso(const struct search *search, pid_t tid, bool is_32)
{
	uint64_t vdso = vdso_address(tid, is_32);

	return vdso ? search_range(search, vdso, vdso + VDSO_PAGES * PAGE) : 0;
}

/* The vDSO can be unmapped, or be without such an instruction. */
static uint64_t search_code(const struct search *search, pid_t tid)
{
	int fd = open_proc(tid, "maps");
	FILE *maps = fd >= 0 ? fdopen(fd, "r") : NULL;
	uint64_t start, end, found = 0;
	char line[512], perms[5];

	if (!maps) {
		if (fd >= 0)
			close(fd);
		return 0;
	}
	while (!found && fgets(line, sizeof(line), maps))
		if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s", &start, &end,
			   perms) == 3 && perms[0] == 'r' && perms[2] == 'x')
			found = search_range(search, start, end);
	fclose(maps);
	return found;
}

static bool is_insn(const struct search *search, uint64_t addr)
{
	char code[8];

	return addr && read_at(search->mem, addr, code, search->len) ==
		       search->len &&
	       memcmp(code, search->insn, search->len) == 0;
}

uint64_t lof_insn_find(pid_t tid, const struct lof_regs *regs)
{
	struct search search = { .mem = open_proc(tid, "mem") };
	uint64_t found;

	if (search.mem < 0)
		return 0;
	search.insn = lof_regs_insn(regs, &search.len);
	found = lof_regs_insn_before(regs);
	if (!is_insn(&search, found))
		found = search_vdso(&search, tid, regs->is_32);
	if (!found)
		found = search_code(&search, tid);
	close(search.mem);
	return found;
}
