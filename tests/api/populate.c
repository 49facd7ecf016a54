/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* lof_populate, lof_discard, LOF_MREMAP_NOPOPULATE; lof_sync; LOF_FORK. */
#include "config.h"

#include "support/kernel.h"

#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/truth.h"

#define RW	(PROT_READ | PROT_WRITE)
#define ANON	(MAP_PRIVATE | MAP_ANONYMOUS)

START_TEST(populate_makes_resident)
{
	OK(lof_mlock2(at(0), pages(8), MLOCK_ONFAULT));
	OK(lof_populate(at(0), pages(2), PROT_WRITE));
	RSS(2);
	OK(lof_populate(at(2), pages(2), RW));
	RSS(4);
	KINDS(at(0), "OOOOOOOO");
	ck_assert_int_eq(*at(1), 0);
}
END_TEST

START_TEST(populate_refuses)
{
	arena_lay(4, "-");
	REFUSED(lof_populate(at(0), page, 0), EINVAL);
	REFUSED(lof_populate(at(0), page, PROT_EXEC), EINVAL);
	REFUSED(lof_populate(at(0) + 1, page, PROT_READ), EINVAL);
	REFUSED(lof_populate(at(0), SIZE_MAX, PROT_READ), EINVAL);
	REFUSED(lof_populate(at(4), page, PROT_READ), ENOMEM);
	ck_assert_int_eq(mprotect(at(5), page, PROT_READ), 0);
	/* Before Linux 5.14 the errno is EFAULT. */
	REFUSED(lof_populate(at(5), page, PROT_WRITE),
		tool_is(TOOL_QEMU) ? EFAULT : EINVAL);
}
END_TEST

START_TEST(discard_leaves_the_lock)
{
	arena_lay(0, "KKKK....");
	mark(at(0), 8, 'a');
	OK(lof_discard(at(2), pages(4)));
	KINDS(at(0), "KKKK....");
	/* Without MADV_DONTNEED_LOCKED a new lock populates the range. */
	RSS(tool_is(TOOL_QEMU) && kind_letter == 'F' ? 6 : 4);
	ck_assert_int_eq(*at(2), 0);
	ck_assert(is_marked(at(0), 2, 'a'));
	ck_assert(is_marked(at(6), 2, 'g'));
	REFUSED(lof_discard(at(0) + 1, page), EINVAL);
	/* In a 32-bit program a 64-bit kernel would accept this length. */
	REFUSED(lof_discard(at(8), SIZE_MAX - pages(1)), EINVAL);
}
END_TEST

START_TEST(full_grows_without_populating)
{
	char *addr;

	OK(lof_munmap(at(4), pages(8)));
	OK(lof_mlock2(at(0), pages(4), 0));
	mark(at(0), 4, 'a');
	MAPPED(addr, lof_mremap(at(0), pages(4), pages(8), MREMAP_MAYMOVE |
				LOF_MREMAP_NOPOPULATE));
	ck_assert_str_eq(kinds_at(addr, 8), "FFFFOOOO");
	ck_assert(is_marked(addr, 4, 'a'));
	ck_assert_uint_eq(truth_rss((uintptr_t)addr, (uintptr_t)addr +
				    pages(8)), pages(4));
	OK(lof_munmap(addr, pages(8)));
	ck_assert_uint_eq(truth_vmlck(), 0);
}
END_TEST

/* Like the kernel, lof_mremap() refuses to grow two VMAs. */
START_TEST(two_vmas_do_not_grow)
{
	arena_lay(0, "..FFOOFF");
	MAP_REFUSED(lof_mremap(at(0), pages(4), pages(12), MREMAP_MAYMOVE |
			       LOF_MREMAP_NOPOPULATE), EFAULT);
	MAP_REFUSED(lof_mremap(at(4), pages(4), pages(12), MREMAP_MAYMOVE |
			       LOF_MREMAP_NOPOPULATE), EFAULT);
}
END_TEST

START_TEST(growth_that_fails_leaves_full)
{
	arena_lay(0, "FFFF.");
	MAP_REFUSED(lof_mremap(at(0), pages(4), pages(8),
			       LOF_MREMAP_NOPOPULATE), ENOMEM);
}
END_TEST

START_TEST(sync_adopts_and_forgets)
{
	struct lof_stats stats;
	struct lof_region region;
	void *addr;

	arena_lay(0, "OOFF....");
	lock_unseen(at(4), pages(2));
	lock_unseen(at(0), page);
	unlock_unseen(at(2), page);
	OK(lof_sync());
	OK(lof_stats(&stats, sizeof(stats)));
	books_drifted = stats.drift;
	assert_books(at(0), 8);
	KINDS(at(0), "FO.FFF..");
	OK(lof_stats(&stats, sizeof(stats)));
	ck_assert_uint_gt(stats.drift, 0);
	lock_all_unseen(MCL_FUTURE | MCL_ONFAULT);
	OK(lof_sync());
	MAPPED(addr, lof_mmap(at(6), page, RW, ANON | MAP_FIXED, -1, 0));
	assert_books(at(0), 8);
	KINDS(at(0), "FO.FFFO.");
	unlock_all_unseen();
	OK(lof_query(at(6), &region, sizeof(region)));
	ck_assert_uint_eq(region.kind, LOF_NONE);
	OK(lof_sync());
	ck_assert_ptr_ne(addr, NULL);
}
END_TEST

/* The library did not see the lock; only smaps shows it. */
START_TEST(query_sees_a_changed_kind)
{
	struct lof_region region;

	arena_lay(0, "OOOO....");
	lock_unseen(at(1), pages(2));
	OK(lof_query(at(1), &region, sizeof(region)));
	ck_assert_uint_eq(region.kind, LOF_FULL);
	ck_assert_uint_eq(region.start, (uintptr_t)at(1));
	ck_assert_uint_eq(region.len, pages(2));
}
END_TEST

static int child_state(const char *kinds)
{
	return strcmp(kinds_at(at(0), strlen(kinds)), kinds) != 0;
}

static void assert_child(const char *kinds)
{
	int status;
	pid_t pid = fork();

	if (pid == 0)
		_exit(child_state(kinds));
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
}

START_TEST(child_relocks_under_fork_relock)
{
	arena_lay(0, "OOFF.O..");
	mark(at(0), 2, 'a');
	assert_child("........");
	OK(lof_set(LOF_FORK, LOF_FORK_RELOCK));
	assert_child("OOOO.O..");
	assert_child("OOOO.O..");
	KINDS(at(0), "OOFF.O..");
	/* The child does not inherit a page with MADV_DONTFORK. */
	ck_assert_int_eq(madvise(at(1), page, MADV_DONTFORK), 0);
	assert_child("O-OO.O..");
	OK(lof_set(LOF_FORK, LOF_FORK_FORGET));
	assert_child(".-......");
}
END_TEST

START_TEST(secret_memory_is_always_locked)
{
#ifdef SYS_memfd_secret
	int fd = (int)syscall(SYS_memfd_secret, 0);
	struct lof_region region;

	if (fd < 0)
		skip("no memfd_secret here");
	ck_assert_int_eq(ftruncate(fd, (off_t)pages(4)), 0);
	ck_assert_ptr_eq(mmap(at(2), pages(2), RW, MAP_SHARED | MAP_FIXED, fd,
			      0), at(2));
	if (truth_kind_at(at(2)) == LOF_NONE)
		skip("secret memory has no lock flag here (seen on 6.12)");
	OK(lof_mlock2(at(2), pages(2), MLOCK_ONFAULT));
	KINDS(at(0), "..FF....");
	OK(lof_mlock2(at(0), pages(6), MLOCK_ONFAULT));
	KINDS(at(0), "OOFFOO..");
	OK(lof_query(at(2), &region, sizeof(region)));
	ck_assert_uint_eq(region.how, LOF_BY_NATURE);
	ck_assert_int_eq(munmap(at(2), pages(2)), 0);
#else
	skip("the headers know no memfd_secret");
#endif
}
END_TEST

/* From 8 TiB on, the kernel's int for the pages of a VMA overflows. */
START_TEST(locks_of_16_TiB_are_charged_right)
{
#if UINTPTR_MAX == UINT32_MAX
	skip("16 TiB have no addresses of 32 bits");
#else
	const size_t tib = (size_t)1 << 40;
	char *addr = mmap(NULL, 16 * tib, PROT_NONE, ANON | MAP_NORESERVE, -1,
			  0);

	if (addr == MAP_FAILED)
		skip("no room for 16 TiB");
	if (tool_is_limited())
		skip("RLIMIT_MEMLOCK is below 16 TiB");
	OK(lof_mlock2(addr, 16 * tib, MLOCK_ONFAULT));
	ck_assert_uint_eq(truth_vmlck(), 16 * tib);
	OK(lof_munlock(addr, 16 * tib));
	ck_assert_uint_eq(truth_vmlck(), 0);
	OK(lof_mlock2(addr, 9 * tib, MLOCK_ONFAULT));
	OK(lof_munlockall());
	ck_assert_uint_eq(truth_vmlck(), 0);
	OK(lof_mlockall(MCL_FUTURE | MCL_ONFAULT));
	OK(lof_munlockall2(MCL_FUTURE));
	ck_assert_uint_eq(truth_vmlck(), 0);
	OK(lof_mlockall(MCL_CURRENT | MCL_ONFAULT));
	OK(lof_munmap(addr, 16 * tib));
	OK(lof_munlockall());
	ck_assert_uint_eq(truth_vmlck(), 0);
#endif
}
END_TEST

Suite *pages_suite(void)
{
	Suite *suite = suite_create("pages");
	struct both_kinds both = arena_cases(suite);
	TCase *tcase = arena_case(suite, "simple");

	add_for_each_kind(both, discard_leaves_the_lock);
	tcase_add_test(tcase, populate_makes_resident);
	tcase_add_test(tcase, populate_refuses);
	tcase_add_test(tcase, full_grows_without_populating);
	tcase_add_test(tcase, growth_that_fails_leaves_full);
	tcase_add_test(tcase, two_vmas_do_not_grow);
	tcase_add_test(tcase, sync_adopts_and_forgets);
	tcase_add_test(tcase, query_sees_a_changed_kind);
	tcase_add_test(tcase, child_relocks_under_fork_relock);
	tcase_add_test(tcase, secret_memory_is_always_locked);
	tcase_add_test(tcase, locks_of_16_TiB_are_charged_right);
	return suite;
}
