/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Checks that cannot be had here. libcheck knows passed and failed only, so
 * they are counted beside it, and no skipped check passes for a passed one.
 */
#ifndef SKIP_H
#define SKIP_H

#include <check.h>

/* In a check: end it. The reason is one line, the same for all of its kind. */
_Noreturn void skip(const char *why);

/* One that is not even added to its case. */
void skip_count(const char *why);

/*
 * Run all, and print after libcheck's closing line how many were skipped, and
 * why. Frees the runner and returns the status to exit with: 77 if nothing was
 * left to run.
 */
int run_suites(SRunner *runner);

#endif
