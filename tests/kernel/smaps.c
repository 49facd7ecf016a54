/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The smaps reader, on synthetic, cut and mutated files and the real file. */
#include "config.h"

#include "support/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kernel/smaps.h"
#include "lockonfault.h"
#include "support/truth.h"
#include "kernel/wrapped_sys.h"

#define TEXT_MAX	8192

/* A VMA as Linux 6 prints it, without its last line. */
#define VMA(bounds, name)						\
	bounds " rw-p 00000000 00:00 0                  " name "\n"	\
	"Size:                256 kB\n"					\
	"KernelPageSize:        4 kB\n"					\
	"MMUPageSize:           4 kB\n"					\
	"Rss:                  84 kB\n"					\
	"Pss:                  83 kB\n"					\
	"Pss_Dirty:            82 kB\n"					\
	"Shared_Clean:          0 kB\n"					\
	"Private_Dirty:        81 kB\n"					\
	"Anonymous:            80 kB\n"					\
	"AnonHugePages:         0 kB\n"					\
	"Swap:                 12 kB\n"					\
	"SwapPss:              11 kB\n"					\
	"Locked:               84 kB\n"					\
	"THPeligible:           0\n"

/* The addresses of the synthetic files, as wide as a real address. */
#if UINTPTR_MAX > UINT32_MAX
#define HEAP	"55d0c0a00000-55d0c0a40000"
#define LIBRARY	"7f0000000000-7f0000040000"
#define BEHIND	"7f0000040000-7f0000080000"
#define LAST	"ffffffffff600000-ffffffffff601000"
#define ALL_DIGITS	"123456789abcdef-fffffffffffffffe"
#define KIB_MAX	"18014398509481983"
#else
#define HEAP	"56a00000-56a40000"
#define LIBRARY	"f7000000-f7040000"
#define BEHIND	"f7040000-f7080000"
#define LAST	"ff600000-ff601000"
#define ALL_DIGITS	"1234567-fffffffe"
#define KIB_MAX	"4194303"
#endif

/* The sizes in VMA(), as show() prints them. */
#define SHOWN	" rss 84 locked 84 swap 12\n"

static const char normal[] =
	VMA(HEAP, "[heap]")
	"VmFlags: rd wr mr mw me lo ac lf sd \n"
	VMA(LIBRARY, "/usr/lib/x.so")
	"VmFlags: rd wr mr mw me lo ac sd \n"
	VMA(BEHIND, "")
	"VmFlags: rd wr mr mw me ac sd \n"
	LAST " --xp 00000000 00:00 0"
	"                  [vsyscall]\n"
	"Rss:                   0 kB\n"
	"VmFlags: ex \n";

static const char normal_shown[] =
	HEAP " lo lf" SHOWN
	LIBRARY " lo" SHOWN
	BEHIND SHOWN
	LAST " rss 0 locked 0 swap 0\n";

static void begin(void)
{
	unit_sys = (struct unit_sys){ .no_memory = false };
}

/* A file with this text. */
static int file_of(const char *text, size_t size)
{
	int fd = memfd_create("smaps", MFD_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, text, size), (ssize_t)size);
	ck_assert_int_eq(lseek(fd, 0, SEEK_SET), 0);
	return fd;
}

/* All VMAs of a file as text, and then the error, if any. */
static const char *show(int fd)
{
	static char text[TEXT_MAX];
	struct lof_smaps smaps;
	struct lof_vma vma;
	char *at = text;
	int ret;

	*at = '\0';
	lof_smaps_open_fd(&smaps, fd);
	while ((ret = lof_smaps_next(&smaps, &vma)) == 1) {
		ck_assert_uint_lt((size_t)(at - text), sizeof(text) - 256);
		at += sprintf(at, "%" PRIxPTR "-%" PRIxPTR "%s%s%s rss %zu"
			      " locked %zu swap %zu\n",
			      vma.range.start, vma.range.end,
			      vma.locked ? " lo" : "", vma.onfault ? " lf" : "",
			      vma.hugetlb ? " ht" : "", vma.rss >> 10,
			      vma.pinned >> 10, vma.swap >> 10);
	}
	if (ret < 0)
		sprintf(at, "error %d\n", -ret);
	lof_smaps_close(&smaps);
	return text;
}

static void assert_shows(const char *text, const char *expected)
{
	ck_assert_str_eq(show(file_of(text, strlen(text))), expected);
}

START_TEST(file_of_linux_6_is_read)
{
	assert_shows(normal, normal_shown);
}
END_TEST

START_TEST(empty_file_has_no_vmas)
{
	assert_shows("", "");
	assert_shows("\n", "");
}
END_TEST

START_TEST(end_of_file_stays_the_end)
{
	struct lof_smaps smaps;
	struct lof_vma vma;

	lof_smaps_open_fd(&smaps, file_of(normal, strlen(normal)));
	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(lof_smaps_next(&smaps, &vma), 1);
	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(lof_smaps_next(&smaps, &vma), 0);
	lof_smaps_close(&smaps);
}
END_TEST

/* Flags of a VMA, and the text that show() prints for them. */
static const struct {
	const char *flags, *shown;
} flags[] = {
	{ "rd wr mr mw me ac sd", "" },
	{ "rd wr mr mw me lo ac sd", " lo" },
	{ "rd wr mr mw me lo ac lf sd", " lo lf" },
	{ "lo", " lo" },
	{ "lo lf", " lo lf" },
	{ "lf", "" },				/* never seen without lo */
	{ "rd wr mr mw me lo io dc de ac sd", " lo" },
	/* Up to Linux 6.1 the kernel prints lf as "??". */
	{ "rd wr mr mw me lo ?? ac sd", " lo lf" },
	{ "rd wr mr mw me lo ??", " lo lf" },
	{ "rd wr mr mw me um uw lo ?? ac sd", " lo lf" },
	{ "rd wr mr mw me lo io sr rr dc de ?? ac", " lo lf" },
	/* Another flag without a name comes behind the named flags. */
	{ "rd wr mr mw me lo ac ??", " lo" },
	{ "rd wr mr mw me lo sd ??", " lo" },
	{ "rd wr mr mw me lo hg ??", " lo" },
	{ "rd wr mr mw me lo ?? ac ??", " lo lf" },
	{ "rd wr mr mw me ?? ac", "" },
	{ "?? rd wr mr mw me lo ac", " lo" },
	{ "rd wr mr mw me lo ht ac", " lo ht" },
	{ "rd wr mr mw me ac ht", " ht" },
	{ "rd wr mr mw me lo ac ht lf sd", " lo lf ht" },
	/* Parts of other names are not flags. */
	{ "rd xlo oo", "" },
	{ "", "" },
	{ "l", "" },
	{ "lo l", " lo" },
};

START_TEST(flags_tell_the_way_of_locking)
{
	const char *ends[] = { "\n", " \n", "  \n" };
	char text[512], expected[128];

	sprintf(expected, "1000-2000%s rss 0 locked 0 swap 0\n",
		flags[_i].shown);
	for (int i = 0; i < 3; i++) {
		sprintf(text, "1000-2000 rw-p 0 00:00 0\nVmFlags: %s%s",
			flags[_i].flags, ends[i]);
		assert_shows(text, expected);
	}
}
END_TEST

START_TEST(flags_of_one_vma_do_not_reach_the_next)
{
	assert_shows(
		"1000-2000 rw-p 0 00:00 0\nRss: 4 kB\nVmFlags: lo ht lf \n"
		"2000-3000 rw-p 0 00:00 0\nVmFlags: rd \n",
		"1000-2000 lo lf ht rss 4 locked 0 swap 0\n"
		"2000-3000 rss 0 locked 0 swap 0\n");
}
END_TEST

START_TEST(vma_without_flags_is_skipped)
{
	assert_shows(
		"1000-2000 rw-p 0 00:00 0\nRss: 8 kB\nSwap: 4 kB\n"
		"2000-3000 rw-p 0 00:00 0\nLocked: 4 kB\nVmFlags: lo \n"
		"VmFlags: lo lf \n"
		"3000-4000 rw-p 0 00:00 0\n",
		"2000-3000 lo rss 0 locked 4 swap 0\n");
}
END_TEST

START_TEST(name_with_spaces_and_escapes_is_only_a_name)
{
	assert_shows(
		"1000-2000 rw-p 0 08:01 9  /a b\\012VmFlags: lo lf\n"
		"Rss: 4 kB\nVmFlags: rd \n"
		"2000-3000 rw-p 0 08:01 9  /5000-6000 rw-p (deleted)\n"
		"VmFlags: lo \n"
		"3000-4000 rw-p 0 08:01 9  /Rss: 12 kB\\012Rss: 12 kB\n"
		"VmFlags: rd \n",
		"1000-2000 rss 4 locked 0 swap 0\n"
		"2000-3000 lo rss 0 locked 0 swap 0\n"
		"3000-4000 rss 0 locked 0 swap 0\n");
}
END_TEST

START_TEST(invalid_bounds_begin_no_vma)
{
	static const char *const bounds[] = {
		"2000-1000", "1000-1000", "1000", "1000-", "-2000", "x-y",
		"1000 - 2000", " 1000-2000", "1000-2000x", "1000-2000\t",
		"10000000000000000-20000000000000000",
		"1000-10000000000000000", "1000-fffffffffffffffff",
	};
	char text[256];

	for (size_t i = 0; i < sizeof(bounds) / sizeof(bounds[0]); i++) {
		sprintf(text, "%s r--p\nRss: 4 kB\nVmFlags: lo \n", bounds[i]);
		assert_shows(text, "");
	}
}
END_TEST

START_TEST(bounds_of_all_digits_are_read)
{
	assert_shows("0-1 r\nVmFlags: lo \n"
		     "0" ALL_DIGITS " r\nVmFlags: \n",
		     "0-1 lo rss 0 locked 0 swap 0\n"
		     ALL_DIGITS " rss 0 locked 0 swap 0\n");
}
END_TEST

START_TEST(sizes_that_do_not_fit_are_left_out)
{
	assert_shows(
		"1000-2000 r\nRss: 99999999999999999999 kB\n"
		"Locked: 18446744073709551615 kB\nSwap: x kB\nVmFlags: lo \n"
		"2000-3000 r\nRss: " KIB_MAX " kB\nLocked:\nSwap: \n"
		"VmFlags: lo \n",
		"1000-2000 lo rss 0 locked 0 swap 0\n"
		"2000-3000 lo rss " KIB_MAX " locked 0 swap 0\n");
}
END_TEST

START_TEST(garbage_has_no_vmas)
{
	char text[5000];
	uint64_t state = unit_seed;

	for (int i = 0; i < 50; i++) {
		for (size_t j = 0; j < sizeof(text); j++)
			text[j] = (char)unit_random(&state);
		ck_assert_str_eq(show(file_of(text, sizeof(text))), "");
	}
	memset(text, 0, sizeof(text));
	ck_assert_str_eq(show(file_of(text, sizeof(text))), "");
	memset(text, ' ', sizeof(text));
	ck_assert_str_eq(show(file_of(text, sizeof(text))), "");
}
END_TEST

/* A VMA with a name of n bytes, and then the normal file. */
static int file_behind_name(size_t n)
{
	static const char head[] = "1000-2000 rw-p 0 08:01 9 /";
	static const char rest[] = "\nRss: 4 kB\nVmFlags: lo \n";
	char *text = malloc(sizeof(head) + n + sizeof(rest) + sizeof(normal));
	char *at = text;
	int fd;

	ck_assert_ptr_nonnull(text);
	at = stpcpy(at, head);
	/* If a part of the name is taken for a line, show() prints this VMA. */
	for (size_t i = 0; i < n; i++)
		*at++ = "2000-3000 r"[i % 11];
	at = stpcpy(stpcpy(at, rest), normal);
	fd = file_of(text, (size_t)(at - text));
	free(text);
	return fd;
}

static void assert_shows_behind_name(int fd)
{
	char expected[TEXT_MAX];

	strcpy(expected, "1000-2000 lo rss 4 locked 0 swap 0\n");
	strcat(expected, normal_shown);
	ck_assert_str_eq(show(fd), expected);
}

START_TEST(line_longer_than_the_buffer_is_cut)
{
	static const size_t lengths[] = { 1024, 2048, 4095, 16384, 100000 };

	assert_shows_behind_name(file_behind_name(lengths[_i]));
}
END_TEST

START_TEST(line_may_end_anywhere_in_the_buffer)
{
	for (size_t n = 1; n <= 1100; n++)
		assert_shows_behind_name(file_behind_name(n));
}
END_TEST

START_TEST(read_may_end_anywhere_in_a_line)
{
	for (unit_sys.read_max = 1; unit_sys.read_max <= 64;
	     unit_sys.read_max++)
		assert_shows_behind_name(file_behind_name(1500));
}
END_TEST

/* A VMA is complete with the newline of its VmFlags. */
START_TEST(file_may_be_cut_anywhere)
{
	char expected[TEXT_MAX] = "";
	const char *shown = normal_shown, *line = normal;

	for (size_t size = 0; size <= strlen(normal); size++) {
		if (size > 0 && normal[size - 1] == '\n') {
			if (strncmp(line, "VmFlags:", 8) == 0) {
				strncat(expected, shown,
					strcspn(shown, "\n") + 1);
				shown += strcspn(shown, "\n") + 1;
			}
			line = &normal[size];
		}
		ck_assert_str_eq(show(file_of(normal, size)), expected);
	}
	ck_assert_str_eq(expected, normal_shown);
}
END_TEST

START_TEST(pipe_that_gives_a_byte_at_a_time_is_read)
{
	int end[2], status;
	pid_t pid;

	ck_assert_int_eq(pipe2(end, O_CLOEXEC), 0);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		for (const char *at = normal; *at; at++)
			if (write(end[1], at, 1) != 1)
				_exit(1);
		_exit(0);
	}
	close(end[1]);
	unit_sys.read_max = 1;
	ck_assert_str_eq(show(end[0]), normal_shown);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}
END_TEST

START_TEST(read_that_is_interrupted_is_repeated)
{
	unit_sys.read_err = -EINTR;
	assert_shows(normal, normal_shown);
}
END_TEST

START_TEST(error_of_read_is_handed_on)
{
	unit_sys.read_err = -EIO;
	assert_shows(normal, "error 5\n");
	ck_assert_str_eq(show(open("/", O_RDONLY | O_CLOEXEC)), "error 21\n");
}
END_TEST

/* Mutate a text at a random place. Returns its new size. */
static size_t mutate(char *text, size_t size, uint64_t *state)
{
	size_t at = unit_below(state, size), n = 1 + unit_below(state, 200);

	switch (unit_below(state, 5)) {
	case 0:
		text[at] = (char)unit_random(state);
		return size;
	case 1:
		text[at] = "\n -:?lo"[unit_below(state, 7)];
		return size;
	case 2:					/* take a piece out */
		n = at + n > size ? size - at : n;
		memmove(&text[at], &text[at + n], size - at - n);
		return size - n > 0 ? size - n : 1;
	case 3:					/* double a piece */
		n = at + n > size ? size - at : n;
		n = size + n > TEXT_MAX ? TEXT_MAX - size : n;
		memmove(&text[at + n], &text[at], size - at);
		return size + n;
	default:				/* lengthen a line */
		n = size + 10 * n > TEXT_MAX ? TEXT_MAX - size : 10 * n;
		memmove(&text[at + n], &text[at], size - at);
		memset(&text[at], "0-f \xff"[unit_below(state, 5)], n);
		return size + n;
	}
}

START_TEST(mutated_files_are_read_to_their_end)
{
	uint64_t state = unit_seed;
	size_t rounds = unit_ops(20000);

	for (size_t i = 0; i < rounds; i++) {
		char text[TEXT_MAX];
		size_t size = strlen(normal), lines = 0, vmas = 0;
		struct lof_smaps smaps;
		struct lof_vma vma;

		memcpy(text, normal, size);
		for (size_t n = 1 + unit_below(&state, 20); n > 0; n--)
			size = mutate(text, size, &state);
		for (size_t j = 0; j < size; j++)
			lines += text[j] == '\n';
		unit_sys.read_max = unit_below(&state, 2)
				    ? 1 + unit_below(&state, 1500) : 0;
		lof_smaps_open_fd(&smaps, file_of(text, size));
		while (lof_smaps_next(&smaps, &vma) == 1) {
			ck_assert_msg(++vmas <= lines &&
				      !lof_range_is_empty(vma.range) &&
				      (vma.locked || !vma.onfault),
				      "LOF_TEST_SEED=%" PRIu64 ", round %zu",
				      unit_seed, i);
		}
		lof_smaps_close(&smaps);
	}
}
END_TEST

START_TEST(missing_process_is_enoent)
{
	struct lof_smaps smaps;
	uint64_t bytes;

	ck_assert_int_eq(lof_smaps_open(&smaps, 2147483647), -ENOENT);
	ck_assert_int_eq(lof_smaps_charge(2147483647, &bytes), -ENOENT);
}
END_TEST

static uintptr_t map_pages(size_t n)
{
	void *addr = mmap(NULL, n * lof_sys_page_size(), PROT_READ | PROT_WRITE,
			  UNIT_MAP, -1, 0);

	ck_assert_ptr_ne(addr, MAP_FAILED);
	return (uintptr_t)addr;
}

static void lock(uintptr_t start, uintptr_t end, unsigned int how)
{
	const struct lof_range range = { start, end };

	ck_assert_int_eq(how ? lof_sys_mlock2(range, how)
			     : lof_sys_mlock(range), 0);
}

START_TEST(own_file_reads_as_stdio_reads_it)
{
	const size_t page = lof_sys_page_size();
	uintptr_t start = map_pages(20), end = start + 20 * page;
	struct truth_region kernel[8];
	struct lof_smaps smaps;
	struct lof_vma vma;
	int count, n = 0;

	lock(start + page, start + 3 * page, 0);
	lock(start + 5 * page, start + 9 * page, MLOCK_ONFAULT);
	lock(start + 9 * page, start + 10 * page, 0);
	count = truth_collect(start, end, kernel, 8);
	ck_assert_int_eq(count, 3);
	/* 0 is the own process. */
	ck_assert_int_eq(lof_smaps_open(&smaps, _i ? getpid() : 0), 0);
	while (lof_smaps_next(&smaps, &vma) == 1) {
		if (vma.range.start < start || vma.range.end > end ||
		    !vma.locked)
			continue;
		ck_assert_uint_eq(vma.range.start, kernel[n].start);
		ck_assert_uint_eq(vma.range.end, kernel[n].end);
		ck_assert_int_eq(vma.onfault ? LOF_ONFAULT : LOF_FULL,
				 kernel[n].kind);
		ck_assert_uint_eq(vma.rss, vma.onfault ? 0 :
				  lof_range_len(vma.range));
		ck_assert_uint_eq(vma.pinned, vma.rss);
		n++;
	}
	ck_assert_int_eq(n, count);
	lof_smaps_close(&smaps);
}
END_TEST

START_TEST(charge_is_the_sum_of_the_locks)
{
	const size_t page = lof_sys_page_size();
	uint64_t before, after;
	uintptr_t start;

	ck_assert_int_eq(lof_smaps_charge(0, &before), 0);
	ck_assert_uint_eq(before, truth_vmlck());
	start = map_pages(64);
	lock(start, start + 10 * page, 0);
	lock(start + 20 * page, start + 64 * page, MLOCK_ONFAULT);
	ck_assert_int_eq(lof_smaps_charge(0, &after), 0);
	ck_assert_uint_eq(after - before, 54 * page);
	ck_assert_uint_eq(after, truth_vmlck());
	ck_assert_int_eq(lof_smaps_charge(getpid(), &after), 0);
	ck_assert_uint_eq(after - before, 54 * page);
}
END_TEST

/* A process that has ended, before wait(). It has no memory. */
static pid_t make_zombie(void)
{
	pid_t pid = fork();
	siginfo_t info;

	if (pid == 0)
		_exit(0);
	ck_assert_int_eq(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
	return pid;
}

START_TEST(charge_of_a_file_without_the_line_is_enodata)
{
	uint64_t bytes = 7;
	pid_t zombie = make_zombie();

	unit_sys.read_err = -EIO;
	ck_assert_int_eq(lof_smaps_charge(0, &bytes), -EIO);
	ck_assert_uint_eq(bytes, 7);
	ck_assert_int_eq(lof_smaps_charge(zombie, &bytes), -ENODATA);
	ck_assert_uint_eq(bytes, 7);
	ck_assert_int_eq(waitpid(zombie, NULL, 0), zombie);
}
END_TEST

Suite *suite_smaps(void)
{
	const int nflags = (int)(sizeof(flags) / sizeof(flags[0]));
	Suite *suite = suite_create("smaps");
	TCase *tc = tcase_create("smaps");

	tcase_add_checked_fixture(tc, begin, NULL);
	tcase_set_timeout(tc, UNIT_TIMEOUT);
	tcase_add_test(tc, file_of_linux_6_is_read);
	tcase_add_test(tc, empty_file_has_no_vmas);
	tcase_add_test(tc, end_of_file_stays_the_end);
	tcase_add_loop_test(tc, flags_tell_the_way_of_locking, 0, nflags);
	tcase_add_test(tc, flags_of_one_vma_do_not_reach_the_next);
	tcase_add_test(tc, vma_without_flags_is_skipped);
	tcase_add_test(tc, name_with_spaces_and_escapes_is_only_a_name);
	tcase_add_test(tc, invalid_bounds_begin_no_vma);
	tcase_add_test(tc, bounds_of_all_digits_are_read);
	tcase_add_test(tc, sizes_that_do_not_fit_are_left_out);
	tcase_add_test(tc, garbage_has_no_vmas);
	tcase_add_loop_test(tc, line_longer_than_the_buffer_is_cut, 0, 5);
	tcase_add_test(tc, line_may_end_anywhere_in_the_buffer);
	tcase_add_test(tc, read_may_end_anywhere_in_a_line);
	tcase_add_test(tc, file_may_be_cut_anywhere);
	tcase_add_test(tc, pipe_that_gives_a_byte_at_a_time_is_read);
	tcase_add_test(tc, read_that_is_interrupted_is_repeated);
	tcase_add_test(tc, error_of_read_is_handed_on);
	tcase_add_test(tc, mutated_files_are_read_to_their_end);
	tcase_add_test(tc, missing_process_is_enoent);
	tcase_add_loop_test(tc, own_file_reads_as_stdio_reads_it, 0, 2);
	tcase_add_test(tc, charge_is_the_sum_of_the_locks);
	tcase_add_test(tc, charge_of_a_file_without_the_line_is_enodata);
	suite_add_tcase(suite, tc);
	return suite;
}
