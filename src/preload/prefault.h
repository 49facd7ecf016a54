/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * LOCKONFAULT_PREFAULT: for real-time programs. A part of the heap and of each
 * stack is resident before the program uses it.
 */
#ifndef LOF_PRELOAD_PREFAULT_H
#define LOF_PRELOAD_PREFAULT_H

#include <pthread.h>
#include <stdbool.h>

/* In the constructor: calls malloc. text is valid (lof_prefault_parse()). */
void lof_prefault(const char *text);

/* Private to lof_prefault_mark(). */
extern bool lof_prefault_is_on __attribute__((visibility("hidden")));

/* Faults count from now on, for `lockonfault status`. */
void lof_prefault_set_mark(void);

static inline void lof_prefault_mark(void)
{
	if (lof_prefault_is_on)
		lof_prefault_set_mark();
}

/*
 * pthread_create() is about to make a thread that runs *function(*arg), with
 * this size of stack and of its guard. Replace both, so that the thread first
 * makes its stack resident. Calls malloc. undo: the thread was not made.
 */
typedef void *lof_thread_function(void *arg);
void lof_prefault_thread(lof_thread_function **function, void **arg,
			 size_t size, size_t guard);
void lof_prefault_undo(lof_thread_function *function, void *arg);

/* Is a thread's stack to be made resident? */
bool lof_prefault_has_stack(void);

#endif
