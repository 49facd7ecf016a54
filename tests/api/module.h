/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What module_loader calls in the module, found by name. */
#ifndef MODULE_H
#define MODULE_H

#include <stddef.h>

#define MODULE_NPAGES	8

#define MODULE_PUBLIC	__attribute__((visibility("default")))

MODULE_PUBLIC int module_lock(void *addr, size_t len);

/* Put 'O' or 'F' into kinds for each page that is locked, by lof_walk(). */
MODULE_PUBLIC int module_draw(char *arena, size_t page, char *kinds);

#endif
