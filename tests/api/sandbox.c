/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A sandbox without mlock2; a process without /proc or without memory. */
#include "config.h"

#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "support/kernel.h"

#include "support/truth.h"

#define RW	(PROT_READ | PROT_WRITE)
#define ANON	(MAP_PRIVATE | MAP_ANONYMOUS)

/* From now on the system call nr fails with err. */
static void forbid(unsigned int nr, unsigned int err)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, nr, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | err),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { 4, code };

	ck_assert_int_eq(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
	ck_assert_int_eq(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program),
			 0);
}

static const unsigned int filter_errs[] = { ENOSYS, EPERM };

START_TEST(without_mlock2_on_fault_is_enosys_by_policy)
{
	forbid(SYS_mlock2, filter_errs[_i]);
	OK(lof_set(LOF_FALLBACK, LOF_FALLBACK_REFUSE));
	REFUSED(lof_mlock2(at(0), pages(4), MLOCK_ONFAULT), ENOSYS);
	MAP_REFUSED(lof_mmap_onfault(at(0), pages(4), RW, ANON | MAP_FIXED, -1,
				     0), ENOSYS);
	arena_lay(8, "----");
	MAP_REFUSED(lof_mmap_onfault(at(8), pages(4), RW, ANON, -1, 0), ENOSYS);
	OK(lof_mlock2(at(1), pages(2), 0));
	KINDS(at(0), ".FF.");
}
END_TEST

START_TEST(without_mlock2_convert_locks_in_full_by_policy)
{
	void *addr;

	forbid(SYS_mlock2, filter_errs[_i / 2]);
	OK(lof_set(LOF_FALLBACK, _i % 2 ? LOF_FALLBACK_REFUSE :
				 LOF_FALLBACK_FULL));
	OK(lof_set(LOF_CONVERT, LOF_CONVERT_LOCKS));
	OK(lof_mlock(at(0), pages(2)));
	MAPPED(addr, lof_mmap(at(4), pages(2), RW, ANON | MAP_FIXED |
			      MAP_LOCKED, -1, 0));
	KINDS(at(0), "FF..FF..");
	RSS(4);
	OK(lof_munlock2(at(0), pages(2), MLOCK_LOCKED));
	KINDS(at(0), "....FF..");
}
END_TEST

START_TEST(kernels_own_errors_pass_through)
{
	arena_lay(0, "OOFF....");
	forbid(SYS_mlock, EAGAIN);
	REFUSED(lof_mlock2(at(1), pages(2), 0), EAGAIN);
	REFUSED(lof_mlock(at(1), pages(2)), EAGAIN);
	forbid(SYS_munlock, EIO);
	REFUSED(lof_munlock(at(1), pages(2)), EIO);
	REFUSED(lof_munlock2(at(0), pages(4), MLOCK_ONFAULT), EIO);
	forbid(SYS_mlockall, EIO);
	REFUSED(lof_mlockall(MCL_CURRENT), EIO);
}
END_TEST

/* The real root directory, while chroot() hides /proc. */
static int real_root = -1;

static void lose_proc(const char *new_root)
{
	real_root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	ck_assert_int_ge(real_root, 0);
	ck_assert_int_eq(chroot(new_root), 0);
}

static void find_proc(void)
{
	ck_assert_int_eq(fchdir(real_root), 0);
	ck_assert_int_eq(chroot("."), 0);
}

static void need_chroot(void)
{
	if (geteuid() != 0)
		skip("chroot needs root");
}

START_TEST(without_proc_munlockall2_fails_and_changes_nothing)
{
	need_chroot();
	arena_lay(0, "OOFF....");
	OK(lof_mlockall(MCL_FUTURE));
	lose_proc("/proc/self/fdinfo");
	FAILS(lof_munlockall2(MCL_FUTURE), ENOENT);
	FAILS(lof_munlockall2(MCL_CURRENT), ENOENT);
	FAILS(lof_munlockall2(MCL_ONFAULT), ENOENT);
	FAILS(lof_munlockall2(0), EINVAL);
	find_proc();
	KINDS(at(0), "OOFF....");
	ck_assert_ptr_eq(lof_mmap(at(8), page, RW, ANON | MAP_FIXED, -1, 0),
			 at(8));
	KINDS(at(8), "F");
}
END_TEST

START_TEST(without_proc_query_fails_where_the_kernel_disagrees)
{
	struct lof_region region;

	need_chroot();
	arena_lay(0, "OOFF....");
	lock_unseen(at(6), page);
	unlock_unseen(at(0), page);
	lose_proc("/proc/self/fdinfo");
	OK(lof_query(at(1), &region, sizeof(region)));
	ck_assert_uint_eq(region.kind, LOF_ONFAULT);
	FAILS(lof_query(at(6), &region, sizeof(region)), ENOENT);
	OK(lof_query(at(0), &region, sizeof(region)));
	ck_assert_uint_eq(region.kind, LOF_NONE);
	find_proc();
	OK(lof_query(at(6), &region, sizeof(region)));
	ck_assert_uint_eq(region.kind, LOF_FULL);
	KINDS(at(0), ".OFF..F.");
}
END_TEST

/* Refused: msync does not tell that a page is unlocked. */
START_TEST(without_proc_and_msync_the_ledger_keeps_its_locks)
{
	struct lof_region region;

	need_chroot();
	arena_lay(0, "OOFF....");
	if (_i >= 2)	/* the library knows msync before the filter */
		OK(lof_sync());
	OK(lof_mlock2(at(4), pages(2), MLOCK_ONFAULT));
	lose_proc("/proc/self/fdinfo");
	forbid(SYS_msync, filter_errs[_i % 2]);
	FAILS(lof_sync(), ENOENT);
	for (size_t i = 0; i < 6; i++) {
		OK(lof_query(at(i), &region, sizeof(region)));
		ck_assert_uint_eq(region.kind, i / 2 == 1 ? LOF_FULL :
							    LOF_ONFAULT);
	}
	find_proc();
	KINDS(at(0), "OOFFOO");
}
END_TEST

START_TEST(without_proc_stats_fail)
{
	struct lof_stats stats;

	need_chroot();
	lose_proc("/proc/self/fdinfo");
	FAILS(lof_stats(&stats, sizeof(stats)), ENOENT);
	find_proc();
	OK(lof_stats(&stats, sizeof(stats)));
}
END_TEST

/* Without smaps, only ranges that are still locked stay in the ledger. */
START_TEST(without_proc_locks_that_half_fail_are_never_overstated)
{
	need_chroot();
	arena_lay(0, "OOFF--OO");
	lose_proc("/proc/self/fdinfo");
	FAILS(lof_munlock(at(1), pages(6)), ENOMEM);
	FAILS(lof_munlock2(at(0), pages(8), MLOCK_ONFAULT), ENOMEM);
	find_proc();
	KINDS(at(0), "....--OO");
}
END_TEST

/* A fake /proc, in which the files are unreadable or empty. */
static char fake_root[] = P_tmpdir "/check_kernel.XXXXXX";

static void make_file(const char *path, mode_t mode)
{
	int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, mode);

	ck_assert_int_ge(fd, 0);
	close(fd);
}

static void fake_proc(mode_t mode)
{
	ck_assert_ptr_nonnull(mkdtemp(fake_root));
	ck_assert_int_eq(chmod(fake_root, 0755), 0);
	lose_proc(fake_root);
	ck_assert_int_eq(mkdir("/proc", 0755) || mkdir("/proc/self", 0755), 0);
	make_file("/proc/self/smaps", mode);
	make_file("/proc/self/status", mode);
}

static void remove_fake_proc(void)
{
	ck_assert_int_eq(unlink("/proc/self/smaps") ||
			 unlink("/proc/self/status") ||
			 rmdir("/proc/self") || rmdir("/proc"), 0);
	find_proc();
	ck_assert_int_eq(rmdir(fake_root), 0);
}

START_TEST(with_a_forbidden_proc_calls_fail_with_eacces)
{
	int query_err, unlock_err, stats_err;
	struct lof_region region;
	struct lof_stats stats;

	need_chroot();
	arena_lay(0, "OO");
	lock_unseen(at(6), page);
	fake_proc(0);
	setfsuid(65534);
	query_err = lof_query(at(6), &region, sizeof(region)) ? errno : 0;
	unlock_err = lof_munlockall2(MCL_CURRENT) ? errno : 0;
	stats_err = lof_stats(&stats, sizeof(stats)) ? errno : 0;
	setfsuid(0);
	remove_fake_proc();
	ck_assert_int_eq(query_err, EACCES);
	ck_assert_int_eq(unlock_err, EACCES);
	ck_assert_int_eq(stats_err, EACCES);
	OK(lof_query(at(6), &region, sizeof(region)));
	KINDS(at(0), "OO....F.");
}
END_TEST

START_TEST(with_an_empty_status_stats_fail_with_enodata)
{
	struct lof_stats stats;
	int err;

	need_chroot();
	fake_proc(0444);
	err = lof_stats(&stats, sizeof(stats)) ? errno : 0;
	remove_fake_proc();
	ck_assert_int_eq(err, ENODATA);
}
END_TEST

START_TEST(without_descriptors_calls_fail_with_emfile)
{
	struct rlimit limit, none;
	struct lof_region region;
	struct lof_stats stats;

	lock_unseen(at(6), page);
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	none = (struct rlimit){ 0, limit.rlim_max };
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
	FAILS(lof_query(at(6), &region, sizeof(region)), EMFILE);
	FAILS(lof_stats(&stats, sizeof(stats)), EMFILE);
	FAILS(lof_munlockall2(MCL_CURRENT), EMFILE);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	OK(lof_query(at(6), &region, sizeof(region)));
	KINDS(at(0), "......F.");
}
END_TEST

static struct rlimit old_limit;

/* No call can map memory any more; mapped memory can be locked. */
static void lose_memory(void)
{
	struct rlimit none;

	ck_assert_int_eq(getrlimit(RLIMIT_AS, &old_limit), 0);
	none = (struct rlimit){ 0, old_limit.rlim_max };
	ck_assert_int_eq(setrlimit(RLIMIT_AS, &none), 0);
}

static void find_memory(void)
{
	ck_assert_int_eq(setrlimit(RLIMIT_AS, &old_limit), 0);
}

START_TEST(without_memory_for_the_ledger_calls_succeed)
{
	lose_memory();
	OK(lof_mlock2(at(0), pages(2), MLOCK_ONFAULT));
	OK(lof_mlock2(at(4), pages(2), 0));
	OK(lof_munlock(at(1), page));
	OK(lof_munmap(at(5), page));
	find_memory();
	ck_assert_uint_eq(truth_vmlck(), pages(2));
	KINDS(at(0), "O...F-");
}
END_TEST

#define MANY ((size_t)140000)	/* pages; half of them locked: too many VMAs */

/* Lock every other page until an error. Returns the number of locks. */
static size_t lock_every_other(char *addr, size_t npages, int *err)
{
	size_t n;

	*err = 0;
	for (n = 0; n < npages / 2 && !*err; n++)
		if (lof_mlock2(addr + pages(2 * n), page, MLOCK_ONFAULT))
			*err = errno;
	return *err ? n - 1 : n;
}

static char *map_many(void)
{
	char *addr = mmap(NULL, pages(MANY), RW, ANON | MAP_NORESERVE, -1, 0);

	ck_assert_ptr_ne(addr, MAP_FAILED);
	return addr;
}

static int pass_over(const struct lof_region *region, void *arg)
{
	(void)region;
	(void)arg;
	return 0;
}

START_TEST(ledger_that_runs_out_of_memory_stays_right)
{
	bool is_limited = tool_is_limited();
	struct lof_stats stats;
	char *addr = map_many();
	size_t n;
	int err;

	OK(lof_mlock2(at(0), page, 0));
	lose_memory();
	/* More ranges than fit into the first memory of the ledger. */
	n = lock_every_other(addr, 16000, &err);
	if (err && is_limited)
		skip("RLIMIT_MEMLOCK is less than the ledger has nodes for");
	ck_assert_int_eq(err, 0);
	FAILS(lof_stats(&stats, sizeof(stats)), ENOMEM);
	FAILS(lof_walk(pass_over, NULL), ENOMEM);
	find_memory();
	ck_assert_uint_eq(truth_vmlck(), pages(n + 1));
	truth_assert_equal((uintptr_t)addr, (uintptr_t)addr + pages(MANY));
	lose_memory();
	ck_assert_int_eq(lof_munlock2(addr, pages(MANY), MLOCK_ONFAULT), 0);
	find_memory();
	ck_assert_uint_eq(truth_vmlck(), page);
	truth_assert_equal((uintptr_t)addr, (uintptr_t)addr + pages(MANY));
}
END_TEST

START_TEST(too_many_vmas_are_refused_and_the_ledger_stays_right)
{
	char *addr = map_many();
	size_t n, charged;
	int err;

	arena_lay(0, "OOOFFF");
	n = lock_every_other(addr, MANY, &err);
	if (!err || geteuid() != 0)
		skip("RLIMIT_MEMLOCK or the end comes first");
	ck_assert_int_eq(err, ENOMEM);
	charged = truth_vmlck();
	ck_assert_uint_eq(charged, pages(n + 6));
	FAILS(lof_munlock2(at(1), page, MLOCK_ONFAULT), ENOMEM);
	FAILS(lof_munlock(at(4), page), ENOMEM);
	FAILS(lof_mlock(at(1), page), ENOMEM);
	KINDS(at(0), "OOOFFF");
	ck_assert_uint_eq(truth_vmlck(), charged);
	truth_assert_equal((uintptr_t)addr, (uintptr_t)addr + pages(MANY));
	OK(lof_munlock2(addr, pages(MANY), MLOCK_ONFAULT));
	ck_assert_uint_eq(truth_vmlck(), pages(6));
	truth_assert_equal((uintptr_t)addr, (uintptr_t)addr + pages(MANY));
}
END_TEST

Suite *sandbox_suite(void)
{
	Suite *suite = suite_create("sandbox");
	TCase *tcase = arena_case(suite, "no mlock2");

	tcase_add_loop_test(tcase, without_mlock2_on_fault_is_enosys_by_policy,
			    0, 2);
	tcase_add_loop_test(tcase,
			    without_mlock2_convert_locks_in_full_by_policy, 0,
			    4);
	tcase_add_test(tcase, kernels_own_errors_pass_through);
	tcase = arena_case(suite, "no proc");
	tcase_add_test(tcase,
		       without_proc_munlockall2_fails_and_changes_nothing);
	tcase_add_test(tcase,
		       without_proc_query_fails_where_the_kernel_disagrees);
	tcase_add_loop_test(tcase,
			    without_proc_and_msync_the_ledger_keeps_its_locks,
			    0, 4);
	tcase_add_test(tcase, without_proc_stats_fail);
	tcase_add_test(tcase,
		       without_proc_locks_that_half_fail_are_never_overstated);
	tcase_add_test(tcase, with_a_forbidden_proc_calls_fail_with_eacces);
	tcase_add_test(tcase, with_an_empty_status_stats_fail_with_enodata);
	tcase_add_test(tcase, without_descriptors_calls_fail_with_emfile);
	tcase = arena_case(suite, "no memory");
	tcase_add_test(tcase, without_memory_for_the_ledger_calls_succeed);
	tcase_add_test(tcase, ledger_that_runs_out_of_memory_stays_right);
	tcase_add_test(tcase,
		       too_many_vmas_are_refused_and_the_ledger_stays_right);
	return suite;
}
