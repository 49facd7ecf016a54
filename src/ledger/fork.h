/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A fork, as the ledger sees it. */
#ifndef LOF_LEDGER_FORK_H
#define LOF_LEDGER_FORK_H


/* What fork.c calls before a fork, and after it on both sides. */
void lof_ledger_before_fork(void);
void lof_ledger_after_fork(void);
void lof_ledger_after_fork_in_child(void);

#endif
