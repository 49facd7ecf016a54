/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The calls that a seccomp filter refuses, and filters that are not installed. */
#include "config.h"

#include "kernel/permit.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "kernel/caps.h"
#include "kernel/sys.h"
#include "support/unit.h"

#define BIT(call)	((uint32_t)1 << (call))
#define ALLOW		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)
#define LOAD(member)	BPF_STMT(BPF_LD | BPF_W | BPF_ABS,		\
				 offsetof(struct seccomp_data, member))
#define UNLESS(number, n)	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, n)

/* The calls that the library loses if system call nr is answered so. */
static uint32_t lost(unsigned int nr, uint32_t action)
{
	const struct sock_filter code[] = {
		LOAD(nr), UNLESS(nr, 1), BPF_STMT(BPF_RET | BPF_K, action),
		ALLOW,
	};

	return lof_permit_judge(code, 4);
}

START_TEST(each_system_call_belongs_to_its_calls)
{
	const uint32_t kill = SECCOMP_RET_KILL;

	ck_assert_uint_eq(lost(SYS_mlock2, kill), BIT(LOF_CALL_MLOCK2));
	ck_assert_uint_eq(lost(SYS_msync, kill), BIT(LOF_CALL_MSYNC));
	ck_assert_uint_eq(lost(SYS_openat, kill), BIT(LOF_CALL_FILES) |
						  BIT(LOF_CALL_LOG));
	ck_assert_uint_eq(lost(SYS_read, kill), BIT(LOF_CALL_FILES));
	ck_assert_uint_eq(lost(SYS_ioctl, kill), BIT(LOF_CALL_PAGEMAP_SCAN));
	ck_assert_uint_eq(lost(SYS_prlimit64, kill), BIT(LOF_CALL_PRLIMIT));
	ck_assert_uint_eq(lost(SYS_futex, kill), BIT(LOF_CALL_FUTEX) |
						 BIT(LOF_CALL_THREAD));
	ck_assert_uint_eq(lost(SYS_clone, kill), BIT(LOF_CALL_THREAD));
	ck_assert_uint_eq(lost(SYS_mremap, kill), BIT(LOF_CALL_OWN_MEMORY) |
						  BIT(LOF_CALL_PROBE_HUGETLB));
	ck_assert_uint_eq(lost(SYS_readlinkat, kill), BIT(LOF_CALL_READLINK));
	ck_assert_uint_eq(lost(SYS_getppid, kill), 0);
	ck_assert_uint_eq(lof_permit_judge(NULL, 0), LOF_ALL_CALLS);
}
END_TEST

START_TEST(each_action_but_two_refuses)
{
	static const uint32_t refusals[] = {
		SECCOMP_RET_KILL_PROCESS, SECCOMP_RET_KILL, SECCOMP_RET_TRAP,
		SECCOMP_RET_ERRNO | EPERM, SECCOMP_RET_ERRNO,
		0x7fc00000u /* USER_NOTIF */, SECCOMP_RET_TRACE,
	};

	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++)
		ck_assert_uint_eq(lost(SYS_msync, refusals[i]),
				  BIT(LOF_CALL_MSYNC));
	ck_assert_uint_eq(lost(SYS_msync, SECCOMP_RET_ALLOW), 0);
	ck_assert_uint_eq(lost(SYS_msync, 0x7ffc0000u /* LOG */), 0);
}
END_TEST

/* The program makes mlock itself, and gets the errno of its filter. */
START_TEST(mlock_is_refused_only_if_it_kills_or_lies)
{
	ck_assert_uint_eq(lost(SYS_mlock, SECCOMP_RET_ERRNO | EPERM), 0);
	ck_assert_uint_eq(lost(SYS_mlock, SECCOMP_RET_ERRNO),
			  BIT(LOF_CALL_MLOCK));
	ck_assert_uint_eq(lost(SYS_mlock, SECCOMP_RET_TRAP),
			  BIT(LOF_CALL_MLOCK));
}
END_TEST

START_TEST(arguments_are_judged_too)
{
	const struct sock_filter only_mcl_3[] = {
		LOAD(nr), UNLESS(SYS_mlockall, 3), LOAD(args[0]),
		UNLESS(MCL_CURRENT | MCL_FUTURE, 2), ALLOW, ALLOW,
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL),
	};

	ck_assert_uint_eq(lof_permit_judge(only_mcl_3, 7),
			  BIT(LOF_CALL_MLOCKALL));
}
END_TEST

START_TEST(a_refused_call_is_not_made)
{
	struct lof_range range = { 4096, 8192 };
	struct lof_permit_update update;

	ck_assert_int_eq(lof_sys_msync(range, MS_ASYNC), -ENOMEM);
	update = lof_permit_begin(BIT(LOF_CALL_MSYNC));
	ck_assert(!lof_permits(LOF_CALL_MSYNC));
	ck_assert(!lof_cap_is_there(LOF_CAP_MSYNC));
	ck_assert_int_eq(lof_sys_msync(range, MS_ASYNC), -EPERM);
	lof_permit_end(update, true);
	ck_assert_int_eq(lof_sys_msync(range, MS_ASYNC), -EPERM);
}
END_TEST

START_TEST(a_filter_that_is_not_installed_permits_again)
{
	uint32_t both = BIT(LOF_CALL_MSYNC) | BIT(LOF_CALL_FILES);
	struct lof_permit_update update, other;

	update = lof_permit_begin(BIT(LOF_CALL_MSYNC));
	lof_permit_end(update, true);
	update = lof_permit_begin(both);
	ck_assert(lof_permits_not(BIT(LOF_CALL_FILES)));
	lof_permit_end(update, false);
	ck_assert(lof_permits(LOF_CALL_FILES));
	ck_assert(!lof_permits(LOF_CALL_MSYNC));
	/* Of two at the same time, the one that fails must keep its calls. */
	update = lof_permit_begin(both);
	other = lof_permit_begin(both);
	lof_permit_end(other, true);
	lof_permit_end(update, false);
	ck_assert(!lof_permits(LOF_CALL_FILES));
}
END_TEST

Suite *suite_permit(void)
{
	Suite *suite = suite_create("permit");
	TCase *tcase = tcase_create("permit");

	tcase_add_test(tcase, each_system_call_belongs_to_its_calls);
	tcase_add_test(tcase, each_action_but_two_refuses);
	tcase_add_test(tcase, mlock_is_refused_only_if_it_kills_or_lies);
	tcase_add_test(tcase, arguments_are_judged_too);
	tcase_add_test(tcase, a_refused_call_is_not_made);
	tcase_add_test(tcase, a_filter_that_is_not_installed_permits_again);
	suite_add_tcase(suite, tcase);
	return suite;
}
