/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A system call instruction in the memory of a stopped thread. */
#ifndef LOF_TRACE_INSN_H
#define LOF_TRACE_INSN_H

#include <stdint.h>
#include <sys/types.h>

#include "trace/regs.h"

/*
 * The address of an instruction: the one in which the thread is stopped, or
 * else one of its vDSO, or of other code. 0: there is none.
 */
uint64_t lof_insn_find(pid_t tid, const struct lof_regs *regs);

#endif
