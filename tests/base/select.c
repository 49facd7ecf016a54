/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Lists of kinds of memory; globs, compared with fnmatch(). */
#include "config.h"

#include "base/select.h"

#include <errno.h>
#include <fnmatch.h>
#include <string.h>

#include "support/tool.h"
#include "support/unit.h"

#define NROUNDS	200000

static uint64_t state;

/* A random word of at most max - 1 letters. */
static void draw(char *word, size_t max, const char *letters)
{
	size_t len = unit_below(&state, max);

	for (size_t i = 0; i < len; i++)
		word[i] = letters[unit_below(&state, strlen(letters))];
	word[len] = '\0';
}

START_TEST(globs_match_as_by_fnmatch)
{
	char list[32] = "file:", *glob = list + 5, name[12];
	struct lof_kinds kinds;
	size_t matches = 0;

	state = unit_seed;
	for (int i = 0; i < NROUNDS; i++) {
		draw(glob, 12, "ab/**??[[]]!^-\\");
		draw(name, 8, "aab/]-");
		if (lof_kinds_parse(list, &kinds))
			continue;
		matches += lof_glob_matches(glob, strlen(glob), name,
					    strlen(name));
		ck_assert_msg(lof_glob_matches(glob, strlen(glob), name,
					       strlen(name)) ==
			      !fnmatch(glob, name, 0), "%s %s", glob, name);
	}
	ck_assert_uint_gt(matches, 1000);
}
END_TEST

START_TEST(a_list_has_known_kinds_alone)
{
	static const char *const wrong[] = {
		"", ",", "anon,", ",anon", "anon,,heap", "Anon", "anon ",
		"an", "file:", "files", "file:a\\", "file:[[:alpha:]]",
		"file:[[.a.]]", "file:[[=a=]]", "heap:x",
	};
	struct lof_kinds kinds;
	char text[LOF_KINDS_MAX + 1] = "file:";

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		ck_assert_int_eq(lof_kinds_parse(wrong[i], &kinds), -EINVAL);
	ck_assert_int_eq(lof_kinds_parse("anon,heap,stack,shm,file,file:*",
					 &kinds), 0);
	memset(text + 5, 'a', LOF_KINDS_MAX - 5);
	ck_assert_int_eq(lof_kinds_parse(text, &kinds), -EINVAL);
	text[LOF_KINDS_MAX - 1] = '\0';
	ck_assert_int_eq(lof_kinds_parse(text, &kinds), 0);
	for (int i = 0; i < 17; i++)
		strcpy(text + 7 * (size_t)i, "file:*,");
	text[7 * 17 - 1] = '\0';
	ck_assert_int_eq(lof_kinds_parse(text, &kinds), -EINVAL);
}
END_TEST

/* Which of these names is skipped, one digit for each. */
static const char *skipped(const char *skip, const char *only)
{
	static const char *const names[] = {
		"", "[anon:x]", "[heap]", "[stack]", "/dev/shm/a",
		"/memfd:a (deleted)", "/dev/zero (deleted)", "/SYSV00000000",
		"/lib/a.so", "/tmp/a b (deleted)", "[vdso]", "socket:[7]",
	};
	static char digits[sizeof(names) / sizeof(names[0]) + 1];

	ck_assert_int_eq(lof_select_set(skip, only, 100), 0);
	for (size_t i = 0; i < sizeof(digits) - 1; i++)
		digits[i] = lof_select_skips(names[i], strlen(names[i])) ?
			    '1' : '0';
	return digits;
}

START_TEST(a_name_tells_the_kind)
{
	ck_assert_str_eq(skipped("anon", NULL), "110000000000");
	ck_assert_str_eq(skipped("heap", NULL), "001000000000");
	ck_assert_str_eq(skipped("stack", NULL), "000100000000");
	ck_assert_str_eq(skipped("shm", NULL), "000011110000");
	ck_assert_str_eq(skipped("file", NULL), "000000001100");
	ck_assert_str_eq(skipped("file:*.so", NULL), "000000001000");
	ck_assert_str_eq(skipped("file:/tmp/*,file:/dev/shm/?", NULL),
			 "000010000100");
	ck_assert_str_eq(skipped(NULL, "heap,file:/lib/*"), "110111110100");
	ck_assert_str_eq(skipped("heap", "heap,stack"), "111011111100");
	ck_assert(lof_select_is_on());
	ck_assert_str_eq(skipped(NULL, NULL), "000000000000");
	ck_assert(!lof_select_is_on());
}
END_TEST

Suite *suite_select(void)
{
	Suite *suite = suite_create("select");
	TCase *tcase = tcase_create("kinds");

	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, globs_match_as_by_fnmatch);
	tcase_add_test(tcase, a_list_has_known_kinds_alone);
	tcase_add_test(tcase, a_name_tells_the_kind);
	suite_add_tcase(suite, tcase);
	return suite;
}
