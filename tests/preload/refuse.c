/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A library that installs a seccomp filter before any other constructor runs:
 * for the shim the filter was there from the start. A filter that is installed
 * before exec could not refuse openat, because the loader needs it. The variable
 * REFUSE has an errno and the numbers of the calls: "1 325 257".
 */
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>

#include "kernel/syscall.h"

#define CALLS_MAX	16

/* Parse a number and a space after it. libc is not ready yet. */
static const char *take(const char *text, uint32_t *number)
{
	for (*number = 0; *text >= '0' && *text <= '9'; text++)
		*number = *number * 10 + (uint32_t)(*text - '0');
	return *text == ' ' ? text + 1 : text;
}

static void refuse(const char *text)
{
	struct sock_filter code[2 * CALLS_MAX + 2] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 offsetof(struct seccomp_data, nr)),
	};
	struct sock_fprog program = { 1, code };
	uint32_t err, nr;

	text = take(text, &err);
	while (*text && program.len < 2 * CALLS_MAX) {
		text = take(text, &nr);
		code[program.len++] = (struct sock_filter)BPF_JUMP(
			BPF_JMP | BPF_JEQ | BPF_K, nr, 0, 1);
		code[program.len++] = (struct sock_filter)BPF_STMT(
			BPF_RET | BPF_K, SECCOMP_RET_ERRNO | err);
	}
	code[program.len++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K,
							   SECCOMP_RET_ALLOW);
	if (lof_syscall_raw(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0, 0) ||
	    lof_syscall_raw(SYS_prctl, PR_SET_SECCOMP, SECCOMP_MODE_FILTER,
			    (long)&program, 0, 0, 0))
		lof_syscall_raw(SYS_exit_group, 97, 0, 0, 0, 0, 0);
}

__attribute__((constructor))
static void begin(int argc, char **argv, char **env)
{
	(void)argc;
	(void)argv;
	for (; *env; env++)
		if (strncmp(*env, "REFUSE=", 7) == 0)
			refuse(*env + 7);
}
