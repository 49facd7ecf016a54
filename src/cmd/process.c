/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reads the locked memory of a process from /proc. */
#include "config.h"

#include "process.h"

#include <errno.h>
#include <langinfo.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>
#include <wchar.h>
#include <wctype.h>

#include "kernel/smaps.h"
#include "kernel/sys.h"

static FILE *open_file(int pid, const char *name)
{
	char path[48];

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	return fopen(path, "re");
}

int lof_proc_check(void)
{
	struct statfs fs;

	if (statfs("/proc", &fs))
		return -errno;
	return fs.f_type == PROC_SUPER_MAGIC ? 0 : -ENODEV;
}

/* These reorder the text that follows them on the terminal. */
static bool is_bidirectional(wchar_t wide)
{
	return wide == 0x061c || wide == 0x200e || wide == 0x200f ||
	       (wide >= 0x202a && wide <= 0x202e) ||
	       (wide >= 0x2066 && wide <= 0x2069);
}

/*
 * The terminal may read UTF-8 in a locale with another encoding, where all of
 * these bytes may be printable. So only ASCII is printable there.
 */
static bool is_printable(wchar_t wide)
{
	if (wide >= 0x80 && strcmp(nl_langinfo(CODESET), "UTF-8") != 0)
		return false;
	return iswprint((wint_t)wide) && !is_bidirectional(wide);
}

/* A process can set its name to any bytes. */
static void copy_printable(char *to, size_t size, const char *from)
{
	size_t left = strlen(from);
	mbstate_t state = { 0 };

	while (left > 0 && size > 1) {
		wchar_t wide;
		size_t n = mbrtowc(&wide, from, left, &state);
		bool known = n > 0 && n <= left;

		if (known && is_printable(wide)) {
			if (n >= size)
				break;
			to = mempcpy(to, from, n);
			size -= n;
		} else {
			*to++ = '?';
			size--;
		}
		if (!known) {
			state = (mbstate_t){ 0 };
			n = 1;
		}
		from += n;
		left -= n;
	}
	*to = '\0';
}

static int read_name(struct lof_process *process)
{
	FILE *file = open_file(process->pid, "comm");
	char raw[sizeof(process->name)];
	size_t n;

	if (!file)
		return -ESRCH;
	n = fread(raw, 1, sizeof(raw) - 1, file);
	fclose(file);
	if (n > 0 && raw[n - 1] == '\n')
		n--;
	raw[n] = '\0';
	copy_printable(process->name, sizeof(process->name), raw);
	return 0;
}

/* "Max locked memory         8388608              8388608      bytes" */
static void read_limit(struct lof_process *process)
{
	static const char title[] = "Max locked memory";
	FILE *file = open_file(process->pid, "limits");
	char line[128];

	if (!file)
		return;
	while (!process->has_limit && fgets(line, sizeof(line), file)) {
		const char *value = line + sizeof(title) - 1;
		unsigned long long limit;

		if (strncmp(line, title, sizeof(title) - 1) != 0)
			continue;
		value += strspn(value, " ");
		process->has_limit = true;
		process->limit = LOF_NO_LIMIT;
		if (sscanf(value, "%llu", &limit) == 1)
			process->limit = limit;
	}
	fclose(file);
}

int lof_process_open(struct lof_process *process, int pid)
{
	int err;

	*process = (struct lof_process){ .pid = pid };
	err = read_name(process);
	if (err)
		return err;
	process->has_charge = lof_smaps_charge(pid, &process->charged) == 0;
	read_limit(process);
	return 0;
}

/* As lof_stats() counts left_out: without the lowest page of a stack. */
static uint64_t unlocked_bytes(const struct lof_vma *vma)
{
	if (!vma->writable || vma->unlockable || vma->secret)
		return 0;
	return lof_range_len(vma->range) -
	       (vma->growsdown ? lof_sys_page_size() : 0);
}

static void add_area(struct lof_process *process, const struct lof_vma *vma)
{
	process->rss += vma->rss;
	process->swap += vma->swap;
	if (!vma->locked) {
		process->unlocked += unlocked_bytes(vma);
		return;
	}
	process->locked += vma->pinned;
	if (vma->onfault)
		process->onfault += lof_range_len(vma->range);
	else
		process->full += lof_range_len(vma->range);
}

void lof_process_read_areas(struct lof_process *process)
{
	struct lof_smaps smaps;
	struct lof_vma vma;
	int ret;

	/* A kernel thread or an exiting process has no memory. */
	if (!process->has_charge || lof_smaps_open(&smaps, process->pid))
		return;
	while ((ret = lof_smaps_next(&smaps, &vma)) > 0)
		add_area(process, &vma);
	lof_smaps_close(&smaps);
	process->has_areas = ret == 0;
}
