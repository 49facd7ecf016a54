/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Stands before libc's <sys/mman.h> where "pkg-config --cflags
 * lockonfault-overlay" put it, and adds the redirection to it. overlay.h
 * includes this file, too.
 */
#include <lockonfault/overlay.h>
#include_next <sys/mman.h>
