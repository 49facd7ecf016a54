/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Evaluate a seccomp filter: a program of classic BPF. */
#ifndef LOF_BASE_CLASSIC_BPF_H
#define LOF_BASE_CLASSIC_BPF_H

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Returns the filter's answer, an action SECCOMP_RET_* with its data. For a
 * program that the kernel would not accept it is SECCOMP_RET_KILL_THREAD.
 */
uint32_t lof_classic_bpf_run(const struct sock_filter *code, size_t len,
			     const struct seccomp_data *data);

#endif
