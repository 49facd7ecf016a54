/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The registers with which an interrupted thread must go on, so that it does
 * not notice the stop.
 */
#ifndef LOF_TRACE_RESUME_H
#define LOF_TRACE_RESUME_H

#include <stdint.h>
#include <sys/types.h>

#include "trace/regs.h"

/*
 * Read the system call that a thread sleeps in, from /proc. number is negative
 * if it sleeps in none, or if that is unknown.
 */
void lof_blocked_call_read(pid_t tid, struct lof_blocked_call *blocked);

/*
 * Change the registers of a thread that was stopped by PTRACE_INTERRUPT. mask
 * is its signal mask (PTRACE_GETSIGMASK); blocked was read before the stop.
 */
void lof_resume_fix(pid_t tid, struct lof_regs *regs, uint64_t mask,
		    const struct lof_blocked_call *blocked);

#endif
