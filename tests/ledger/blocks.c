/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The summary of what is tracked. What it is for, the race test shows. */
#include "config.h"

#include "support/unit.h"

#include <string.h>

#include "ledger/blocks.h"

static struct lof_blocks summary;

static struct lof_range granules(size_t first, size_t after)
{
	return (struct lof_range){
		first * LOF_BLOCK, after * LOF_BLOCK
	};
}

static void begin(void)
{
	memset(&summary, 0, sizeof(summary));
}

START_TEST(nothing_is_there_at_first)
{
	ck_assert(!lof_blocks_has(&summary, granules(0, 1)));
	ck_assert(!lof_blocks_has(&summary, granules(1, 1000)));
}
END_TEST

START_TEST(granule_that_was_set_is_found)
{
	struct lof_range some = granules(100, 102);

	lof_blocks_prepare(&summary, some);
	ck_assert(lof_blocks_set(&summary, some));
	ck_assert(!lof_blocks_set(&summary, some));
	ck_assert(lof_blocks_has_all(&summary, some));
	ck_assert(lof_blocks_has(&summary, granules(101, 102)));
	ck_assert(lof_blocks_has(&summary, granules(1, 1000)));
	ck_assert(!lof_blocks_has(&summary, granules(99, 100)));
	ck_assert(!lof_blocks_has(&summary, granules(102, 1000)));
	lof_blocks_clear(&summary, granules(101, 102));
	ck_assert(!lof_blocks_has(&summary, granules(101, 102)));
	ck_assert(lof_blocks_has(&summary, granules(100, 101)));
}
END_TEST

/* Where there was no memory for the bits, all around may be tracked. */
START_TEST(granule_without_bits_is_found)
{
	lof_blocks_set(&summary, granules(100, 101));
	ck_assert(lof_blocks_has(&summary, granules(100, 101)));
	ck_assert(lof_blocks_has(&summary, granules(1000, 1001)));
}
END_TEST

START_TEST(last_granule_is_found)
{
	struct lof_range last = { -LOF_BLOCK, -(uintptr_t)4096 };

	lof_blocks_prepare(&summary, last);
	ck_assert(lof_blocks_set(&summary, last));
	ck_assert(!lof_blocks_set(&summary, last));
	ck_assert(lof_blocks_has(&summary, last));
}
END_TEST

#if UINTPTR_MAX > UINT32_MAX
/* Memory beyond 128 TiB is given to those only who ask for it. */
START_TEST(what_has_no_bits_is_found_too)
{
	struct lof_range high = { (uintptr_t)1 << 50, ((uintptr_t)1 << 50) + 1 };

	lof_blocks_prepare(&summary, high);
	ck_assert(lof_blocks_set(&summary, high));
	ck_assert(lof_blocks_has(&summary, high));
	ck_assert(!lof_blocks_set(&summary, high));
	ck_assert(!lof_blocks_has(&summary, granules(0, 1000)));
	/* From below to there. */
	high.start = LOF_BLOCK;
	ck_assert(lof_blocks_has(&summary, high));
}
END_TEST
#endif

Suite *suite_summary(void)
{
	Suite *suite = suite_create("summary");
	TCase *tc = tcase_create("all");

	tcase_add_checked_fixture(tc, begin, NULL);
	tcase_add_test(tc, nothing_is_there_at_first);
	tcase_add_test(tc, granule_that_was_set_is_found);
	tcase_add_test(tc, granule_without_bits_is_found);
	tcase_add_test(tc, last_granule_is_found);
#if UINTPTR_MAX > UINT32_MAX
	tcase_add_test(tc, what_has_no_bits_is_found_too);
#endif
	suite_add_tcase(suite, tc);
	return suite;
}
