/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Locks of unusual memory: huge pages, the vdso, guard pages, sealed memory,
 * the heap, files that shrink; and the effects of advice on locked memory. The
 * ledger must agree with the kernel.
 */
#define _GNU_SOURCE
#include "config.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/auxv.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "support/kernel.h"

#include "support/truth.h"

#define RW	(PROT_READ | PROT_WRITE)
#define ANON	(MAP_PRIVATE | MAP_ANONYMOUS)

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL	102	/* Linux 6.13 */
#endif
#ifndef SYS_mseal
#define SYS_mseal		462	/* Linux 6.10 */
#endif

#define HUGE_LEN	((size_t)2 << 20)
#define FAR	((char *)(uintptr_t)0x60000000)

static void map_huge_page(void)
{
	if (mmap(FAR, HUGE_LEN, RW, ANON | MAP_HUGETLB | MAP_FIXED, -1, 0) !=
	    FAR)
		skip("no huge pages are free here");
}

/*
 * With huge pages the library locks the VMAs one by one. If the limit refuses
 * them, no VMA may stay locked. Without mlock2 the library emulates MCL_FUTURE,
 * and locks within the limit.
 */
START_TEST(huge_pages_lock_nothing_over_the_limit)
{
	const int all = MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT;
	char *later;

	map_huge_page();
	become_nobody(pages(16));
	if (tool_is(TOOL_NO_MLOCK2))
		OK(lof_mlockall(all));
	else
		REFUSED(lof_mlockall(all), ENOMEM);
	later = mmap(NULL, page, RW, ANON, -1, 0);
	ck_assert_ptr_ne(later, MAP_FAILED);
	ck_assert_int_eq(truth_kind_at(later), LOF_NONE);
	ck_assert_uint_le(truth_vmlck(), tool_is(TOOL_NO_MLOCK2) ? pages(16)
								 : 0);
}
END_TEST

/* The kernel does not lock hugetlb memory, but populates it (seen on 6.18). */
START_TEST(huge_pages_are_kept_and_not_populated)
{
	unsigned char present[HUGE_LEN / 4096];
	struct lof_region region;

	map_huge_page();
	OK(lof_mlock2(FAR, HUGE_LEN, MLOCK_ONFAULT));
	ck_assert_int_eq(mincore(FAR, HUGE_LEN, present), 0);
	ck_assert_int_eq(present[0] & 1, 0);
	ck_assert_uint_eq(truth_vmlck(), 0);
	OK(lof_query(FAR, &region, sizeof(region)));
	ck_assert_uint_eq(region.kind, LOF_NONE);
	ck_assert_uint_eq(region.how, LOF_BY_NATURE);
	OK(lof_mlockall(MCL_CURRENT | MCL_ONFAULT));
	ck_assert_int_eq(mincore(FAR, HUGE_LEN, present), 0);
	ck_assert_int_eq(present[0] & 1, 0);
	truth_assert_equal(0, (uintptr_t)FAR + HUGE_LEN);
	OK(lof_munlockall());
	OK(lof_munmap(FAR, HUGE_LEN));
	ck_assert_uint_eq(truth_vmlck(), 0);
}
END_TEST

/* The kernel does not lock the vdso; it must not be in the ledger. */
START_TEST(pages_of_the_kernel_are_not_locked)
{
	char *vdso = (char *)getauxval(AT_SYSINFO_EHDR);
#if UINTPTR_MAX > UINT32_MAX
	char *vsyscall = (char *)0xffffffffff600000;

	FAILS(lof_mlock2(vsyscall, page, MLOCK_ONFAULT), ENOMEM);
#endif
	if (!vdso)
		skip("there is no vdso");
	OK(lof_mlock2(vdso, page, MLOCK_ONFAULT));
	ck_assert_uint_eq(truth_vmlck(), 0);
	truth_assert_equal((uintptr_t)vdso, (uintptr_t)vdso + page);
}
END_TEST

/* Guard pages cannot be populated. */
START_TEST(guard_pages_are_locked_on_fault_only)
{
	if (madvise(at(2), page, MADV_GUARD_INSTALL))
		skip("no MADV_GUARD_INSTALL before Linux 6.13");
	/* The pages before the guard stay resident. */
	FAILS(lof_mlock(at(0), pages(4)), ENOMEM);
	KINDS(at(0), "........");
	OK(lof_mlock2(at(0), pages(4), MLOCK_ONFAULT));
	KINDS(at(0), "OOOO....");
	FAILS(lof_mlock2(at(0), pages(4), 0), ENOMEM);
	KINDS(at(0), "OOOO....");
}
END_TEST

START_TEST(sealed_memory_is_locked_and_not_moved)
{
	char *sealed = FAR;

	ck_assert_ptr_eq(mmap(sealed, pages(4), RW, ANON | MAP_FIXED, -1, 0),
			 sealed);
	if (syscall(SYS_mseal, sealed, pages(4), 0L))
		skip("no mseal before Linux 6.10");
	OK(lof_mlock2(sealed, pages(2), MLOCK_ONFAULT));
	FAILS(lof_munmap(sealed, pages(4)), EPERM);
	NOT_MAPPED(lof_mremap(sealed, pages(2), pages(2), MREMAP_MAYMOVE |
			      MREMAP_FIXED, at(0)), EPERM);
	NOT_MAPPED(lof_mremap(sealed, pages(2), pages(2), MREMAP_MAYMOVE |
			      MREMAP_FIXED | MREMAP_DONTUNMAP, at(0)), EPERM);
	NOT_MAPPED(lof_mmap(sealed, page, RW, ANON | MAP_FIXED, -1, 0), EPERM);
	KINDS(sealed, "OO..");
	OK(lof_munlock(sealed, page));
	KINDS(sealed, ".O..");
	OK(lof_munlock(sealed, pages(4)));
}
END_TEST

START_TEST(advice_that_takes_pages_is_refused)
{
	static const int refused[] = {
		MADV_DONTNEED, MADV_FREE, 20 /* MADV_COLD */,
		21 /* MADV_PAGEOUT */,
	};

	arena_lay(0, "OOFF....");
	mark(at(0), 4, 'a');
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		REFUSED(lof_madvise(at(0), pages(4), refused[i]), EINVAL);
	ck_assert(is_marked(at(0), 4, 'a'));
}
END_TEST

START_TEST(advice_that_leaves_the_pages_changes_no_lock)
{
	static const int taken[] = {
		MADV_WIPEONFORK, MADV_KEEPONFORK, MADV_DONTFORK, MADV_DOFORK,
		MADV_DONTDUMP, MADV_WILLNEED, MADV_RANDOM,
	};

	arena_lay(0, "OOFF....");
	for (size_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++) {
		OK(lof_madvise(at(0), pages(4), taken[i]));
		KINDS(at(0), "OOFF....");
	}
}
END_TEST

/* mprotect must not populate a lock on fault that becomes writable. */
START_TEST(mprotect_keeps_the_kind)
{
	arena_lay(0, "OOFF....");
	OK(lof_mprotect(at(0), pages(4), PROT_NONE));
	KINDS(at(0), "OOFF....");
	OK(lof_mprotect(at(0), pages(4), RW));
	KINDS(at(0), "OOFF....");
	ck_assert_uint_eq(truth_rss((uintptr_t)at(0), (uintptr_t)at(2)), 0);
	OK(lof_mprotect(at(0), pages(1), PROT_READ));
	OK(lof_mprotect(at(0), pages(1), RW));
	KINDS(at(0), "OOFF....");
	ck_assert_uint_eq(truth_rss((uintptr_t)at(0), (uintptr_t)at(2)), 0);
}
END_TEST

/* The file loses its pages, but the lock stays. */
START_TEST(hole_in_a_file_leaves_the_lock)
{
	int fd = memfd_create("rows", MFD_CLOEXEC);

	ck_assert_int_eq(ftruncate(fd, (off_t)pages(4)), 0);
	ck_assert_ptr_eq(lof_mmap(at(0), pages(4), RW, MAP_SHARED | MAP_FIXED,
				  fd, 0), at(0));
	OK(lof_mlock2(at(0), pages(2), MLOCK_ONFAULT));
	OK(lof_mlock2(at(2), pages(2), 0));
	mark(at(0), 4, 'a');
	ck_assert_int_eq(fallocate(fd, FALLOC_FL_PUNCH_HOLE |
				   FALLOC_FL_KEEP_SIZE, 0,
				   (off_t)pages(4)), 0);
	KINDS(at(0), "OOFF....");
	ck_assert_int_eq(ftruncate(fd, (off_t)page), 0);
	KINDS(at(0), "OOFF....");
	ck_assert_uint_eq(truth_vmlck(), pages(4));
	close(fd);
}
END_TEST

/* The library does not see sbrk(). */
START_TEST(heap_that_grows_is_adopted_under_future)
{
	char *end = sbrk(0), *start = end - (uintptr_t)end % page;
	struct lof_region region;

	if (sbrk((intptr_t)pages(4)) == (void *)-1 && errno == ENOMEM)
		skip("this libc has no sbrk");
	OK(lof_mlock2(start + pages(1), pages(2), MLOCK_ONFAULT));
	ck_assert_ptr_ne(sbrk((intptr_t)pages(4)), (void *)-1);
	OK(lof_query(end + pages(5), &region, sizeof(region)));
	ck_assert_uint_eq(region.kind, LOF_NONE);
	OK(lof_mlockall(MCL_FUTURE | MCL_ONFAULT));
	ck_assert_ptr_ne(sbrk((intptr_t)pages(4)), (void *)-1);
	OK(lof_query(end + pages(9), &region, sizeof(region)));
	ck_assert_uint_eq(region.kind, LOF_ONFAULT);
	OK(lof_munlockall2(MCL_FUTURE));
	truth_assert_equal((uintptr_t)start, (uintptr_t)end + pages(12));
	OK(lof_munlockall());
	ck_assert_uint_eq(truth_vmlck(), 0);
}
END_TEST

Suite *rows_suite(void)
{
	Suite *suite = suite_create("rows");
	TCase *tcase = arena_case(suite, "odd memory");

	tcase_add_test(tcase, huge_pages_are_kept_and_not_populated);
	tcase_add_test(tcase, huge_pages_lock_nothing_over_the_limit);
	tcase_add_test(tcase, pages_of_the_kernel_are_not_locked);
	tcase_add_test(tcase, guard_pages_are_locked_on_fault_only);
	tcase_add_test(tcase, sealed_memory_is_locked_and_not_moved);
	tcase_add_test(tcase, advice_that_takes_pages_is_refused);
	tcase_add_test(tcase, advice_that_leaves_the_pages_changes_no_lock);
	tcase_add_test(tcase, mprotect_keeps_the_kind);
	tcase_add_test(tcase, hole_in_a_file_leaves_the_lock);
	tcase_add_test(tcase, heap_that_grows_is_adopted_under_future);
	return suite;
}
