/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reader of /proc/PID/smaps. A VMA begins with a line of its bounds and ends
 * with its VmFlags line (Linux 3.8). Unknown lines are ignored. A line that is
 * longer than the buffer is cut off.
 */
#include "config.h"

#include "kernel/smaps.h"

#include <string.h>

#include "base/select.h"
#include "kernel/sys.h"

/* A line without its newline. */
struct line {
	const char *at, *end;
};

static bool line_skip(struct line *line, const char *prefix)
{
	size_t len = strlen(prefix);

	if ((size_t)(line->end - line->at) < len ||
	    memcmp(line->at, prefix, len) != 0)
		return false;
	line->at += len;
	return true;
}

static int digit_of(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return 16;
}

/* Parse a number in base 10 or 16. False: no digit, or the number overflows. */
static bool line_number(struct line *line, unsigned int base, uintptr_t *number)
{
	const char *begin = line->at;

	*number = 0;
	for (; line->at < line->end; line->at++) {
		unsigned int digit = (unsigned int)digit_of(*line->at);

		if (digit >= base)
			break;
		if (__builtin_mul_overflow(*number, base, number) ||
		    __builtin_add_overflow(*number, digit, number))
			return false;
	}
	return line->at > begin;
}

/* "7f0000000000-7f0000001000 rw-p ...": the bounds of a VMA. */
static bool line_bounds(struct line *line, struct lof_range *range)
{
	return line_number(line, 16, &range->start) && line_skip(line, "-") &&
	       line_number(line, 16, &range->end) && line_skip(line, " ") &&
	       range->start < range->end;
}

/* After the bounds "rw-p 00000000 00:00 0": no device and no file. */
static bool line_is_anonymous(struct line line)
{
	uintptr_t offset, file;

	if (line.end - line.at < 4)
		return false;
	line.at += 3;
	return line_skip(&line, "p ") && line_number(&line, 16, &offset) &&
	       line_skip(&line, " 00:00 ") && line_number(&line, 10, &file) &&
	       file == 0;
}

/* A VMA of memfd_secret is known only by the name of its file. */
static bool line_is_secret(struct line line)
{
	static const char name[] = " /secretmem (deleted)";
	const size_t len = sizeof(name) - 1;

	return (size_t)(line.end - line.at) >= len &&
	       memcmp(line.end - len, name, len) == 0;
}

/* The name: after the bounds, four fields are before it. */
static struct line line_name(struct line line)
{
	for (int i = 0; i < 4; i++) {
		while (line.at < line.end && *line.at != ' ')
			line.at++;
		while (line.at < line.end && *line.at == ' ')
			line.at++;
	}
	return line;
}

static bool line_is_skipped(struct line line)
{
	struct line name;

	if (!lof_select_is_on())
		return false;
	name = line_name(line);
	return lof_select_skips(name.at, (size_t)(name.end - name.at));
}

/* The kernel's own mappings, as [vdso], have other names. */
static bool line_is_plain(struct line line)
{
	struct line name = line_name(line);

	return line_is_anonymous(line) &&
	       (name.at == name.end || line_skip(&name, "[heap]") ||
		line_skip(&name, "[stack]") || line_skip(&name, "[anon:"));
}

static bool line_is_stack(struct line line)
{
	struct line name = line_name(line);

	return line_skip(&name, "[stack]");
}

/* "rw-p ..." */
static void line_permissions(struct line line, struct lof_vma *vma)
{
	if (line.end - line.at < 3)
		return;
	vma->writable = line.at[1] == 'w';
	vma->accessible = line.at[0] == 'r' || vma->writable ||
			  line.at[2] == 'x';
}

/* "Rss:                  84 kB" */
static void line_size(struct line line, size_t *bytes)
{
	uintptr_t kib;

	while (line_skip(&line, " "))
		;
	if (line_number(&line, 10, &kib) && kib <= SIZE_MAX / 1024)
		*bytes = kib * 1024;
}

/* Is flag (two letters) in a list of flags separated by blanks? */
static bool flag_is_in(const char *list, const char *flag)
{
	for (; memcmp(list, flag, 2) != 0; list += 3)
		if (!list[2])
			return false;
	return true;
}

/*
 * "rd wr mr mw me lo ac lf": the kernel prints the flags in ascending order of
 * their bits, and "??" for a bit without a name. Up to Linux 6.1 the bit of
 * locks on fault has no name: its "??" comes after lo and before all of these
 * flags.
 */
static const char behind_onfault[] =
	"ac nr ht sf ar wf dd sd mm hg nh mg";

/* mlock succeeds on a VMA with one of these flags and does not lock it. */
static const char unlockable[] = "io pf mm de ht dp";

static const char accessible[] = "rd wr ex";

static void line_flags(struct line line, struct lof_vma *vma)
{
	bool behind = false;

	for (;; line.at += 2) {
		while (line_skip(&line, " "))
			;
		if (line.end - line.at < 2)
			break;
		if (memcmp(line.at, "lo", 2) == 0)
			vma->locked = true;
		else if (memcmp(line.at, "lf", 2) == 0)
			vma->onfault = true;
		else if (memcmp(line.at, "??", 2) == 0 && !behind)
			vma->onfault |= vma->locked;
		else if (flag_is_in(behind_onfault, line.at))
			behind = true;
		if (memcmp(line.at, "ht", 2) == 0)
			vma->hugetlb = true;
		if (memcmp(line.at, "dp", 2) == 0)
			vma->droppable = true;
		if (memcmp(line.at, "wr", 2) == 0)
			vma->writable = true;
		if (memcmp(line.at, "gd", 2) == 0)
			vma->growsdown = true;
		vma->accessible |= flag_is_in(accessible, line.at);
		vma->unlockable |= flag_is_in(unlockable, line.at);
	}
	vma->onfault &= vma->locked;
}

/* Parse a line into vma. True: the VMA is complete. */
static bool take_line(struct lof_vma *vma, struct line line)
{
	struct line rest = line;
	struct lof_range range;

	if (line_skip(&line, "VmFlags:")) {
		line_flags(line, vma);
		return !lof_range_is_empty(vma->range);
	}
	if (line_skip(&line, "Rss:"))
		line_size(line, &vma->rss);
	else if (line_skip(&line, "Locked:"))
		line_size(line, &vma->pinned);
	else if (line_skip(&line, "Swap:"))
		line_size(line, &vma->swap);
	else if (line_bounds(&rest, &range))
		*vma = (struct lof_vma){
			.range = range, .secret = line_is_secret(line),
			.anonymous = line_is_anonymous(rest),
			.plain = line_is_plain(rest),
			.skipped = line_is_skipped(rest),
		};
	return false;
}

/*
 * Get the next line, or the front of a line that is longer than the buffer.
 *
 * 1       *line is the line
 * 0       the end of the file; a last line without a newline is dropped
 * other   a negative errno of read
 */
static int next_line(struct lof_smaps *smaps, struct line *line)
{
	for (;;) {
		char *begin = smaps->buf + smaps->used;
		size_t left = smaps->filled - smaps->used;
		char *newline = left ? memchr(begin, '\n', left) : NULL;
		int n;

		if (newline || left == sizeof(smaps->buf)) {
			bool drop = smaps->skip;

			line->at = begin;
			line->end = newline ? newline : begin + left;
			smaps->used += newline ? (size_t)(newline - begin) + 1
					       : left;
			smaps->skip = !newline;
			if (!drop)
				return 1;
			continue;
		}
		memmove(smaps->buf, begin, left);
		smaps->used = 0;
		smaps->filled = left;
		do
			n = (int)lof_sys_read(smaps->fd, smaps->buf + left,
					      sizeof(smaps->buf) - left);
		while (n == -EINTR);
		if (n <= 0)
			return n;
		smaps->filled += (size_t)n;
	}
}

/* Open /proc/PID/name; pid 0: /proc/self/name. name has at most 8 bytes. */
static int open_proc(int pid, const char *name)
{
	char path[sizeof("/proc/2147483647/12345678")] = "/proc/self/";
	char digits[sizeof("2147483647")], *digit = digits + sizeof(digits);
	size_t n = sizeof("/proc/") - 1;

	if (pid > 0) {
		for (; pid > 0; pid /= 10)
			*--digit = (char)('0' + pid % 10);
		memcpy(path + n, digit, (size_t)(digits + sizeof(digits) -
						 digit));
		n += (size_t)(digits + sizeof(digits) - digit);
		path[n++] = '/';
	} else {
		n = sizeof("/proc/self/") - 1;
	}
	memcpy(path + n, name, strlen(name) + 1);
	return lof_sys_open(path);
}

int lof_smaps_open(struct lof_smaps *smaps, int pid)
{
	int fd = open_proc(pid, "smaps");

	if (fd < 0)
		return fd;
	lof_smaps_open_fd(smaps, fd);
	return 0;
}

void lof_smaps_open_fd(struct lof_smaps *smaps, int fd)
{
	smaps->fd = fd;
	smaps->skip = false;
	smaps->used = 0;
	smaps->filled = 0;
	smaps->vma = (struct lof_vma){ .rss = 0 };
}

int lof_smaps_next(struct lof_smaps *smaps, struct lof_vma *vma)
{
	struct line line;
	int ret;

	while ((ret = next_line(smaps, &line)) > 0) {
		if (!take_line(&smaps->vma, line))
			continue;
		*vma = smaps->vma;
		smaps->vma = (struct lof_vma){ .rss = 0 };
		return 1;
	}
	return ret;
}

void lof_smaps_close(struct lof_smaps *smaps)
{
	lof_sys_close(smaps->fd);
}

/* noinline: else the buffer lies in the frame of each caller. */
__attribute__((noinline))
int lof_smaps_each(int (*visit)(const struct lof_vma *vma, void *arg),
		   void *arg)
{
	struct lof_smaps smaps;
	struct lof_vma vma;
	int ret;

	ret = lof_smaps_open(&smaps, 0);
	if (ret)
		return ret;
	while ((ret = lof_smaps_next(&smaps, &vma)) > 0) {
		ret = visit(&vma, arg);
		if (ret)
			break;
	}
	lof_smaps_close(&smaps);
	return ret;
}

__attribute__((noinline))
int lof_maps_each(int (*visit)(const struct lof_vma *vma, void *arg),
		  void *arg)
{
	struct lof_smaps maps;
	struct line line;
	int fd = open_proc(0, "maps"), ret;

	if (fd < 0)
		return fd;
	lof_smaps_open_fd(&maps, fd);
	while ((ret = next_line(&maps, &line)) > 0) {
		struct lof_vma vma = { .rss = 0 };

		if (!line_bounds(&line, &vma.range))
			continue;
		line_permissions(line, &vma);
		vma.anonymous = line_is_anonymous(line);
		vma.plain = line_is_plain(line);
		vma.growsdown = line_is_stack(line);
		vma.skipped = line_is_skipped(line);
		ret = visit(&vma, arg);
		if (ret)
			break;
	}
	lof_smaps_close(&maps);
	return ret;
}

/* Get the size in the line that begins with name, and close the file. */
__attribute__((noinline))
static int size_in(int fd, const char *name, uint64_t *bytes)
{
	struct lof_smaps file;
	struct line line;
	size_t size = 0;
	int ret;

	if (fd < 0)
		return fd;
	lof_smaps_open_fd(&file, fd);
	do
		ret = next_line(&file, &line);
	while (ret > 0 && !line_skip(&line, name));
	lof_smaps_close(&file);
	if (ret <= 0)
		return ret ? ret : -ENODATA;
	while (line_skip(&line, "\t"))
		;
	line_size(line, &size);
	*bytes = size;
	return 0;
}

int lof_smaps_charge(int pid, uint64_t *bytes)
{
	return size_in(open_proc(pid, "status"), "VmLck:", bytes);
}

int lof_smaps_total(uint64_t *bytes)
{
	return size_in(open_proc(0, "status"), "VmSize:", bytes);
}

int lof_smaps_hugetlb(uint64_t *bytes)
{
	return size_in(lof_sys_open("/proc/meminfo"), "Hugetlb:", bytes);
}

/*
 * Count the lines of maps: the kernel prints maps ten times faster than smaps.
 */
__attribute__((noinline))
static size_t count_areas(void)
{
	struct lof_smaps maps;
	struct line line;
	size_t n = 0;
	int fd = open_proc(0, "maps");

	if (fd < 0)
		return 0;
	lof_smaps_open_fd(&maps, fd);
	while (next_line(&maps, &line) > 0)
		n++;
	lof_smaps_close(&maps);
	return n;
}

size_t lof_smaps_areas_left(size_t min, size_t max)
{
	int fd = lof_sys_open("/proc/sys/vm/max_map_count");
	uintptr_t most = 0;
	size_t areas = count_areas();
	char text[32];
	struct line line = { text, text };
	long n;

	if (fd >= 0) {
		n = lof_sys_read(fd, text, sizeof(text));
		line.end += n > 0 ? n : 0;
		line_number(&line, 10, &most);
		lof_sys_close(fd);
	}
	most /= 2;
	most = most > areas ? most - areas : 0;
	return most < min ? min : most > max ? max : most;
}

/* The fields of /proc/PID/stat that are used, counted from 1 as in proc(5). */
enum { STATE = 3, MINFLT = 10, MAJFLT = 12, NUM_THREADS = 20, VSIZE = 23 };

/*
 * The second field, the name of the program in brackets, may contain anything:
 * so begin behind the last bracket.
 */
static int parse_stat(struct line line, struct lof_process_state *state)
{
	const char *bracket = memrchr(line.at, ')',
				      (size_t)(line.end - line.at));
	uintptr_t field[VSIZE + 1] = { 0 };

	line.at = bracket;
	if (!bracket || line.end - bracket < 4)
		return -ENODATA;
	state->first_has_ended = bracket[2] == 'Z';
	line.at = bracket + 3;
	for (int i = STATE + 1; i <= VSIZE; i++) {
		line_skip(&line, " ");
		line_skip(&line, "-");
		if (!line_number(&line, 10, &field[i]))
			return -ENODATA;
	}
	state->faults = (uint64_t)field[MINFLT] + field[MAJFLT];
	state->threads = (unsigned int)field[NUM_THREADS];
	state->mapped = field[VSIZE];
	return 0;
}

__attribute__((noinline))
int lof_smaps_process(int pid, struct lof_process_state *state)
{
	int fd = open_proc(pid, "stat"), ret;
	struct lof_smaps file;
	struct line line;

	if (fd < 0)
		return fd;
	lof_smaps_open_fd(&file, fd);
	ret = next_line(&file, &line);
	lof_smaps_close(&file);
	if (ret <= 0)
		return ret ? ret : -ENODATA;
	return parse_stat(line, state);
}
