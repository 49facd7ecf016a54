/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which kinds of memory are not to be locked (LOCKONFAULT_SKIP, _ONLY), by the
 * names in /proc/PID/maps.
 */
#ifndef LOF_BASE_SELECT_H
#define LOF_BASE_SELECT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

/* A list "anon,heap,stack,shm,file,file:GLOB". */
struct lof_kinds {
	unsigned int kinds;
	size_t nglobs;
	struct {
		const char *text;	/* in the parsed text */
		size_t len;
	} glob[16];
};

#define LOF_KINDS_MAX	1024	/* bytes of a list, with the zero */

/* 0; -EINVAL: there is no such kind, or the list is empty or too long. */
int lof_kinds_parse(const char *text, struct lof_kinds *kinds);

/* Does a name match, as by fnmatch(3) with flags 0 in the locale C? */
bool lof_glob_matches(const char *glob, size_t glob_len, const char *name,
		      size_t len);

/*
 * Copy both lists, or NULL. scan_ms: LOF_SYNC_MS while MCL_FUTURE is emulated
 * because of the lists. Call this once. 0 or -EINVAL.
 */
int lof_select_set(const char *skip, const char *only, unsigned long scan_ms);
unsigned long lof_select_scan_ms(void);

/* Private to lof_select_is_on(). */
extern _Atomic bool lof_select_is_set __attribute__((visibility("hidden")));

static inline bool lof_select_is_on(void)
{
	return atomic_load_explicit(&lof_select_is_set, memory_order_acquire);
}

/* Is a VMA with this name in maps to be left unlocked? */
bool lof_select_skips(const char *name, size_t len);

#endif
