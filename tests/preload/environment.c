/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The shim's variables: a value or a name that is not known is reported. */
#include "config.h"

#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <unistd.h>

#include "base/size.h"
#include "lockonfault.h"
#include "preload/run.h"
#include "preload/settings.h"
#include "support/tool.h"

#define LOCKED(kinds)	"ok " kinds " 8\n"
#define IGNORED(name, known)						\
	"lockonfault: LOCKONFAULT_" name ": unknown value, ignored; "	\
	"known: " known "\n"

START_TEST(sizes_have_binary_units)
{
	static const struct {
		const char *text;
		uint64_t bytes;
	} sizes[] = {
		{ "0", 0 }, { "4096", 4096 }, { "1K", 1024 }, { "1k", 1024 },
		{ "1KiB", 1024 }, { "16M", 16 << 20 }, { "3G", 3ull << 30 },
		{ "2TiB", 2ull << 40 }, { "18446744073709551615", UINT64_MAX },
	};
	static const char *const wrong[] = {
		"", "K", "1X", "1G!", "-1", "+1", " 1", "1 ", "1KB", "1.5G",
		"50%", "0x10", "1\n", "1@", "1`",
	};
	static const char *const large[] = {
		"18446744073709551616", "99999999999999999999999",
		"16777216T",
	};
	uint64_t bytes;

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		ck_assert_int_eq(lof_size_parse(sizes[i].text, &bytes), 0);
		ck_assert_uint_eq(bytes, sizes[i].bytes);
	}
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		ck_assert_int_eq(lof_size_parse(wrong[i], &bytes), -EINVAL);
	for (size_t i = 0; i < sizeof(large) / sizeof(large[0]); i++)
		ck_assert_int_eq(lof_size_parse(large[i], &bytes), -ERANGE);
}
END_TEST

START_TEST(each_word_of_a_setting_has_its_value)
{
	static const struct {
		const char *text;
		int setting, err;
		unsigned long value;
	} rows[] = {
		{ "1", LOF_SETTING_ALL, 0, 1 },
		{ "2", LOF_SETTING_ALL, -EINVAL, 99 },
		{ "no", LOF_SETTING_CHILDREN, 0, 0 },
		{ "fork", LOF_SETTING_CHILDREN, 0, LOF_CHILDREN_FORK },
		{ "exec", LOF_SETTING_CHILDREN, 0, LOF_CHILDREN_EXEC },
		{ "fork,exec", LOF_SETTING_CHILDREN, 0,
			LOF_CHILDREN_FORK | LOF_CHILDREN_EXEC },
		{ "exec,fork", LOF_SETTING_CHILDREN, -EINVAL, 99 },
		{ "0", LOF_SETTING_CONVERT, 0, LOF_CONVERT_OFF },
		{ "2", LOF_SETTING_CONVERT, 0, LOF_CONVERT_POPULATE },
		{ "3", LOF_SETTING_CONVERT, -EINVAL, 99 },
		{ "", LOF_SETTING_CONVERT, 0, 99 },
		{ "0|1", LOF_SETTING_CONVERT, -EINVAL, 99 },
		{ "1", LOF_SETTING_DISABLE, 0, 1 },
		{ "yes", LOF_SETTING_DISABLE, -EINVAL, 99 },
		{ "fail", LOF_SETTING_DISCARD, 0, LOF_DISCARD_FAIL },
		{ "translate", LOF_SETTING_DISCARD, 0, LOF_DISCARD_TRANSLATE },
		{ "emulate", LOF_SETTING_FALLBACK, 0, LOF_FALLBACK_EMULATE },
		{ "full", LOF_SETTING_FALLBACK, 0, LOF_FALLBACK_FULL },
		{ "refuse", LOF_SETTING_FALLBACK, 0, LOF_FALLBACK_REFUSE },
		{ "forget", LOF_SETTING_FORK, 0, LOF_FORK_FORGET },
		{ "relock", LOF_SETTING_FORK, 0, LOF_FORK_RELOCK },
		{ "auto", LOF_SETTING_FUTURE, 0, LOF_FUTURE_AUTO },
		{ "kernel", LOF_SETTING_FUTURE, 0, LOF_FUTURE_KERNEL },
		{ "emulate", LOF_SETTING_FUTURE, 0, LOF_FUTURE_EMULATE },
		{ "1", LOF_SETTING_HOLDS, 0, 1 },
		{ "2", LOF_SETTING_HOLDS, -EINVAL, 99 },
		{ "keep", LOF_SETTING_HUGE, 0, LOF_HUGE_KEEP },
		{ "split", LOF_SETTING_HUGE, 0, LOF_HUGE_SPLIT },
		{ "spli", LOF_SETTING_HUGE, -EINVAL, 99 },
		{ "any path", LOF_SETTING_LOG, 0, 99 },
		{ "1G", LOF_SETTING_MAX, 0, 1ul << 30 },
		{ "9999999T", LOF_SETTING_MAX, 0, sizeof(long) == 8 ?
			9999999ul << 20 << 20 : ULONG_MAX },
		{ "1Q", LOF_SETTING_MAX, -EINVAL, 99 },
		{ "99999999T", LOF_SETTING_MAX, -EINVAL, 99 },
		{ "0", LOF_SETTING_PREFAULT, 0, 0 },
		{ "1M", LOF_SETTING_PREFAULT, 0, 1ul << 20 },
		{ "1M,stack:1K", LOF_SETTING_PREFAULT, 0, (1ul << 20) + 1024 },
		{ "1M,stack:", LOF_SETTING_PREFAULT, -EINVAL, 99 },
		{ "1M,1K", LOF_SETTING_PREFAULT, -EINVAL, 99 },
		{ "stack:1K", LOF_SETTING_PREFAULT, -EINVAL, 99 },
		{ "1M,stack:1Q", LOF_SETTING_PREFAULT, -EINVAL, 99 },
		{ "1", LOF_SETTING_SUMMARY, 0, 1 },
		{ "2", LOF_SETTING_SUMMARY, -EINVAL, 99 },
		{ "keep", LOF_SETTING_RLIMIT, 0, 0 },
		{ "fake", LOF_SETTING_RLIMIT, 0, 1 },
		{ "1", LOF_SETTING_RLIMIT, -EINVAL, 99 },
		{ "anon,heap,file:*.so", LOF_SETTING_SKIP, 0, 99 },
		{ "anon,", LOF_SETTING_SKIP, -EINVAL, 99 },
		{ "file:", LOF_SETTING_ONLY, -EINVAL, 99 },
		{ "3600000", LOF_SETTING_SYNC_MS, 0, LOF_SYNC_MS_MAX },
		{ "3600001", LOF_SETTING_SYNC_MS, -EINVAL, 99 },
		{ "1K", LOF_SETTING_SYNC_MS, -EINVAL, 99 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unsigned long value = 99;

		ck_assert_int_eq(lof_setting_parse(
				 &lof_settings[rows[i].setting], rows[i].text,
				 &value), rows[i].err);
		ck_assert_uint_eq(value, rows[i].value);
	}
}
END_TEST

/* The budget is scanned, although LOCKONFAULT_SYNC_MS is not set. */
START_TEST(a_bound_may_have_a_unit)
{
	if (sysconf(_SC_PAGESIZE) != 4096)
		skip("the bounds are two pages of 4 KiB");
	/* Without mlock2 touched pages are locked in full. */
	if (tool_is(TOOL_NO_MLOCK2)) {
		ck_assert_str_eq(run("bound", "LOCKONFAULT_MAX=8KiB", NULL),
				 LOCKED("FF......"));
		return;
	}
	ck_assert_str_eq(run("bound", "LOCKONFAULT_MAX=8192", NULL),
			 LOCKED("OO......"));
	ck_assert_str_eq(run("bound", "LOCKONFAULT_MAX=8KiB", NULL),
			 LOCKED("OO......"));
	ck_assert_str_eq(run("bound", "LOCKONFAULT_MAX=1G", NULL),
			 LOCKED("OOOOOOOO"));
	ck_assert_str_eq(run("bound", "LOCKONFAULT_MAX=", NULL),
			 LOCKED("OOOOOOOO"));
}
END_TEST

START_TEST(a_bound_never_fails_open)
{
	static const char *const wrong[] = {
		"LOCKONFAULT_MAX=1X", "LOCKONFAULT_MAX=-1",
		"LOCKONFAULT_MAX=50%", "LOCKONFAULT_MAX= 1G",
		"LOCKONFAULT_MAX=99999999999999999999",
	};

	ck_assert_str_eq(run_told("bound", wrong[_i], NULL),
			 LOCKED("........"));
	ck_assert_str_eq(ran.err, "lockonfault: LOCKONFAULT_MAX: unknown value, "
			 "nothing will be locked; known: "
			 "bytes, or with K, M, G, T\n");
}
END_TEST

START_TEST(an_unknown_value_is_reported_and_ignored)
{
	ck_assert_str_eq(run_told("locks", "LOCKONFAULT_CONVERT=nonsense",
				  NULL), LOCKS_ON_FAULT);
	ck_assert_str_eq(ran.err, IGNORED("CONVERT", "0|1|2"));
	ck_assert_str_eq(run_told("locks", "LOCKONFAULT_DISABLE=yes", NULL),
			 LOCKS_ON_FAULT);
	ck_assert_str_eq(ran.err, IGNORED("DISABLE", "0|1"));
	run_told("nothing", "LOCKONFAULT_HUGE=\033[1m", NULL);
	ck_assert_str_eq(ran.err, IGNORED("HUGE", "keep|split"));
	run_told("nothing", "LOCKONFAULT_SYNC_MS=1s", NULL);
	ck_assert_str_eq(ran.err, IGNORED("SYNC_MS",
			 "milliseconds, at most 3600000"));
}
END_TEST

START_TEST(an_unknown_name_is_reported_and_ignored)
{
	ck_assert_str_eq(run_told("locks", "LOCKONFAULT_MAXIMUM=1G", NULL),
			 LOCKS_ON_FAULT);
	ck_assert_str_eq(ran.err, "lockonfault: LOCKONFAULT_MAXIMUM: "
			 "unknown variable, ignored\n");
	run_told("nothing", "LOCKONFAULT_\033[1m=1", NULL);
	ck_assert_str_eq(ran.err, "lockonfault: LOCKONFAULT_?[1m: "
			 "unknown variable, ignored\n");
	ck_assert_str_eq(run("nothing", "LOCKONFAUL=1", "LOCKONFAULTS_X=1",
			     NULL), "");
}
END_TEST

START_TEST(a_disabled_shim_reports_nothing)
{
	ck_assert_str_eq(run("nothing", "LOCKONFAULT_DISABLE=1",
			     "LOCKONFAULT_MAX=1X", "LOCKONFAULT_NONE=1", NULL),
			 "");
}
END_TEST

TCase *environment_case(void)
{
	TCase *tcase = tcase_create("environment");

	tcase_set_timeout(tcase, 30);
	tcase_add_test(tcase, sizes_have_binary_units);
	tcase_add_test(tcase, each_word_of_a_setting_has_its_value);
	tcase_add_test(tcase, a_bound_may_have_a_unit);
	tcase_add_loop_test(tcase, a_bound_never_fails_open, 0, 5);
	tcase_add_test(tcase, an_unknown_value_is_reported_and_ignored);
	tcase_add_test(tcase, an_unknown_name_is_reported_and_ignored);
	tcase_add_test(tcase, a_disabled_shim_reports_nothing);
	return tcase;
}
