/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Evaluate a seccomp filter: a program of classic BPF. The instructions are
 * those that seccomp(2) accepts. Each jump goes forward, so each program ends.
 */
#include "config.h"

#include "base/classic_bpf.h"

#include <stdbool.h>
#include <string.h>

struct machine {
	uint32_t a, x, memory[BPF_MEMWORDS];
	bool failed;
};

/* A word of the data that the filter judges. */
static uint32_t word_at(struct machine *machine, uint32_t offset,
			const struct seccomp_data *data)
{
	uint32_t word = 0;

	if (offset % sizeof(word) || offset > sizeof(*data) - sizeof(word))
		machine->failed = true;
	else
		memcpy(&word, (const char *)data + offset, sizeof(word));
	return word;
}

static uint32_t cell(struct machine *machine, uint32_t index)
{
	if (index < BPF_MEMWORDS)
		return machine->memory[index];
	machine->failed = true;
	return 0;
}

static uint32_t load(struct machine *machine, const struct sock_filter *op,
		     const struct seccomp_data *data)
{
	switch (BPF_MODE(op->code)) {
	case BPF_ABS:
		return word_at(machine, op->k, data);
	case BPF_LEN:
		return sizeof(*data);
	case BPF_IMM:
		return op->k;
	case BPF_MEM:
		return cell(machine, op->k);
	default:
		machine->failed = true;
		return 0;
	}
}

static void store(struct machine *machine, uint32_t index, uint32_t value)
{
	if (index < BPF_MEMWORDS)
		machine->memory[index] = value;
	else
		machine->failed = true;
}

static uint32_t calculate(struct machine *machine, uint16_t code, uint32_t b)
{
	uint32_t a = machine->a;

	switch (BPF_OP(code)) {
	case BPF_ADD:
		return a + b;
	case BPF_SUB:
		return a - b;
	case BPF_MUL:
		return a * b;
	case BPF_DIV:
		/* The kernel ends the program. */
		machine->failed |= b == 0;
		return b ? a / b : 0;
	case BPF_AND:
		return a & b;
	case BPF_OR:
		return a | b;
	case BPF_XOR:
		return a ^ b;
	case BPF_LSH:
		return a << (b & 31);
	case BPF_RSH:
		return a >> (b & 31);
	case BPF_NEG:
		return 0 - a;
	default:
		machine->failed = true;
		return 0;
	}
}

/* The number of instructions to skip. */
static size_t jump(struct machine *machine, const struct sock_filter *op,
		   uint32_t b)
{
	bool holds;

	switch (BPF_OP(op->code)) {
	case BPF_JA:
		return op->k;
	case BPF_JEQ:
		holds = machine->a == b;
		break;
	case BPF_JGT:
		holds = machine->a > b;
		break;
	case BPF_JGE:
		holds = machine->a >= b;
		break;
	case BPF_JSET:
		holds = machine->a & b;
		break;
	default:
		machine->failed = true;
		return 0;
	}
	return holds ? op->jt : op->jf;
}

/* Execute an instruction that does not end the program: instructions to skip. */
static size_t step(struct machine *machine, const struct sock_filter *op,
		   const struct seccomp_data *data)
{
	uint32_t b = BPF_SRC(op->code) == BPF_X ? machine->x : op->k;

	switch (BPF_CLASS(op->code)) {
	case BPF_LD:
		machine->a = load(machine, op, data);
		break;
	case BPF_LDX:
		machine->x = load(machine, op, data);
		break;
	case BPF_ST:
		store(machine, op->k, machine->a);
		break;
	case BPF_STX:
		store(machine, op->k, machine->x);
		break;
	case BPF_ALU:
		machine->a = calculate(machine, op->code, b);
		break;
	case BPF_JMP:
		return jump(machine, op, b);
	default:
		if (BPF_MISCOP(op->code) == BPF_TAX)
			machine->x = machine->a;
		else
			machine->a = machine->x;
	}
	return 0;
}

uint32_t lof_classic_bpf_run(const struct sock_filter *code, size_t len,
			     const struct seccomp_data *data)
{
	struct machine machine = { .a = 0 };
	size_t skip;

	for (size_t at = 0; at < len && !machine.failed; at++) {
		if (BPF_CLASS(code[at].code) == BPF_RET)
			return BPF_RVAL(code[at].code) == BPF_A ? machine.a
								: code[at].k;
		skip = step(&machine, &code[at], data);
		if (skip > len - 1 - at)
			break;
		at += skip;
	}
	return SECCOMP_RET_KILL;
}
