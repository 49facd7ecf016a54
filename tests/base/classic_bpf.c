/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Filters of random instructions: the kernel judges a system call by them, and
 * lof_classic_bpf_run() must give the same answer.
 */
#include "config.h"

#include "base/classic_bpf.h"

#include <errno.h>
#include <linux/audit.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/tool.h"
#include "support/unit.h"

#define NCODE	40
#define NROUNDS	400

#if defined(__x86_64__)
#define ARCH	AUDIT_ARCH_X86_64
#elif defined(__i386__)
#define ARCH	AUDIT_ARCH_I386
#elif defined(__aarch64__)
#define ARCH	AUDIT_ARCH_AARCH64
#else
#define ARCH	0
#endif

static uint64_t state;

static uint32_t draw(uint32_t n)
{
	return (uint32_t)unit_below(&state, n);
}

static const uint16_t plain[] = {
	BPF_LD | BPF_IMM, BPF_LDX | BPF_IMM, BPF_LD | BPF_W | BPF_LEN,
	BPF_LDX | BPF_W | BPF_LEN, BPF_MISC | BPF_TAX, BPF_MISC | BPF_TXA,
	BPF_ALU | BPF_ADD | BPF_K, BPF_ALU | BPF_ADD | BPF_X,
	BPF_ALU | BPF_SUB | BPF_K, BPF_ALU | BPF_SUB | BPF_X,
	BPF_ALU | BPF_MUL | BPF_K, BPF_ALU | BPF_MUL | BPF_X,
	BPF_ALU | BPF_AND | BPF_K, BPF_ALU | BPF_AND | BPF_X,
	BPF_ALU | BPF_OR | BPF_K, BPF_ALU | BPF_OR | BPF_X,
	BPF_ALU | BPF_XOR | BPF_K, BPF_ALU | BPF_XOR | BPF_X,
	BPF_ALU | BPF_NEG,
};

static const uint16_t jumps[] = {
	BPF_JMP | BPF_JEQ | BPF_K, BPF_JMP | BPF_JEQ | BPF_X,
	BPF_JMP | BPF_JGT | BPF_K, BPF_JMP | BPF_JGT | BPF_X,
	BPF_JMP | BPF_JGE | BPF_K, BPF_JMP | BPF_JGE | BPF_X,
	BPF_JMP | BPF_JSET | BPF_K, BPF_JMP | BPF_JSET | BPF_X,
};

/* An instruction with at least `left` instructions behind it. */
static struct sock_filter draw_op(uint8_t left)
{
	struct sock_filter op = { .k = draw(2) ? draw(100) : draw(1u << 31) };

	switch (draw(6)) {
	case 0:
		op.code = jumps[draw(8)];
		op.jt = (uint8_t)draw(left);
		op.jf = (uint8_t)draw(left);
		break;
	case 1:
		op.code = BPF_LD | BPF_W | BPF_ABS;
		op.k = draw(sizeof(struct seccomp_data) / 4) * 4;
		/* The address of the system call is not known here. */
		if (op.k / 8 == offsetof(struct seccomp_data,
					 instruction_pointer) / 8)
			op.k = 0;
		break;
	case 2:
		op.code = draw(2) ? BPF_ALU | BPF_LSH | BPF_K :
				    BPF_ALU | BPF_RSH | BPF_K;
		op.k = draw(32);
		break;
	case 3:
		op.code = BPF_ALU | BPF_DIV | BPF_K;
		op.k = 1 + draw(1000);
		break;
	default:
		op.code = plain[draw(sizeof(plain) / sizeof(plain[0]))];
	}
	return op;
}

/*
 * Every call but getpriority() is allowed, in front of the random program. Each
 * cell is stored first: the kernel refuses a load before a store.
 */
static void draw_program(struct sock_filter code[NCODE])
{
	const struct sock_filter head[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getpriority, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		BPF_STMT(BPF_ST, 0), BPF_STMT(BPF_STX, 1), BPF_STMT(BPF_ST, 2),
	};
	const struct sock_filter tail[] = {
		BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0x3ff),
		BPF_STMT(BPF_ALU | BPF_ADD | BPF_K, 1),
		BPF_STMT(BPF_ALU | BPF_OR | BPF_K, SECCOMP_RET_ERRNO),
		BPF_STMT(BPF_RET | BPF_A, 0),
	};
	const size_t nhead = sizeof(head) / sizeof(head[0]);
	const size_t end = NCODE - sizeof(tail) / sizeof(tail[0]);

	memcpy(code, head, sizeof(head));
	memcpy(code + end, tail, sizeof(tail));
	for (size_t at = nhead; at < end; at++)
		if (draw(6))
			code[at] = draw_op((uint8_t)(end - at));
		else
			code[at] = (struct sock_filter)BPF_STMT(
				draw(3) ? BPF_LD | BPF_MEM :
				draw(2) ? BPF_LDX | BPF_MEM : BPF_ST, draw(3));
}

/* The errno of getpriority() in a child under the filter. */
static int errno_by_kernel(struct sock_filter *code,
			   const unsigned long args[6])
{
	struct sock_fprog program = { NCODE, code };
	int pipes[2], err = -1;
	pid_t pid;

	ck_assert_int_eq(pipe(pipes), 0);
	pid = fork();
	if (pid == 0) {
		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
		    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program))
			_exit(1);
		err = syscall(SYS_getpriority, args[0], args[1], args[2],
			      args[3], args[4], args[5]) == -1 ? errno : 0;
		_exit(write(pipes[1], &err, sizeof(err)) != sizeof(err));
	}
	close(pipes[1]);
	ck_assert_int_eq(read(pipes[0], &err, sizeof(err)), sizeof(err));
	close(pipes[0]);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	return err;
}

START_TEST(random_filters_answer_as_in_the_kernel)
{
	struct sock_filter code[NCODE];
	struct seccomp_data data = { .nr = SYS_getpriority, .arch = ARCH };
	unsigned long args[6];
	uint32_t answer;

	if (!ARCH)
		skip("the test does not know this architecture's number");
	state = unit_seed + (uint64_t)_i;
	for (int round = 0; round < NROUNDS / 4; round++) {
		draw_program(code);
		for (size_t i = 0; i < 6; i++) {
			args[i] = draw(2) ? draw(64) : ~0ul / (draw(64) + 1);
			data.args[i] = args[i];
		}
		answer = lof_classic_bpf_run(code, NCODE, &data);
		ck_assert_uint_eq(answer & SECCOMP_RET_ACTION,
				  SECCOMP_RET_ERRNO);
		ck_assert_int_eq(answer & SECCOMP_RET_DATA,
				 errno_by_kernel(code, args));
	}
}
END_TEST

/* The kernel refuses these programs; none may be taken for a permission. */
START_TEST(invalid_filters_permit_nothing)
{
	const struct seccomp_data data = { .nr = 1 };
	const struct sock_filter wrong[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 2),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, sizeof(data)),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0xfffffffcu),
		BPF_STMT(BPF_LD | BPF_MEM, BPF_MEMWORDS),
		BPF_STMT(BPF_ST, BPF_MEMWORDS),
		BPF_STMT(BPF_STX, 0xffffffffu),
		BPF_STMT(BPF_LD | BPF_W | BPF_IND, 0),
		BPF_STMT(BPF_ALU | BPF_DIV | BPF_K, 0),
		BPF_STMT(BPF_ALU | BPF_DIV | BPF_X, 0),
		BPF_STMT(BPF_ALU | 0xf0, 0),
		BPF_STMT(BPF_JMP | BPF_JA, 0xffffffffu),
		BPF_JUMP(BPF_JMP | 0xf0, 0, 0, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 200, 200),
	};
	struct sock_filter code[2] = {
		{ 0 }, BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};

	ck_assert_uint_eq(lof_classic_bpf_run(code, 0, &data),
			  SECCOMP_RET_KILL);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		code[0] = wrong[i];
		ck_assert_uint_eq(lof_classic_bpf_run(code, 2, &data),
				  SECCOMP_RET_KILL);
	}
}
END_TEST

Suite *suite_classic_bpf(void)
{
	Suite *suite = suite_create("classic BPF");
	TCase *tcase = tcase_create("filters");

	tcase_set_timeout(tcase, 60);
	tcase_add_loop_test(tcase, random_filters_answer_as_in_the_kernel, 0,
			    4);
	tcase_add_test(tcase, invalid_filters_permit_nothing);
	suite_add_tcase(suite, tcase);
	return suite;
}
