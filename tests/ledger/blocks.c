/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The bitmap of blocks (blocks.h), alone. race.c tests it with threads. */
#include "config.h"

#include "support/unit.h"

#include <string.h>

#include "ledger/blocks.h"

static struct lof_blocks summary;

static struct lof_range blocks(size_t first, size_t after)
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
	ck_assert(!lof_blocks_has(&summary, blocks(0, 1)));
	ck_assert(!lof_blocks_has(&summary, blocks(1, 1000)));
}
END_TEST

START_TEST(block_that_was_set_is_found)
{
	struct lof_range some = blocks(100, 102);

	lof_blocks_prepare(&summary, some);
	ck_assert(lof_blocks_set(&summary, some));
	ck_assert(!lof_blocks_set(&summary, some));
	ck_assert(lof_blocks_has_all(&summary, some));
	ck_assert(lof_blocks_has(&summary, blocks(101, 102)));
	ck_assert(lof_blocks_has(&summary, blocks(1, 1000)));
	ck_assert(!lof_blocks_has(&summary, blocks(99, 100)));
	ck_assert(!lof_blocks_has(&summary, blocks(102, 1000)));
	lof_blocks_clear(&summary, blocks(101, 102));
	ck_assert(!lof_blocks_has(&summary, blocks(101, 102)));
	ck_assert(lof_blocks_has(&summary, blocks(100, 101)));
}
END_TEST

/* No memory for the bits: all blocks of the chunk count as tracked. */
START_TEST(block_without_bits_is_found)
{
	lof_blocks_set(&summary, blocks(100, 101));
	ck_assert(lof_blocks_has(&summary, blocks(100, 101)));
	ck_assert(lof_blocks_has(&summary, blocks(1000, 1001)));
}
END_TEST

START_TEST(last_block_is_found)
{
	struct lof_range last = { -LOF_BLOCK, -(uintptr_t)4096 };

	lof_blocks_prepare(&summary, last);
	ck_assert(lof_blocks_set(&summary, last));
	ck_assert(!lof_blocks_set(&summary, last));
	ck_assert(lof_blocks_has(&summary, last));
}
END_TEST

#if UINTPTR_MAX > UINT32_MAX
/* The kernel maps memory above 128 TiB only if the address hint is there. */
START_TEST(address_without_a_bit_is_found)
{
	struct lof_range high = { (uintptr_t)1 << 50, ((uintptr_t)1 << 50) + 1 };

	lof_blocks_prepare(&summary, high);
	ck_assert(lof_blocks_set(&summary, high));
	ck_assert(lof_blocks_has(&summary, high));
	ck_assert(!lof_blocks_set(&summary, high));
	ck_assert(!lof_blocks_has(&summary, blocks(0, 1000)));
	/* From a block with bits to an address without. */
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
	tcase_add_test(tc, block_that_was_set_is_found);
	tcase_add_test(tc, block_without_bits_is_found);
	tcase_add_test(tc, last_block_is_found);
#if UINTPTR_MAX > UINT32_MAX
	tcase_add_test(tc, address_without_a_bit_is_found);
#endif
	suite_add_tcase(suite, tc);
	return suite;
}
