/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* query, walk and stats, also after changes that the library did not see. */
#include "config.h"

#include <sys/resource.h>

#include "support/kernel.h"

#include "support/truth.h"

static struct lof_region query(const void *addr)
{
	struct lof_region region;

	memset(&region, 0xff, sizeof(region));
	errno = UNTOUCHED;
	ck_assert_int_eq(lof_query(addr, &region, sizeof(region)), 0);
	ck_assert_int_eq(errno, UNTOUCHED);
	return region;
}

/* The expected lof_region.how of a lock of this kind. */
static unsigned int how_of(unsigned int kind)
{
	return kind == LOF_ONFAULT && tool_is(TOOL_NO_MLOCK2) ? LOF_BY_FLAG :
								LOF_BY_KERNEL;
}

/* The region around page n is [first, end), and has this kind. */
static void assert_region(size_t n, size_t first, size_t end, unsigned int kind)
{
	struct lof_region region = query(at(n) + 5);

	ck_assert_uint_eq(region.kind, kind);
	ck_assert_ptr_eq((void *)region.start, at(first));
	ck_assert_uint_eq(region.len, pages(end - first));
	ck_assert_uint_eq(region.how, how_of(kind));
	ck_assert_uint_eq(region.holds, 0);
	ck_assert_uint_eq(region.flags, 0);
}

START_TEST(query_tells_the_region)
{
	arena_lay(0, ".OOFFF..O");
	assert_region(1, 1, 3, LOF_ONFAULT);
	assert_region(2, 1, 3, LOF_ONFAULT);
	assert_region(4, 3, 6, LOF_FULL);
	assert_region(8, 8, 9, LOF_ONFAULT);
	assert_region(7, 6, 8, LOF_NONE);
	KINDS(at(0), ".OOFFF..O.");
}
END_TEST

START_TEST(query_of_a_gap_goes_over_holes)
{
	arena_lay(0, "KK.--.KK");
	assert_region(3, 2, 6, LOF_NONE);
	assert_region(5, 2, 6, LOF_NONE);
}
END_TEST

START_TEST(query_of_an_empty_ledger_is_one_gap)
{
	struct lof_region region = query(at(3));

	ck_assert_uint_eq(region.kind, LOF_NONE);
	ck_assert_uint_eq(region.start, 0);
	ck_assert_uint_ge(region.len, (uintptr_t)at(ARENA_PAGES));
}
END_TEST

START_TEST(query_before_and_behind_all_locks_is_a_gap)
{
	struct lof_region region;

	arena_lay(2, "KK");
	region = query(at(0));
	ck_assert_uint_eq(region.kind, LOF_NONE);
	ck_assert_uint_eq(region.start, 0);
	ck_assert_uint_eq(region.len, (uintptr_t)at(2));
	region = query(at(4));
	ck_assert_uint_eq(region.kind, LOF_NONE);
	ck_assert_ptr_eq((void *)region.start, at(4));
	region = query(NULL);
	ck_assert_uint_eq(region.kind, LOF_NONE);
	region = query((void *)UINTPTR_MAX);
	ck_assert_uint_eq(region.kind, LOF_NONE);
}
END_TEST

/* The tests below use libc calls, which the library does not see. */
START_TEST(query_sees_an_unseen_unlock)
{
	arena_lay(0, "KKKKKK");
	unlock_unseen(at(2), pages(2));
	assert_region(3, 2, 4, LOF_NONE);
	KINDS(at(0), "KK..KK");
}
END_TEST

START_TEST(query_sees_an_unseen_munmap)
{
	arena_lay(0, "KKKKKK");
	ck_assert_int_eq(munmap(at(2), pages(2)), 0);
	assert_region(2, 2, 4, LOF_NONE);
	KINDS(at(0), "KK--KK");
}
END_TEST

START_TEST(query_sees_an_unseen_new_mapping)
{
	arena_lay(0, "KKKKKK");
	ck_assert_ptr_eq(mmap(at(2), pages(2), PROT_READ, MAP_PRIVATE |
			      MAP_ANONYMOUS | MAP_FIXED, -1, 0), at(2));
	assert_region(3, 2, 4, LOF_NONE);
	KINDS(at(0), "KK..KK");
}
END_TEST

START_TEST(query_sees_an_unseen_lock)
{
	arena_lay(0, "KK");
	lock_unseen(at(4), pages(3));
	assert_region(5, 4, 7, LOF_FULL);
	KINDS(at(0), "KK..FFF.");
	assert_region(3, 2, 4, LOF_NONE);
}
END_TEST

START_TEST(query_sees_an_unseen_move)
{
	arena_lay(0, "KKKKKK");
	ck_assert_ptr_eq(mremap(at(1), pages(2), pages(2), MREMAP_MAYMOVE |
				MREMAP_FIXED, at(16)), at(16));
	assert_region(1, 1, 3, LOF_NONE);
	ck_assert_uint_eq(query(at(16)).kind, kind_flags ? LOF_ONFAULT
							 : LOF_FULL);
	KINDS(at(0), "K--KKK");
	KINDS(at(14), "..KK..");
}
END_TEST

START_TEST(query_fills_the_structure_that_is_given)
{
	unsigned char buf[sizeof(struct lof_region) + 16];
	struct lof_region region;

	arena_lay(2, "OO");
	memset(buf, 0xff, sizeof(buf));
	OK(lof_query(at(3), (struct lof_region *)buf, sizeof(uintptr_t)));
	memcpy(&region, buf, sizeof(region));
	ck_assert_ptr_eq((void *)region.start, at(2));
	ck_assert_uint_eq(region.len, SIZE_MAX);
	memset(buf, 0xff, sizeof(buf));
	OK(lof_query(at(3), (struct lof_region *)buf, sizeof(buf)));
	memcpy(&region, buf, sizeof(region));
	ck_assert_uint_eq(region.len, pages(2));
	ck_assert_uint_eq(region.kind, LOF_ONFAULT);
	for (size_t i = sizeof(region); i < sizeof(buf); i++)
		ck_assert_uint_eq(buf[i], 0);
	memset(buf, 0xff, sizeof(buf));
	REFUSED(lof_query(at(3), (struct lof_region *)buf, 0), EINVAL);
	ck_assert_uint_eq(buf[0], 0xff);
}
END_TEST

/* The visits: "O0+2" is two pages at 0. The walk ends at the page stop. */
struct visits {
	char list[256];
	size_t stop;
};

static int visit(const struct lof_region *region, void *arg)
{
	struct visits *visits = arg;
	size_t n = (region->start - (uintptr_t)arena) / page;
	size_t used = strlen(visits->list);

	ck_assert_uint_eq(region->how, how_of(region->kind));
	ck_assert_uint_eq(region->holds + region->flags, 0);
	snprintf(visits->list + used, sizeof(visits->list) - used,
		 "%s%c%zu+%zu", used ? " " : "",
		 region->kind == LOF_ONFAULT ? 'O' : 'F', n,
		 region->len / page);
	return n == visits->stop ? 42 : 0;
}

START_TEST(walk_goes_in_the_order_of_addresses)
{
	struct visits visits = { .stop = SIZE_MAX };

	OK(lof_walk(visit, &visits));
	ck_assert_str_eq(visits.list, "");
	arena_lay(9, "F");
	arena_lay(5, "OO");
	arena_lay(0, "OOFF");
	OK(lof_walk(visit, &visits));
	ck_assert_str_eq(visits.list, "O0+2 F2+2 O5+2 F9+1");
}
END_TEST

START_TEST(walk_ends_when_its_visitor_says)
{
	struct visits visits = { .stop = 2 };

	arena_lay(0, "OOFF.OO");
	errno = UNTOUCHED;
	ck_assert_int_eq(lof_walk(visit, &visits), 42);
	ck_assert_int_eq(errno, UNTOUCHED);
	ck_assert_str_eq(visits.list, "O0+2 F2+2");
}
END_TEST

static int visit_and_change(const struct lof_region *region, void *arg)
{
	visit(region, arg);
	if (region->start != (uintptr_t)at(4))
		return 0;
	OK(lof_munlock(at(0), pages(6)));
	OK(lof_munlock(at(10), pages(2)));
	OK(lof_mlock2(at(14), pages(2), 0));
	OK(lof_mlock2(at(2), pages(1), 0));
	return 0;
}

START_TEST(walk_sees_changes_by_its_visitor)
{
	struct visits visits = { .stop = SIZE_MAX };

	arena_lay(0, "O...OO....OO..");
	OK(lof_walk(visit_and_change, &visits));
	ck_assert_str_eq(visits.list, "O0+1 O4+2 F14+2");
	KINDS(at(0), "..F...........FF");
}
END_TEST

START_TEST(stats_count_locked_bytes)
{
	struct lof_stats stats, before;
	struct rlimit limit;

	OK(lof_stats(&before, sizeof(before)));
	ck_assert_uint_eq(before.ranges + before.onfault + before.full, 0);
	arena_lay(0, "OOOFF..F");
	OK(lof_stats(&stats, sizeof(stats)));
	ck_assert_uint_eq(stats.ranges, 3);
	ck_assert_uint_eq(stats.onfault, pages(3));
	ck_assert_uint_eq(stats.full, pages(3));
	ck_assert_uint_gt(stats.ledger, 0);
	ck_assert_uint_eq(stats.converted, 0);
	ck_assert_uint_eq(stats.charged, truth_vmlck());
	ck_assert_uint_eq(stats.charged, pages(6));
	ck_assert_int_eq(getrlimit(RLIMIT_MEMLOCK, &limit), 0);
	ck_assert_uint_eq(stats.limit, limit.rlim_cur);
}
END_TEST

START_TEST(stats_count_readings_back)
{
	struct lof_stats before, after;

	arena_lay(0, "OO");
	OK(lof_stats(&before, sizeof(before)));
	unlock_unseen(at(0), page);
	ck_assert_uint_eq(query(at(0)).kind, LOF_NONE);
	OK(lof_stats(&after, sizeof(after)));
	ck_assert_uint_gt(after.read_back, before.read_back);
	ck_assert_uint_eq(after.onfault, page);
}
END_TEST

START_TEST(stats_fill_the_structure_that_is_given)
{
	unsigned char buf[sizeof(struct lof_stats) + 16];
	struct lof_stats stats;

	arena_lay(0, "OO");
	memset(buf, 0xff, sizeof(buf));
	OK(lof_stats((struct lof_stats *)buf, sizeof(uint64_t)));
	memcpy(&stats, buf, sizeof(stats));
	ck_assert_uint_eq(stats.ranges, 1);
	ck_assert_uint_eq(stats.onfault, UINT64_MAX);
	OK(lof_stats((struct lof_stats *)buf, sizeof(buf)));
	for (size_t i = sizeof(stats); i < sizeof(buf); i++)
		ck_assert_uint_eq(buf[i], 0);
	memset(buf, 0xff, sizeof(buf));
	REFUSED(lof_stats((struct lof_stats *)buf, 0), EINVAL);
	ck_assert_uint_eq(buf[0], 0xff);
}
END_TEST

Suite *query_suite(void)
{
	Suite *suite = suite_create("query");
	struct both_kinds both = arena_cases(suite);
	TCase *tcase = arena_case(suite, "query");

	tcase_add_test(tcase, query_tells_the_region);
	tcase_add_test(tcase, query_of_an_empty_ledger_is_one_gap);
	tcase_add_test(tcase, query_fills_the_structure_that_is_given);
	add_for_each_kind(both, query_of_a_gap_goes_over_holes);
	add_for_each_kind(both, query_before_and_behind_all_locks_is_a_gap);
	add_for_each_kind(both, query_sees_an_unseen_unlock);
	add_for_each_kind(both, query_sees_an_unseen_munmap);
	add_for_each_kind(both, query_sees_an_unseen_new_mapping);
	add_for_each_kind(both, query_sees_an_unseen_lock);
	add_for_each_kind(both, query_sees_an_unseen_move);
	tcase = arena_case(suite, "walk and stats");
	tcase_add_test(tcase, walk_goes_in_the_order_of_addresses);
	tcase_add_test(tcase, walk_ends_when_its_visitor_says);
	tcase_add_test(tcase, walk_sees_changes_by_its_visitor);
	tcase_add_test(tcase, stats_count_locked_bytes);
	tcase_add_test(tcase, stats_count_readings_back);
	tcase_add_test(tcase, stats_fill_the_structure_that_is_given);
	return suite;
}
