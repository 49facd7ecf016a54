/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The functions of the module. module_loader finds them by dlsym(). */
#ifndef MODULE_H
#define MODULE_H

#include <stddef.h>

#define MODULE_NPAGES	8

#define MODULE_PUBLIC	__attribute__((visibility("default")))

MODULE_PUBLIC int module_lock(void *addr, size_t len);

/* Write 'O' or 'F' into kinds for each locked page, by lof_walk(). */
MODULE_PUBLIC int module_draw(char *arena, size_t page, char *kinds);

#endif
