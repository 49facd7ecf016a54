/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The states of a process to which blocked attaches. */
#ifndef BLOCKED_H
#define BLOCKED_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>

struct state {
	const char *name;
	/* Returns NULL, or the reason why the result is wrong. */
	const char *(*run)(void);
	bool repeats;		/* a documented exception: it may last longer */
	bool is_endless;	/* the parent ends it */
	bool needs_filters;	/* the filter must be suspended */
};

extern const struct state states[];
extern const size_t nstates;
extern int duration_ms;

/* The process is ready to be attached to. */
void is_ready(void);

/* A child of the process that calls `act` after the duration, and ends. */
void later(void (*act)(void));

/* Sleep for the duration, or a part of it, by many short calls. */
void doze(int ms);

void on_signal(int sig, void (*handler)(int), int flags);

/* blocked_signals.c, blocked_threads.c */
const char *run_sigsuspend(void);
const char *run_pause(void);
const char *run_sigwaitinfo(void);
const char *run_sigtimedwait(void);
const char *run_alarms_restarted(void);
const char *run_alarms(void);
const char *run_in_handler_busy(void);
const char *run_in_handler_asleep(void);
const char *run_sigtrap_ignored(void);
const char *run_all_blocked(void);
const char *run_stopped(void);
const char *run_filter_kill(void);
const char *run_filter_errno(void);
const char *run_filter_strict(void);
const char *run_registers(void);
const char *run_waiters(void);
const char *run_churn(void);
const char *run_futex(void);

#endif
