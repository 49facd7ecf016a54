/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Checks that cannot run here. libcheck knows only passed and failed checks. So
 * skipped checks are counted here, and do not count as passed.
 */
#ifndef SKIP_H
#define SKIP_H

#include <check.h>

/* Skip the check that calls this. The reason is one line. */
_Noreturn void skip(const char *why);

/* Count a check that was not added to its case. */
void skip_count(const char *why);

/*
 * Run all suites. After libcheck's last line print the number of skipped checks
 * and the reasons. Frees the runner. Returns the exit status: 77 if all checks
 * were skipped.
 */
int run_suites(SRunner *runner);

#endif
