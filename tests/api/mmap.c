/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* mmap, lof_mmap_onfault, munmap and mprotect. */
#include "config.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "support/kernel.h"

#include "support/truth.h"

#define RW	(PROT_READ | PROT_WRITE)
#define ANON	(MAP_PRIVATE | MAP_ANONYMOUS)
#define OVER	(ANON | MAP_FIXED)

START_TEST(mmap_without_lock_tracks_nothing)
{
	char *addr;

	MAPPED(addr, lof_mmap(NULL, pages(4), RW, ANON, -1, 0));
	KINDS(addr, "....");
	OK(lof_munmap(addr, pages(4)));
	KINDS(addr, "----");
}
END_TEST

/* off_t of 32 bits: libc takes an offset from 2 GiB on, which is negative. */
START_TEST(mmap32_maps_beyond_2_gib)
{
	int64_t far = (int64_t)3 << 30;
	int fd = memfd_create("far", 0);
	char *addr;

	ck_assert_int_eq(pwrite64(fd, "f", 1, far), 1);
	MAPPED(addr, lof_mmap32(NULL, page, RW, MAP_SHARED | MAP_LOCKED, fd,
				(int32_t)(uint32_t)far));
	ck_assert_int_eq(addr[0], 'f');
	KINDS(addr, "F");
	close(fd);
}
END_TEST

START_TEST(mmap_locked_is_full)
{
	char *addr;

	MAPPED(addr, lof_mmap(NULL, pages(4) - 1, RW, ANON | MAP_LOCKED, -1,
			      0));
	KINDS(addr, "FFFF");
	ck_assert_uint_eq(truth_rss((uintptr_t)addr,
				    (uintptr_t)addr + pages(4)), pages(4));
	OK(lof_munmap(addr, pages(4)));
	KINDS(addr, "----");
	ck_assert_uint_eq(truth_vmlck(), 0);
}
END_TEST

START_TEST(mmap_onfault_is_on_fault_and_empty)
{
	char *addr;

	MAPPED(addr, lof_mmap_onfault(NULL, pages(4) - 1, RW, ANON, -1, 0));
	KINDS(addr, "OOOO");
	mark(addr + pages(2), 1, 'a');
	KINDS(addr, "OOOO");
	ck_assert_uint_eq(truth_rss((uintptr_t)addr,
				    (uintptr_t)addr + pages(4)), page);
	OK(lof_munmap(addr + page, page));
	KINDS(addr, "O-OO");
	ck_assert_uint_eq(truth_vmlck(), pages(3));
}
END_TEST

START_TEST(mmap_onfault_ignores_map_locked)
{
	char *addr;

	MAPPED(addr, lof_mmap_onfault(at(2), pages(4), RW, OVER | MAP_LOCKED,
				      -1, 0));
	ck_assert_ptr_eq(addr, at(2));
	KINDS(at(0), "..OOOO..");
	RSS(0);
}
END_TEST

START_TEST(mmap_onfault_obeys_map_populate)
{
	void *addr;

	MAPPED(addr, lof_mmap_onfault(at(2), pages(4), RW, OVER | MAP_POPULATE,
				      -1, 0));
	KINDS(at(0), "..OOOO..");
	RSS(4);
}
END_TEST

/* lof_mmap_onfault() must populate as many pages as mmap(). */
static const struct {
	int prot, flags;
} populated[] = {
	{ RW, ANON },
	{ RW, MAP_SHARED | MAP_ANONYMOUS },
	{ PROT_READ, ANON },
	{ PROT_READ, MAP_SHARED | MAP_ANONYMOUS },
	{ PROT_NONE, ANON },
	{ RW, ANON | MAP_NONBLOCK },
};

START_TEST(mmap_onfault_populates_as_mmap_does)
{
	const int prot = populated[_i].prot;
	const int flags = populated[_i].flags | MAP_FIXED | MAP_POPULATE;
	size_t rss;
	void *addr;

	ck_assert_ptr_eq(mmap(at(2), pages(4), prot, flags, -1, 0), at(2));
	rss = truth_rss((uintptr_t)at(2), (uintptr_t)at(6));
	ck_assert_uint_eq(rss, _i == 0 || _i == 1 || _i == 3 ? pages(4) : rss);
	MAPPED(addr, lof_mmap_onfault(at(2), pages(4), prot, flags, -1, 0));
	ck_assert_uint_eq(truth_rss((uintptr_t)at(2), (uintptr_t)at(6)), rss);
	KINDS(at(0), "..OOOO..");
}
END_TEST

/* The kernel ignores MAP_POPULATE while MCL_FUTURE locks on fault. */
START_TEST(mmap_onfault_populates_nothing_under_future_on_fault)
{
	void *addr;

	if (tool_is_limited())
		skip("MCL_FUTURE would be too much for the limit");
	OK(lof_mlockall(MCL_FUTURE | MCL_ONFAULT));
	MAPPED(addr, lof_mmap_onfault(at(2), pages(4), RW, OVER | MAP_POPULATE,
				      -1, 0));
	OK(lof_munlockall2(MCL_FUTURE));
	KINDS(at(2), "OOOO");
	ck_assert_uint_eq(truth_rss((uintptr_t)at(2), (uintptr_t)at(6)), 0);
}
END_TEST

/* RLIMIT_AS allows one more mapping of this size, or none. */
#define AS_BYTES	((size_t)64 << 20)

static void allow_more(size_t bytes)
{
	struct rlimit limit;
	char buf[64] = "";
	int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);

	ck_assert_int_gt(read(fd, buf, sizeof(buf) - 1), 0);
	close(fd);
	ck_assert_int_eq(getrlimit(RLIMIT_AS, &limit), 0);
	limit.rlim_cur = pages((size_t)strtol(buf, NULL, 10)) + bytes;
	ck_assert_int_eq(setrlimit(RLIMIT_AS, &limit), 0);
}

START_TEST(mmap_onfault_fixed_needs_no_more_address_space)
{
	const int flags = OVER | MAP_NORESERVE;
	char *place = mmap(NULL, AS_BYTES, PROT_NONE, ANON | MAP_NORESERVE, -1,
			   0);
	void *addr;

	ck_assert_ptr_ne(place, MAP_FAILED);
	if (tool_is_limited())
		skip("so much may not be locked");
	OK(lof_mlock2(at(0), page, MLOCK_ONFAULT));
	if (_i == 0) {
		ck_assert_int_eq(munmap(place, AS_BYTES), 0);
		allow_more(AS_BYTES + AS_BYTES / 2);
	} else {
		allow_more(AS_BYTES / 2);
	}
	MAPPED(addr, lof_mmap_onfault(place, AS_BYTES, RW, flags, -1, 0));
	ck_assert_ptr_eq(addr, place);
	/* Again, over the mapping that is locked now. */
	MAPPED(addr, lof_mmap_onfault(place, AS_BYTES, RW, flags, -1, 0));
	KINDS(place, "OOOO");
	KINDS(place + AS_BYTES - pages(2), "OO");
	ck_assert_uint_eq(truth_vmlck(), AS_BYTES + page);
	OK(lof_munmap(place, AS_BYTES));
}
END_TEST

START_TEST(mmap_onfault_locks_unreadable_memory)
{
	void *addr;

	MAPPED(addr, lof_mmap_onfault(at(2), pages(4), PROT_NONE, OVER, -1, 0));
	KINDS(at(0), "..OOOO..");
	RSS(0);
}
END_TEST

START_TEST(mmap_onfault_of_a_file_shows_its_content)
{
	int fd = memfd_create("file", MFD_CLOEXEC);
	char *addr;

	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(pwrite(fd, (char[]){ (char)('a' + i) }, 1,
					(off_t)pages((size_t)i)), 1);
	ck_assert_int_eq(ftruncate(fd, (off_t)pages(4)), 0);
	MAPPED(addr, lof_mmap_onfault(NULL, pages(3), RW, MAP_SHARED, fd,
				      (int64_t)page));
	KINDS(addr, "OOO");
	ck_assert(is_marked(addr, 3, 'b'));
	OK(lof_munmap(addr, pages(3)));
	MAPPED(addr, lof_mmap_onfault(at(2), pages(3), RW,
				      MAP_SHARED | MAP_FIXED, fd, 0));
	KINDS(at(0), "..OOO...");
	ck_assert(is_marked(at(2), 3, 'a'));
	close(fd);
}
END_TEST

/* Map a file on fault, by lof_mmap_onfault() or by LOF_CONVERT. */
static void *map_file_onfault(bool converted, void *addr, int flags, int fd)
{
	if (!converted)
		return lof_mmap_onfault(addr, pages(2), RW, flags, fd, 0);
	ck_assert_int_eq(lof_set(LOF_CONVERT, LOF_CONVERT_LOCKS), 0);
	return lof_mmap(addr, pages(2), RW, flags | MAP_LOCKED, fd, 0);
}

/* With MAP_SHARED_VALIDATE the kernel refuses flags that it does not know. */
START_TEST(mmap_onfault_of_a_validated_file_is_on_fault)
{
	const int flags = 0x03 | MAP_FIXED;	/* MAP_SHARED_VALIDATE, 4.15 */
	int fd = memfd_create("file", MFD_CLOEXEC);
	void *addr;

	ck_assert_int_eq(ftruncate(fd, (off_t)pages(2)), 0);
	OK(lof_munmap(at(4), pages(2)));
	MAPPED(addr, map_file_onfault(_i, at(0), flags, fd));
	MAPPED(addr, map_file_onfault(_i, at(4), flags, fd));
	KINDS(at(0), "OO..OO..");
	RSS(0);
	/* MAP_SYNC works only on DAX. */
	NOT_MAPPED(map_file_onfault(_i, at(0), flags | 0x80000, fd),
		   EOPNOTSUPP);
	KINDS(at(0), "OO..OO..");
	close(fd);
}
END_TEST

START_TEST(mmap_fixed_unlocks_the_replaced_pages)
{
	void *addr;

	arena_lay(0, "KKKKKK");
	mark(at(0), 6, 'a');
	MAPPED(addr, lof_mmap(at(2), pages(2), RW, OVER, -1, 0));
	ck_assert_ptr_eq(addr, at(2));
	KINDS(at(0), "KK..KK");
	RSS(4);
	ck_assert_uint_eq(truth_vmlck(), pages(4));
	ck_assert(is_marked(at(4), 2, 'e'));
}
END_TEST

START_TEST(mmap_fixed_and_locked_is_full)
{
	void *addr;

	arena_lay(0, "KKKKKK");
	MAPPED(addr, lof_mmap(at(2), pages(2), RW, OVER | MAP_LOCKED, -1, 0));
	KINDS(at(2), "FF");
	KINDS(at(0), "KK");
	KINDS(at(4), "KK..");
}
END_TEST

START_TEST(mmap_onfault_replaces_the_old_mapping)
{
	void *addr;

	arena_lay(0, "KKKKKK--");
	mark(at(0), 6, 'a');
	MAPPED(addr, lof_mmap_onfault(at(2), pages(2), RW, OVER, -1, 0));
	ck_assert_ptr_eq(addr, at(2));
	KINDS(at(2), "OO");
	KINDS(at(0), "KK");
	KINDS(at(4), "KK--");
	RSS(4);
	ck_assert_int_eq(*at(2), 0);
	MAPPED(addr, lof_mmap_onfault(at(5), pages(3), RW, OVER, -1, 0));
	KINDS(at(5), "OOO.");
	ck_assert_uint_eq(truth_vmlck(), pages(8));
}
END_TEST

START_TEST(mmap_noreplace_replaces_nothing)
{
	const int flags = ANON | 0x100000 | MAP_FIXED;

	arena_lay(0, "OOFF--..");
	MAP_REFUSED(lof_mmap(at(1), pages(4), RW, flags, -1, 0), EEXIST);
	MAP_REFUSED(lof_mmap(at(1), pages(4), RW, flags | MAP_LOCKED, -1, 0),
		    EEXIST);
	MAP_REFUSED(lof_mmap_onfault(at(1), pages(4), RW, flags, -1, 0),
		    EEXIST);
	ck_assert_ptr_eq(lof_mmap_onfault(at(4), pages(2), RW, flags, -1, 0),
			 at(4));
	KINDS(at(0), "OOFFOO..");
}
END_TEST

START_TEST(mmap_that_fails_changes_nothing)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	arena_lay(0, "OOFFOOFF");
	mark(at(0), 8, 'a');
	MAP_REFUSED(lof_mmap(at(2), pages(4), RW, MAP_SHARED | MAP_FIXED, -1,
			     0), EBADF);
	MAP_REFUSED(lof_mmap_onfault(at(2), pages(4), RW,
				     MAP_SHARED | MAP_FIXED, -1, 0), EBADF);
	MAP_REFUSED(lof_mmap(at(2), 0, RW, OVER, -1, 0), EINVAL);
	MAP_REFUSED(lof_mmap_onfault(at(2), 0, RW, OVER, -1, 0), EINVAL);
	MAP_REFUSED(lof_mmap(at(2) + 1, page, RW, OVER, -1, 0), EINVAL);
	MAP_REFUSED(lof_mmap_onfault(at(2) + 1, page, RW, OVER, -1, 0),
		    EINVAL);
	MAP_REFUSED(lof_mmap(at(2), SIZE_MAX, RW, OVER, -1, 0), ENOMEM);
	MAP_REFUSED(lof_mmap_onfault(at(2), SIZE_MAX, RW, OVER, -1, 0),
		    ENOMEM);
	MAP_REFUSED(lof_mmap(NULL, SIZE_MAX, RW, ANON | MAP_LOCKED, -1, 0),
		    ENOMEM);
	MAP_REFUSED(lof_mmap(at(2), page, RW, MAP_PRIVATE | MAP_FIXED, fd, 1),
		    EINVAL);
	MAP_REFUSED(lof_mmap_onfault(at(2), page, RW, MAP_PRIVATE | MAP_FIXED,
				     fd, 1), EINVAL);
	/* /dev/null cannot be mapped. */
	NOT_MAPPED(lof_mmap_onfault(at(2), page, RW, MAP_PRIVATE | MAP_FIXED,
				    fd, 0), ENODEV);
	KINDS(at(0), "OOFFOOFF");
	ck_assert(is_marked(at(0), 8, 'a'));
	close(fd);
}
END_TEST

START_TEST(munmap_keeps_the_neighbours)
{
	arena_lay(0, "KKKKKKKK");
	mark(at(0), 8, 'a');
	OK(lof_munmap(at(0), page));
	OK(lof_munmap(at(3), pages(2) - 5));
	OK(lof_munmap(at(7), page));
	KINDS(at(0), "-KK--KK-..");
	RSS(4);
	ck_assert(is_marked(at(1), 2, 'b'));
	ck_assert(is_marked(at(5), 2, 'f'));
	ck_assert_uint_eq(truth_vmlck(), pages(4));
}
END_TEST

START_TEST(munmap_goes_over_kinds_and_holes)
{
	arena_lay(0, "OOFF--OO.FF");
	OK(lof_munmap(at(1), pages(9)));
	KINDS(at(0), "O---------F.");
	UNCHANGED(OK(lof_munmap(at(2), pages(4))));
	ck_assert_uint_eq(truth_vmlck(), pages(2));
}
END_TEST

START_TEST(munmap_refuses_an_invalid_range)
{
	arena_lay(0, "OOFF");
	REFUSED(lof_munmap(at(0) + 1, page), EINVAL);
	REFUSED(lof_munmap(at(1) + page / 2, pages(2)), EINVAL);
	REFUSED(lof_munmap(at(0), 0), EINVAL);
	REFUSED(lof_munmap(at(0), SIZE_MAX), EINVAL);
	REFUSED(lof_munmap(at(0), SIZE_MAX - pages(1)), EINVAL);
}
END_TEST

START_TEST(mprotect_changes_no_lock)
{
	arena_lay(0, "KKKKKK");
	mark(at(0), 2, 'a');
	OK(lof_mprotect(at(1), pages(3), PROT_NONE));
	KINDS(at(0), "KKKKKK..");
	OK(lof_mprotect(at(2), page, PROT_READ));
	KINDS(at(0), "KKKKKK..");
	OK(lof_mprotect(at(1), pages(3), RW));
	KINDS(at(0), "KKKKKK..");
	RSS(kind_letter == 'O' ? 2 : 6);
	ck_assert(is_marked(at(0), 2, 'a'));
	ck_assert_uint_eq(truth_vmlck(), pages(6));
}
END_TEST

START_TEST(mprotect_that_fails_changes_no_lock)
{
	arena_lay(0, "KK--KK");
	REFUSED(lof_mprotect(at(0), pages(6), PROT_READ), ENOMEM);
	REFUSED(lof_mprotect(at(0) + 1, page, PROT_READ), EINVAL);
	REFUSED(lof_mprotect(at(0), page, -1), EINVAL);
}
END_TEST

/* libc unmapped the range unseen, and the kernel uses the address again. */
START_TEST(mmap_over_a_stale_entry_corrects_it)
{
	char *addr;

	arena_lay(4, "KKKK");
	ck_assert_int_eq(munmap(at(4), pages(4)), 0);
	MAPPED(addr, lof_mmap(at(4), pages(4), RW, ANON, -1, 0));
	ck_assert_ptr_eq(addr, at(4));
	KINDS(at(0), "............");
}
END_TEST

Suite *map_suite(void)
{
	Suite *suite = suite_create("map");
	struct both_kinds both = arena_cases(suite);
	TCase *tcase = arena_case(suite, "mmap");

	demand_exact_books(both.tcase[0]);
	demand_exact_books(both.tcase[1]);
	demand_exact_books(tcase);
	tcase_add_test(tcase, mmap_without_lock_tracks_nothing);
	tcase_add_test(tcase, mmap32_maps_beyond_2_gib);
	tcase_add_test(tcase, mmap_locked_is_full);
	tcase_add_test(tcase, mmap_onfault_is_on_fault_and_empty);
	tcase_add_test(tcase, mmap_onfault_ignores_map_locked);
	tcase_add_test(tcase, mmap_onfault_obeys_map_populate);
	tcase_add_loop_test(tcase, mmap_onfault_populates_as_mmap_does, 0, 6);
	tcase_add_loop_test(tcase,
			    mmap_onfault_of_a_validated_file_is_on_fault, 0, 2);
	tcase_add_test(tcase,
		       mmap_onfault_populates_nothing_under_future_on_fault);
	tcase_add_loop_test(tcase,
			    mmap_onfault_fixed_needs_no_more_address_space, 0,
			    2);
	tcase_add_test(tcase, mmap_onfault_locks_unreadable_memory);
	tcase_add_test(tcase, mmap_onfault_of_a_file_shows_its_content);
	tcase_add_test(tcase, mmap_noreplace_replaces_nothing);
	tcase_add_test(tcase, mmap_that_fails_changes_nothing);
	add_for_each_kind(both, mmap_fixed_unlocks_the_replaced_pages);
	add_for_each_kind(both, mmap_fixed_and_locked_is_full);
	add_for_each_kind(both, mmap_onfault_replaces_the_old_mapping);
	add_for_each_kind(both, mmap_over_a_stale_entry_corrects_it);
	tcase = arena_case(suite, "munmap and mprotect");
	demand_exact_books(tcase);
	tcase_add_test(tcase, munmap_goes_over_kinds_and_holes);
	tcase_add_test(tcase, munmap_refuses_an_invalid_range);
	add_for_each_kind(both, munmap_keeps_the_neighbours);
	add_for_each_kind(both, mprotect_changes_no_lock);
	add_for_each_kind(both, mprotect_that_fails_changes_no_lock);
	return suite;
}
