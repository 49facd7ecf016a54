/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * mlockall, munlockall and munlockall2. They change the whole process; the
 * tests compare the arena and VmLck.
 */
#include "config.h"

#include "support/kernel.h"

#include "support/truth.h"

#define ALL (MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT)

/* Map n pages into the arena. They are unlocked unless MCL_FUTURE is set. */
static void map_new(size_t first, size_t n)
{
	void *addr;

	MAPPED(addr, lof_mmap(at(first), pages(n), PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
}

/* The effect of the flags on "OOFF....", and on a new mapping. */
static const struct {
	int flags;
	const char *now, *later;
} combination[] = {
	{ MCL_CURRENT, "FFFFFFFF", "...." },
	{ MCL_CURRENT | MCL_ONFAULT, "OOOOOOOO", "...." },
	{ MCL_FUTURE, "OOFF....", "FFFF" },
	{ MCL_FUTURE | MCL_ONFAULT, "OOFF....", "OOOO" },
	{ MCL_CURRENT | MCL_FUTURE, "FFFFFFFF", "FFFF" },
	{ ALL, "OOOOOOOO", "OOOO" },
};
#define NCOMBINATIONS ((int)(sizeof(combination) / sizeof(combination[0])))

START_TEST(mlockall_locks_by_its_flags)
{
	arena_lay(0, "OOFF....");
	OK(lof_mlockall(combination[_i].flags));
	ck_assert_str_eq(kinds_at(at(0), 8), combination[_i].now);
	map_new(16, 4);
	ck_assert_str_eq(kinds_at(at(16), 4), combination[_i].later);
	ck_assert_uint_eq(truth_rss((uintptr_t)at(16), (uintptr_t)at(20)),
			  combination[_i].later[0] == 'F' ? pages(4) : 0);
	ck_assert_str_eq(kinds_at(at(0), 8), combination[_i].now);
}
END_TEST

START_TEST(munlockall_undoes_mlockall)
{
	arena_lay(0, "OOFF....");
	OK(lof_mlockall(combination[_i].flags));
	OK(lof_munlockall());
	KINDS(at(0), "........");
	ck_assert_uint_eq(truth_vmlck(), 0);
	map_new(16, 4);
	KINDS(at(16), "....");
}
END_TEST

START_TEST(mlockall_current_populates_without_on_fault)
{
	OK(lof_mlockall(MCL_CURRENT));
	RSS(ARENA_PAGES);
}
END_TEST

START_TEST(mlockall_on_fault_populates_nothing)
{
	mark(at(3), 2, 'a');
	OK(lof_mlockall(ALL));
	RSS(2);
	map_new(8, 4);
	RSS(2);
	ck_assert(is_marked(at(3), 2, 'a'));
}
END_TEST

START_TEST(mlockall_current_ends_an_earlier_future)
{
	OK(lof_mlockall(MCL_FUTURE));
	OK(lof_mlockall(MCL_CURRENT | MCL_ONFAULT));
	map_new(4, 4);
	KINDS(at(0), "OOOO....OOOO");
}
END_TEST

START_TEST(mlockall_in_two_steps_gives_two_kinds)
{
	OK(lof_mlockall(MCL_CURRENT));
	OK(lof_mlockall(MCL_FUTURE | MCL_ONFAULT));
	map_new(4, 4);
	KINDS(at(0), "FFFFOOOOFFFF");
}
END_TEST

START_TEST(munlock_works_under_mlockall)
{
	OK(lof_mlockall(ALL));
	OK(lof_munlock(at(2), pages(2)));
	OK(lof_mlock2(at(6), pages(2), 0));
	OK(lof_munlock2(at(5), pages(2), MLOCK_LOCKED));
	KINDS(at(0), "OO..OO.FOO");
	map_new(2, 1);
	KINDS(at(0), "OOO.OO.FOO");
}
END_TEST

START_TEST(future_locks_map_locked_and_populate_on_fault)
{
	void *addr;

	OK(lof_mlockall(MCL_FUTURE | MCL_ONFAULT));
	MAPPED(addr, lof_mmap(at(4), pages(4), PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED |
			      MAP_LOCKED | MAP_POPULATE, -1, 0));
	KINDS(at(0), "....OOOO....");
	RSS(0);
}
END_TEST

START_TEST(mapping_at_a_new_address_is_tracked_under_future)
{
	char *addr;

	OK(lof_mlockall(MCL_FUTURE | MCL_ONFAULT));
	MAPPED(addr, lof_mmap(NULL, pages(4), PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
	KINDS(addr, "OOOO");
	MAPPED(addr, lof_mremap(addr, pages(4), pages(80), MREMAP_MAYMOVE));
	ck_assert_int_eq(truth_kind_at(addr + pages(79)), LOF_ONFAULT);
	truth_assert_equal((uintptr_t)addr, (uintptr_t)addr + pages(80));
	OK(lof_munmap(addr, pages(80)));
	truth_assert_equal((uintptr_t)addr, (uintptr_t)addr + pages(80));
}
END_TEST

/* The kernel does not lock MAP_DROPPABLE (Linux 6.11 and later). */
START_TEST(mlockall_does_not_track_droppable_memory)
{
	void *addr = mmap(at(4), pages(2), PROT_READ | PROT_WRITE,
			  MAP_ANONYMOUS | MAP_FIXED | 0x08, -1, 0);

	if (addr == MAP_FAILED)
		skip("no MAP_DROPPABLE before Linux 6.11");
	OK(lof_mlockall(ALL));
	KINDS(at(0), "OOOO..OO");
	MAPPED(addr, lof_mmap(at(6), pages(2), PROT_READ | PROT_WRITE,
			      MAP_ANONYMOUS | MAP_FIXED | 0x08, -1, 0));
	KINDS(at(0), "OOOO....OO");
}
END_TEST

START_TEST(mlockall_refuses_wrong_flags)
{
	static const int wrong[] = { 0, MCL_ONFAULT, 8, ALL | 8, -1 };

	arena_lay(0, "OOFF....");
	REFUSED(lof_mlockall(wrong[_i]), EINVAL);
	OK(lof_mlockall(MCL_FUTURE));
	FAILS(lof_mlockall(wrong[_i]), EINVAL);
	KINDS(at(0), "OOFF....");
	map_new(16, 4);
	KINDS(at(16), "FFFF");
}
END_TEST

/* After mlockall(future), munlockall2(flags): "OOFF....", a new mapping. */
static const struct {
	int future, flags;
	const char *now, *later;
} part[] = {
	{ MCL_FUTURE, MCL_FUTURE, "OOFF....", ".." },
	{ MCL_FUTURE | MCL_ONFAULT, MCL_FUTURE, "OOFF....", ".." },
	{ 0, MCL_FUTURE, "OOFF....", ".." },
	{ MCL_FUTURE, MCL_CURRENT, "OO......", "FF" },
	{ MCL_FUTURE | MCL_ONFAULT, MCL_CURRENT, "OO......", "OO" },
	{ 0, MCL_CURRENT, "OO......", ".." },
	{ MCL_FUTURE, MCL_ONFAULT, "..FF....", "FF" },
	{ MCL_FUTURE | MCL_ONFAULT, MCL_ONFAULT, "..FF....", ".." },
	{ 0, MCL_ONFAULT, "..FF....", ".." },
	{ MCL_FUTURE, MCL_CURRENT | MCL_ONFAULT, "........", "FF" },
	{ MCL_FUTURE | MCL_ONFAULT, MCL_CURRENT | MCL_ONFAULT, "........",
	  ".." },
	{ MCL_FUTURE, MCL_CURRENT | MCL_FUTURE, "OO......", ".." },
	{ MCL_FUTURE | MCL_ONFAULT, MCL_CURRENT | MCL_FUTURE, "OO......",
	  ".." },
	{ MCL_FUTURE, MCL_FUTURE | MCL_ONFAULT, "..FF....", ".." },
	{ MCL_FUTURE | MCL_ONFAULT, MCL_FUTURE | MCL_ONFAULT, "..FF....",
	  ".." },
	{ MCL_FUTURE, ALL, "........", ".." },
	{ MCL_FUTURE | MCL_ONFAULT, ALL, "........", ".." },
};
#define NPARTS ((int)(sizeof(part) / sizeof(part[0])))

static size_t locked_pages(const char *kinds)
{
	size_t n = 0;

	for (; *kinds; kinds++)
		n += *kinds == 'O' || *kinds == 'F';
	return n;
}

START_TEST(munlockall2_takes_back_the_named_part)
{
	size_t elsewhere, rss;

	arena_lay(0, "OOFF....");
	mark(at(0), 1, 'a');
	truth_vmlck();		/* stdio maps its memory now */
	elsewhere = truth_vmlck() - pages(4);
	rss = arena_rss();
	if (part[_i].future)
		OK(lof_mlockall(part[_i].future));
	OK(lof_munlockall2(part[_i].flags));
	if (!tool_is(TOOL_ANY))		/* a tool maps memory, too */
		ck_assert_uint_eq(truth_vmlck(), elsewhere +
				  pages(locked_pages(part[_i].now)));
	ck_assert_str_eq(kinds_at(at(0), 8), part[_i].now);
	ck_assert_uint_eq(arena_rss(), rss);
	ck_assert(is_marked(at(0), 1, 'a'));
	map_new(16, 2);
	ck_assert_str_eq(kinds_at(at(16), 2), part[_i].later);
}
END_TEST

/* From v4 of the kernel series that proposed munlockall2. */
START_TEST(munlockall2_of_future_keeps_current_locks)
{
	OK(lof_mlockall(MCL_CURRENT | MCL_FUTURE));
	OK(lof_munlockall2(MCL_FUTURE | MCL_ONFAULT));
	KINDS(at(0), "FFFFFFFF");
	map_new(2, 2);
	KINDS(at(0), "FF..FFFF");
}
END_TEST

/* The ledger does not know this lock. */
START_TEST(munlockall2_keeps_unseen_locks)
{
	lock_unseen(at(4), pages(2));
	OK(lof_mlockall(MCL_FUTURE));
	OK(lof_munlockall2(MCL_FUTURE));
	KINDS(at(0), "....FF..");
}
END_TEST

START_TEST(munlockall2_refuses_wrong_flags)
{
	static const int wrong[] = { 0, 8, ALL | 8, -1 };

	arena_lay(0, "OOFF....");
	OK(lof_mlockall(MCL_FUTURE));
	FAILS(lof_munlockall2(wrong[_i]), EINVAL);
	KINDS(at(0), "OOFF....");
	map_new(16, 2);
	KINDS(at(16), "FF");
}
END_TEST

Suite *lockall_suite(void)
{
	Suite *suite = suite_create("lockall");
	TCase *tcase = arena_case(suite, "mlockall");

	tcase_add_loop_test(tcase, mlockall_locks_by_its_flags, 0,
			    NCOMBINATIONS);
	tcase_add_loop_test(tcase, munlockall_undoes_mlockall, 0,
			    NCOMBINATIONS);
	tcase_add_test(tcase, mlockall_current_populates_without_on_fault);
	tcase_add_test(tcase, mlockall_on_fault_populates_nothing);
	tcase_add_test(tcase, mlockall_current_ends_an_earlier_future);
	tcase_add_test(tcase, mlockall_in_two_steps_gives_two_kinds);
	tcase_add_test(tcase, munlock_works_under_mlockall);
	tcase_add_test(tcase, future_locks_map_locked_and_populate_on_fault);
	tcase_add_test(tcase, mapping_at_a_new_address_is_tracked_under_future);
	tcase_add_test(tcase, mlockall_does_not_track_droppable_memory);
	tcase_add_loop_test(tcase, mlockall_refuses_wrong_flags, 0, 5);
	tcase = arena_case(suite, "munlockall2");
	tcase_add_loop_test(tcase, munlockall2_takes_back_the_named_part, 0,
			    NPARTS);
	tcase_add_test(tcase, munlockall2_of_future_keeps_current_locks);
	tcase_add_test(tcase, munlockall2_keeps_unseen_locks);
	tcase_add_loop_test(tcase, munlockall2_refuses_wrong_flags, 0, 4);
	return suite;
}
