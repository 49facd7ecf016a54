/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libFuzzer: the smaps reader on any bytes, in pieces of any size, with
 * interrupted and failing reads. A simple parser of the whole text must give
 * the same result. This file replaces sys.c.
 */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/smaps.h"
#include "kernel/sys.h"

#define LINE_MAX_READ	1024	/* the reader cuts longer lines */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The file, and the sizes and errors of its reads. */
static struct {
	const char *text;
	size_t size, at, piece, fails_at;
	unsigned int interrupts, nreads;
} file;

int lof_sys_open(const char *path)
{
	(void)path;
	return 0;
}

int lof_sys_close(int fd)
{
	(void)fd;
	return 0;
}

long lof_sys_read(int fd, void *buf, size_t size)
{
	size_t n = file.size - file.at;

	(void)fd;
	if (file.interrupts && ++file.nreads % file.interrupts == 0)
		return -EINTR;
	if (file.at == file.fails_at)
		return -EIO;
	if (n > size)
		n = size;
	if (n > file.piece)
		n = file.piece;
	if (file.at < file.fails_at && n > file.fails_at - file.at)
		n = file.fails_at - file.at;
	memcpy(buf, file.text + file.at, n);
	file.at += n;
	return (long)n;
}

static void demand(bool condition, const char *message)
{
	if (condition)
		return;
	fprintf(stderr, "%s\n", message);
	abort();
}

/* Parse a number before a character. False: no number, or too large. */
static bool number(const char **at, int base, char before, uintptr_t *value)
{
	static const char digits[] = "0123456789abcdef";
	const char *begin = *at;

	*value = 0;
	for (; **at && memchr(digits, **at, (size_t)base); ++*at) {
		uintptr_t digit = (uintptr_t)((const char *)memchr(digits,
					**at, (size_t)base) - digits);

		if (*value > (UINTPTR_MAX - digit) / (uintptr_t)base)
			return false;
		*value = *value * (uintptr_t)base + digit;
	}
	return *at > begin && (!before || *(*at)++ == before);
}

static bool has_prefix(const char *line, const char *prefix)
{
	return strncmp(line, prefix, strlen(prefix)) == 0;
}

static void take_size(const char *at, size_t *bytes)
{
	uintptr_t kib;

	at += strspn(at, " ");
	if (number(&at, 10, 0, &kib) && kib <= SIZE_MAX / 1024)
		*bytes = kib * 1024;
}

/* False: no kernel prints such a line. */
static bool take_flags(const char *at, struct lof_vma *vma)
{
	static const char later[] = "ac nr ht sf ar wf dd sd mm hg nh mg um uw";
	bool behind = false;
	char flag[3] = "";

	for (at += strspn(at, " "); *at; at += 2, at += strspn(at, " ")) {
		if (strcspn(at, " ") != 2)
			return false;
		memcpy(flag, at, 2);
		if (!strcmp(flag, "lo"))
			vma->locked = true;
		if (!strcmp(flag, "lf") || (!strcmp(flag, "??") && !behind &&
					    vma->locked))
			vma->onfault = true;
		vma->hugetlb |= !strcmp(flag, "ht");
		vma->droppable |= !strcmp(flag, "dp");
		behind |= strstr(later, flag) != NULL;
	}
	vma->onfault &= vma->locked;
	return true;
}

static bool take_bounds(const char *line, struct lof_vma *vma)
{
	static const char secret[] = " /secretmem (deleted)";
	size_t len = strlen(line);
	struct lof_range range;

	if (!number(&line, 16, '-', &range.start) ||
	    !number(&line, 16, ' ', &range.end) || range.start >= range.end)
		return false;
	line += strlen(line);
	*vma = (struct lof_vma){ .range = range };
	vma->secret = len >= strlen(secret) &&
		      !strcmp(line - strlen(secret), secret);
	return true;
}

/* The VMAs of a text. -1: the text has a line that no kernel prints. */
static int parse(const char *text, size_t size, struct lof_vma *out, int max)
{
	struct lof_vma vma = { .rss = 0 };
	char line[LINE_MAX_READ + 1];
	const char *end;
	size_t len;
	int n = 0;

	for (; size; text += len, size -= len) {
		end = memchr(text, '\n', size);
		len = end ? (size_t)(end - text) + 1 : size;
		/* A line without its end counts only if it fills the buffer. */
		if (!end && len < LINE_MAX_READ)
			break;
		memset(line, 0, sizeof(line));
		memcpy(line, text, len - !!end > LINE_MAX_READ ? LINE_MAX_READ
							: len - !!end);
		if (memchr(text, 0, len))
			return -1;
		if (has_prefix(line, "VmFlags:")) {
			if (!take_flags(line + 8, &vma))
				return -1;
			if (vma.range.end && n < max)
				out[n++] = vma;
			if (vma.range.end)
				vma = (struct lof_vma){ .rss = 0 };
		} else if (has_prefix(line, "Rss:")) {
			take_size(line + 4, &vma.rss);
		} else if (has_prefix(line, "Locked:")) {
			take_size(line + 7, &vma.pinned);
		} else if (has_prefix(line, "Swap:")) {
			take_size(line + 5, &vma.swap);
		} else {
			take_bounds(line, &vma);
		}
	}
	return n;
}

static bool is_same(const struct lof_vma *a, const struct lof_vma *b)
{
	return a->range.start == b->range.start &&
	       a->range.end == b->range.end && a->locked == b->locked &&
	       a->onfault == b->onfault && a->hugetlb == b->hugetlb &&
	       a->droppable == b->droppable && a->secret == b->secret &&
	       a->rss == b->rss && a->pinned == b->pinned &&
	       a->swap == b->swap;
}

static void read_all(int wanted_error)
{
	static struct lof_vma expected[256];
	size_t seen = file.size < file.fails_at ? file.size : file.fails_at;
	int nexpected = parse(file.text, seen, expected, 256), n = 0, ret;
	struct lof_smaps smaps;
	struct lof_vma vma;

	lof_smaps_open(&smaps, 0);
	while ((ret = lof_smaps_next(&smaps, &vma)) > 0) {
		demand(vma.range.start < vma.range.end, "an empty area");
		demand(vma.locked || !vma.onfault, "on fault, not locked");
		demand(nexpected < 0 || n >= 256 ||
		       (n < nexpected && is_same(&vma, &expected[n])),
		       "an area is read wrongly");
		n++;
	}
	demand(nexpected < 0 || n >= 256 || n == nexpected,
	       "VMAs are missing");
	demand(ret == wanted_error, "another error than that of read");
	lof_smaps_close(&smaps);
}

/* Three bytes: piece size, reads per EINTR, place of EIO. Then the text. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint64_t bytes;

	if (size < 3)
		return 0;
	file.text = (const char *)data + 3;
	file.size = size - 3;
	file.piece = data[0] ? data[0] : SIZE_MAX;
	file.interrupts = data[1] % 8 ? data[1] % 8 + 1 : 0;
	file.fails_at = data[2] ? (size_t)data[2] * 16 : SIZE_MAX;
	file.nreads = 0;
	file.at = 0;
	read_all(file.fails_at <= file.size ? -EIO : 0);
	file.at = 0;
	lof_smaps_charge(0, &bytes);
	file.at = 0;
	lof_smaps_hugetlb(&bytes);
	return 0;
}
