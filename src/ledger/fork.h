/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The ledger's part of a fork. */
#ifndef LOF_LEDGER_FORK_H
#define LOF_LEDGER_FORK_H


/* api/fork.c calls these before a fork, and after it in parent and child. */
void lof_ledger_before_fork(void);
void lof_ledger_after_fork(void);
void lof_ledger_after_fork_in_child(void);

#endif
