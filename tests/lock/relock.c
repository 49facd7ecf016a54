/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Memory that a call unlocks for a moment, while another thread asks for it. */
#include "config.h"

#include "support/unit.h"

#include <sys/mman.h>

#include "kernel/caps.h"
#include "kernel/wrapped_sys.h"
#include "lockonfault.h"
#include "support/unit_arena.h"

#define NPAGES	32

static void begin(void)
{
	unit_arena_begin(NPAGES);
}

static void end(void)
{
	lof_cap_override(LOF_CAP_DONTNEED_LOCKED, -1);
}

static int nunlocked;	/* the calls of munlock before the query */

static void query(void)
{
	struct lof_region region;

	ck_assert_int_eq(lof_query(unit_at(4), &region, sizeof(region)), 0);
	ck_assert_int_eq(region.kind, LOF_NONE);
}

static void query_when_unlocked(void)
{
	if (unit_sys.munlock < nunlocked)
		unit_sys.after = query_when_unlocked;
	else
		unit_by_another(query);
}

static void lock(void)
{
	ck_assert_int_eq(lof_mlock2(unit_at(2), unit_len(4), MLOCK_ONFAULT), 0);
	ck_assert_int_eq(lof_mlock2(unit_at(6), unit_len(4), 0), 0);
	ck_assert_int_eq(lof_sync(), 0);
	unit_sys.munlock = 0;
	unit_sys.after = query_when_unlocked;
}

START_TEST(moved_memory_is_locked_although_a_reader_saw_it_unlocked)
{
	char *to = unit_at(20);

	lock();
	nunlocked = 1;
	ck_assert_ptr_eq(lof_mremap(unit_at(2), unit_len(4), unit_len(4),
				    MREMAP_MAYMOVE | MREMAP_DONTUNMAP |
				    MREMAP_FIXED, to), to);
	ck_assert_ptr_null((void *)unit_sys.after);
	unit_arena_assert();
	ck_assert_int_eq(truth_kind_at(to), LOF_ONFAULT);
	ck_assert_int_eq(truth_kind_at(unit_at(6)), LOF_FULL);
}
END_TEST

START_TEST(discarded_memory_is_locked_although_a_reader_saw_it_unlocked)
{
	lock();
	lof_cap_override(LOF_CAP_DONTNEED_LOCKED, 0);
	nunlocked = 2;
	ck_assert_int_eq(lof_discard(unit_at(3), unit_len(5)), 0);
	ck_assert_ptr_null((void *)unit_sys.after);
	unit_arena_assert();
	ck_assert_int_eq(truth_kind_at(unit_at(3)), LOF_ONFAULT);
	ck_assert_int_eq(truth_kind_at(unit_at(4)), LOF_ONFAULT);
	ck_assert_int_eq(truth_kind_at(unit_at(7)), LOF_FULL);
}
END_TEST

Suite *suite_relock(void)
{
	Suite *suite = suite_create("relock");
	TCase *tc = tcase_create("a reader meanwhile");

	tcase_add_checked_fixture(tc, begin, end);
	tcase_add_test(
		tc, moved_memory_is_locked_although_a_reader_saw_it_unlocked);
	tcase_add_test(
		tc,
		discarded_memory_is_locked_although_a_reader_saw_it_unlocked);
	suite_add_tcase(suite, tc);
	return suite;
}
